"""The table of ids: id -> environment, vector environment and JSON-able default arguments.

This module runs on `import llm_envs`. So its functions import what they need when they are called, and the
entry points are strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gymnasium as gym

if TYPE_CHECKING:
    from gymnasium.vector import VectorEnv

    from llm_envs.envs.token_env import TokenEnv

_ENVS = "llm_envs.envs."

TABLE: dict[str, tuple[str, dict[str, Any]]] = {
    "TextGen-Tiny-v0": ("tiny:Tiny", {}),
    "TextGen-v0": (
        "text_generation:TextGeneration",
        {"dataset": "poems", "max_prompt_tokens": 16, "max_new_tokens": 96},
    ),
    "TextGen-Script-v0": (
        "text_generation:TextGeneration",
        {"dataset": "scripts", "max_prompt_tokens": 64, "max_new_tokens": 176},
    ),
    "TextGen-Code-v0": (
        "text_generation:TextGeneration",
        {"dataset": "code", "max_prompt_tokens": 192, "max_new_tokens": 192},
    ),
    "Translation-v0": (
        "translation:Translation",
        {"dataset": "en-de", "max_prompt_tokens": 12, "max_new_tokens": 12},
    ),
    "Translation-EnZh-v0": (
        "translation:Translation",
        {"dataset": "en-zh", "max_prompt_tokens": 12, "max_new_tokens": 12},
    ),
    "Translation-EnIt-v0": (
        "translation:Translation",
        {"dataset": "en-it", "max_prompt_tokens": 136, "max_new_tokens": 148},
    ),
    "Dialogue-v0": ("dialogue:Dialogue", {}),
    "Dialogue-Chat-v0": (
        "chat:Chat",
        {"dataset": "chat", "max_prompt_tokens": 128, "max_new_tokens": 128},
    ),
}
"""id -> "module:Prefix" (classes PrefixEnv and PrefixVectorEnv) and the arguments the id fixes by default."""


ENTRIES = {entry.partition(":")[0]: entry for entry, _ in TABLE.values()}
"""The names `register_env` takes: "translation", "text_generation", "dialogue", "chat", "tiny"."""

_registered_by_user: dict[str, None] = {}  # the ids of `register_env`, in order


def register_envs() -> None:
    """Registers every id of the table with Gymnasium."""
    for env_id, (entry, kwargs) in TABLE.items():
        _register(env_id, f"{_ENVS}{entry}Env", f"{_ENVS}{entry}VectorEnv", kwargs)


def list_envs() -> list[str]:
    """Returns the ids of this package, then the ids that `register_env` added."""
    return [*TABLE, *(env_id for env_id in _registered_by_user if env_id in gym.registry)]


def register_env(env_id: str, entry: str | type[TokenEnv] = "translation", **kwargs: Any) -> None:
    """Registers an id of your own, for `gymnasium.make` and for every function here that takes an id.

    Put the call into a module, for example `my_envs.py`. Then `"my_envs:MyDeEn-v0"` is the id on the command
    line, in a suite, and in Python before the module is imported. Tables and records say `MyDeEn-v0`.

    Args:
        env_id: The new id, for example "MyDeEn-v0".
        entry: "translation", "text_generation", "dialogue", "chat" or "tiny". Or a class that inherits from
            TokenEnv or from one of these environments. A class may be given as "package.module:Class".
        **kwargs: Default arguments of the id. Arguments of `gymnasium.make` override them.

    Raises:
        ValueError: The id belongs to this package, or the class does not exist.
        TypeError: The environment takes no such argument.
        gymnasium.error.Error: The id is malformed.
    """
    import inspect

    from llm_envs.checks.suggestions import did_you_mean
    from llm_envs.envs.arguments import check_arguments
    from llm_envs.envs.token_env import TokenEnv
    from llm_envs.foreign import load_code

    if env_id in TABLE:
        raise ValueError(f"{env_id!r} is an id of this package and cannot be redefined; choose another name")
    if isinstance(entry, str) and entry in ENTRIES:
        target: Any = f"{_ENVS}{ENTRIES[entry]}Env"
    elif isinstance(entry, str) and ":" not in entry:
        raise ValueError(
            f"unknown entry {entry!r}{did_you_mean(entry, ENTRIES)} the entries are {', '.join(ENTRIES)}, "
            "and 'package.module:Class'"
        )
    else:
        target = entry
    cls = load_code(target, "environment") if isinstance(target, str) else target
    if not isinstance(cls, type) or not issubclass(cls, TokenEnv):
        raise ValueError(
            f"entry {entry!r} is not a class that inherits from llm_envs.envs.token_env.TokenEnv"
        )
    parameters = inspect.signature(cls).parameters
    if cls.__init__ is TokenEnv.__init__:
        known = dict.fromkeys(name for name in parameters if name != "unknown")
        unknown = {name: value for name, value in kwargs.items() if name not in parameters}
        check_arguments(cls.task_class, known, unknown)
    _register(env_id, _importable_name(target), _rows_of(cls), kwargs)
    _registered_by_user[env_id] = None


def _rows_of(cls: type[TokenEnv]) -> Any:
    """Returns the vector environment of a class as text, if that leads back to it; else itself."""
    from llm_envs.envs.ids import vector_class

    rows = _importable_name(vector_class(cls))
    if isinstance(rows, str) or not isinstance(_importable_name(cls), str):
        return rows
    return f"llm_envs.envs.own_rows:{cls.__module__}.{cls.__qualname__}"


def _importable_name(entry: Any) -> Any:
    """Returns a class as "module:Class" if that name leads back to it, so that the spec is JSON-able."""
    import sys

    name = getattr(entry, "__qualname__", "")
    named = getattr(sys.modules.get(getattr(entry, "__module__", "")), name, None)
    return f"{entry.__module__}:{name}" if named is entry else entry


def _register(env_id: str, entry: Any, vector_entry: Any, kwargs: Mapping[str, Any]) -> None:
    gym.register(
        env_id,
        entry_point=entry,
        vector_entry_point=vector_entry,
        # The environment checks order and actions itself, faster than the wrappers do.
        order_enforce=False,
        disable_env_checker=True,
        kwargs=dict(kwargs),
    )


def vectorize(env: gym.Env[Any, Any], num_envs: int, **changes: Any) -> VectorEnv[Any, Any, Any]:
    """Makes the native vector environment of an environment of this package.

    Args:
        env: Made by `gymnasium.make` from a registered id, or by its class. A TopKActions wrapper is put
            around the vector environment too. Other wrappers are dropped.
        num_envs: Number of rows.
        **changes: Arguments that differ from the environment's, such as `autoreset_mode` and `split`.

    Raises:
        ValueError: The environment is not of this package, or it overrides step() or reset().
    """
    from llm_envs.envs.ids import is_ours, make_vec_like
    from llm_envs.wrappers.top_k import TopKActions

    inner: Any = env.unwrapped
    if not is_ours(inner):
        raise ValueError(
            f"{env} is not an environment of this package, or it overrides step() or reset(); it has no "
            "native vector environment"
        )
    envs = make_vec_like(inner, num_envs, **changes)
    while isinstance(env, gym.Wrapper):
        if isinstance(env, TopKActions):
            return env.vectorize(envs)
        env = env.env
    return envs
