"""The ids: one table, id -> environment, vector environment and JSON-able defaults."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
from gymnasium.vector import VectorEnv

from llm_envs.envs.ids import is_ours, rows_of, vector_class
from llm_envs.envs.token_env import TokenEnv, check_arguments
from llm_envs.foreign import load_code
from llm_envs.rewards.registry import did_you_mean
from llm_envs.wrappers.top_k import TopKActions

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
"""What `register_env` calls them: "translation", "text_generation", "dialogue", "chat", "tiny"."""

_own: dict[str, None] = {}  # ids that register_env has made, in order


def register_envs() -> None:
    """Registers every id of the table with Gymnasium."""
    for env_id, (entry, kwargs) in TABLE.items():
        _register(env_id, f"{_ENVS}{entry}Env", f"{_ENVS}{entry}VectorEnv", kwargs)


def list_envs() -> list[str]:
    """The ids of this package, and those of one's own that `register_env` has made."""
    return [*TABLE, *(env_id for env_id in _own if env_id in gym.registry)]


def register_env(env_id: str, entry: str | type[TokenEnv] = "translation", **kwargs: Any) -> None:
    """Registers an id of one's own, for `gymnasium.make` and everything that takes an id here.

    Put the call into a module, say `my_envs.py`; then `"my_envs:MyDeEn-v0"` is the id on the command line,
    in a suite, and in Python before the module is imported. Tables and records say `MyDeEn-v0`.

    Args:
        env_id: Such as "MyDeEn-v0".
        entry: "translation", "text_generation", "dialogue", "chat" or "tiny"; or a class that inherits from
            one of theirs or from TokenEnv, itself or as "package.module:Class".
        **kwargs: Arguments that it has by default; those given to `gymnasium.make` go before.

    Raises:
        ValueError: The id is one of this package's, or there is no such class.
        TypeError: The environment takes no such argument.
        gymnasium.error.Error: The id is malformed.
    """
    if env_id in TABLE:
        raise ValueError(f"{env_id!r} is an id of this package, which stays what it is; choose another name")
    if isinstance(entry, str) and entry in ENTRIES:
        target: Any = f"{_ENVS}{ENTRIES[entry]}Env"
    elif isinstance(entry, str) and ":" not in entry:
        raise ValueError(
            f"unknown entry {entry!r}{did_you_mean(entry, ENTRIES)} there are {', '.join(ENTRIES)}, and "
            "'package.module:Class'"
        )
    else:
        target = entry
    cls = load_code(target, "environment") if isinstance(target, str) else target
    if not isinstance(cls, type) or not issubclass(cls, TokenEnv):
        raise ValueError(f"entry {entry!r} is no class that inherits from llm_envs.envs.token_env.TokenEnv")
    known = inspect.signature(cls).parameters
    if cls.__init__ is TokenEnv.__init__:
        check_arguments(
            cls.task_class, dict.fromkeys(n for n in known if n != "unknown"), _beyond(known, kwargs)
        )
    _register(env_id, _path(target), _path(vector_class(cls)), kwargs)
    _own[env_id] = None


def _path(entry: Any) -> Any:
    """A class as "module:Class" where it can be found by that, so that the spec can be written as JSON."""
    name = getattr(entry, "__qualname__", "")
    found = getattr(sys.modules.get(getattr(entry, "__module__", "")), name, None)
    return f"{entry.__module__}:{name}" if found is entry else entry


def _beyond(known: Mapping[str, Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if name not in known}


def _register(env_id: str, entry: Any, rows: Any, kwargs: Mapping[str, Any]) -> None:
    gym.register(
        env_id,
        entry_point=entry,
        vector_entry_point=rows,
        # Order and actions are checked by the environment itself, at a fraction of the wrappers' cost.
        order_enforce=False,
        disable_env_checker=True,
        kwargs=dict(kwargs),
    )


def vectorize(env: gym.Env[Any, Any], num_envs: int, **changes: Any) -> VectorEnv[Any, Any, Any]:
    """The native vector environment of an environment of this package.

    Args:
        env: Made by `gymnasium.make` from an id of ours or of one's own, or by its class. TopKActions around
            it goes around the vector environment too; other wrappers are left out.
        num_envs: Number of rows.
        **changes: Arguments that differ from the environment's, `autoreset_mode` and `split` among them.

    Raises:
        ValueError: The environment is not one of this package, or has a step() or reset() of its own.
    """
    inner: Any = env.unwrapped
    if not is_ours(inner):
        raise ValueError(
            f"{env} is no environment of this package, or has a step() or reset() of its own: there is no "
            "native vector environment like it"
        )
    envs = rows_of(inner, num_envs, **changes)
    while isinstance(env, gym.Wrapper):
        if isinstance(env, TopKActions):
            return env.vectorize(envs)
        env = env.env
    return envs
