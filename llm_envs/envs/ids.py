"""From an id of Gymnasium's registry to an environment of this package.

Ids that users register are recognised by their class, with `llm_envs.register_env` or
`gymnasium.register`. So `evaluate`, `vectorize`, agents and the command line accept them like ours.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec, load_env_creator
from gymnasium.vector import VectorEnv
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker

from llm_envs.envs.token_env import TokenEnv
from llm_envs.envs.vector_env import TokenVectorEnv

MakesRows = Callable[..., TokenVectorEnv]


def bare_id(env_id: str) -> str:
    """Returns an id without the module in front of it, as the registry, tables and records have it."""
    return _split(env_id)[1]


def _split(env_id: str) -> tuple[str, str]:
    """Splits an id into the module in front of it, "" if there is none, and the id itself."""
    module, _, name = env_id.rpartition(":")
    named = all(part.isidentifier() for part in module.split("."))
    return (module, name) if named else ("", env_id)


def find_spec(env_id: str) -> EnvSpec | None:
    """Returns the spec of an id, None if it is unknown. "module:Id-v0" imports the module first.

    Args:
        env_id: An id that a person typed: its module is imported.

    Raises:
        ValueError: The module does not exist.
    """
    module, name = _split(env_id)
    if module:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not (module + ".").startswith(error.name + "."):
                raise
            raise ValueError(f"environment {env_id!r}: there is no module {error.name!r} to import") from None
    return gym.registry.get(name)


def registered_arguments(env_id: str) -> dict[str, Any]:
    """Returns the default arguments of an id, {} if it is unknown. Imports nothing."""
    spec = gym.registry.get(bare_id(env_id))
    return {} if spec is None else dict(spec.kwargs)


def own_argument(env_id: str, name: str, given: Any) -> Any:
    """Returns an argument; "default" is replaced by what the id was registered with, if anything.

    Args:
        env_id: The id.
        name: "reward" or "metrics".
        given: The argument's value.
    """
    is_default = isinstance(given, str) and given == "default"
    return registered_arguments(env_id).get(name, given) if is_default else given


def env_class(spec: EnvSpec) -> type[TokenEnv] | None:
    """Returns the class behind an id, or None if the native vector environment cannot play like it."""
    entry = _loaded(spec.entry_point)
    return entry if isinstance(entry, type) and _plays_natively(entry) else None


def _loaded(entry: Any) -> Any:
    """Returns the object an entry point names. None if the import fails.

    `gymnasium.make` reports that better.
    """
    if not isinstance(entry, str):
        return entry
    try:
        return load_env_creator(entry)
    except (ImportError, AttributeError):
        return None


def _plays_natively(cls: type[Any]) -> bool:
    return issubclass(cls, TokenEnv) and cls.step is TokenEnv.step and cls.reset is TokenEnv.reset


def is_ours(env: Any) -> bool:
    """Returns True if the native vector environment plays like this unwrapped environment."""
    return _plays_natively(type(env))


def is_native(env: Any) -> bool:
    """Returns True for an environment of this package that was made from an id and whose wrappers only check.

    `gymnasium.register` adds two checking wrappers by default. Any other wrapper may change the episode.
    """
    while isinstance(env, OrderEnforcing | PassiveEnvChecker):
        env = env.env
    return env is env.unwrapped and is_ours(env) and env.spec is not None


class VectorEnvOf(TokenVectorEnv):
    """The vector environment of a class that has none of its own.

    Args:
        num_envs: Number of rows.
        env_class: The class.
        **arguments: As for TokenVectorEnv.
    """

    def __init__(self, num_envs: int = 1, *, env_class: type[TokenEnv], **arguments: Any) -> None:
        self.task_class = env_class.task_class
        super().__init__(num_envs, **arguments)


def vector_class(cls: type[TokenEnv]) -> MakesRows:
    """Returns the vector environment class with the tasks of an environment class, or a factory of one."""
    known = [rows for rows in _below(TokenVectorEnv) if getattr(rows, "task_class", None) is cls.task_class]
    return known[0] if known else partial(VectorEnvOf, env_class=cls)


def _below(cls: type[TokenVectorEnv]) -> Iterator[type[TokenVectorEnv]]:
    for inner in cls.__subclasses__():
        yield inner
        yield from _below(inner)


def make_vec(env_id: str, num_envs: int, **arguments: Any) -> VectorEnv[Any, Any, Any]:
    """Makes the native vector environment of an id.

    Args:
        env_id: A registered id. "module:Id-v0" imports the module first.
        num_envs: Number of rows.
        **arguments: Arguments of the environment, and `autoreset_mode`.

    Raises:
        ValueError: The id is not an environment of this package.
        gymnasium.error.Error: The id is unknown.
    """
    spec = find_spec(env_id)
    if spec is None:
        return gym.make_vec(env_id, num_envs=num_envs, **arguments)  # raises, and names a similar id
    cls, rows = env_class(spec), _loaded(spec.vector_entry_point)
    if cls is None and not (isinstance(rows, type) and issubclass(rows, TokenVectorEnv)):
        raise ValueError(
            f"{bare_id(env_id)!r} is not an environment of this package: its entry point "
            f"{spec.entry_point!r} is not a class that inherits step() and reset() from "
            "llm_envs.envs.token_env.TokenEnv"
        )
    if spec.max_episode_steps is not None:
        raise ValueError(
            f"{bare_id(env_id)!r} was registered with max_episode_steps={spec.max_episode_steps}, which cuts "
            "episodes before they are scored: leave it out, max_new_tokens bounds an episode"
        )
    return gym.make_vec(_with_rows(spec, cls), num_envs=num_envs, **arguments)


def make_vec_like(env: TokenEnv, num_envs: int, **changes: Any) -> VectorEnv[Any, Any, Any]:
    """Makes the native vector environment of an existing environment.

    Args:
        env: The environment.
        num_envs: Number of rows.
        **changes: Arguments that differ from the environment's.
    """
    arguments = {name: value for name, value in env.arguments.items() if value is not None} | changes
    if env.spec is None:
        return vector_class(type(env))(num_envs, **arguments)
    spec = copy.copy(env.spec)
    spec.kwargs, spec.max_episode_steps, spec.additional_wrappers = {}, None, ()
    return gym.make_vec(_with_rows(spec, type(env)), num_envs=num_envs, **arguments)


def _with_rows(spec: EnvSpec, cls: type[TokenEnv] | None) -> EnvSpec:
    """Returns the spec with a vector entry point."""
    if spec.vector_entry_point is not None or cls is None:
        return spec
    spec = copy.copy(spec)
    spec.vector_entry_point = vector_class(cls)
    return spec
