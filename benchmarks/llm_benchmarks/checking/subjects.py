"""What is checked: an environment or an agent, from the words that a person typed."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import gymnasium as gym

import llm_envs
from llm_baselines.registry import AGENTS, make_agent
from llm_benchmarks.console.input import is_folder
from llm_envs.checks.suggestions import did_you_mean
from llm_envs.envs.ids import bare_id, env_class, find_spec
from llm_envs.envs.task import Task
from llm_envs.envs.token_env import TokenEnv
from llm_envs.foreign import load_code

Kind = Literal["environment", "agent"]

_TEMPORARY = "Checked-{}-v0"


@dataclass(frozen=True, eq=False)
class EnvironmentSubject:
    """An environment that is checked.

    Attributes:
        name: What the person typed.
        env_id: The registered id behind it.
        seed: Seed of everything random in the checks.
        search_tokens: Tokens that the search for the best constant text may write.
    """

    name: str
    env_id: str
    seed: int = 0
    search_tokens: int = 400_000

    def make(self, **changes: Any) -> gym.Env[Any, Any]:
        """Makes a new environment, with changed arguments."""
        return gym.make(self.env_id, **changes)

    @cached_property
    def env(self) -> gym.Env[Any, Any]:
        """One environment that the checks share. Each check resets it with a seed."""
        return self.make()

    @property
    def is_token_env(self) -> bool:
        """Whether it inherits from TokenEnv, so that it has a task."""
        return isinstance(self.env.unwrapped, TokenEnv)

    @property
    def task(self) -> Task:
        """The task of an environment that inherits from TokenEnv."""
        task: Task = self.env.unwrapped.task  # type: ignore[attr-defined]
        return task

    @property
    def is_native(self) -> bool:
        """Whether the native vector environment plays like it."""
        spec = gym.registry[self.env_id]
        return env_class(spec) is not None and spec.max_episode_steps is None


@dataclass(frozen=True, eq=False)
class AgentSubject:
    """An agent that is checked.

    Attributes:
        name: A name of the registry, a folder, or "module:factory".
        env_id: The id of the environment it is checked on.
        config: Its options.
        env_kwargs: Arguments of the environment.
        total_timesteps: Steps of a training.
        episodes: Episodes of an evaluation.
        seed: Seed of the agent; that of the evaluations is another one.
        device: The torch device.
    """

    name: str
    env_id: str
    config: Mapping[str, Any] = field(default_factory=dict)
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    total_timesteps: int = 500
    episodes: int = 12
    seed: int = 0
    device: str = "auto"

    @property
    def is_folder(self) -> bool:
        """Whether it is a trained agent's folder."""
        return self.name not in AGENTS and is_folder(self.name)

    def make_env(self, split: str = "train") -> gym.Env[Any, Any]:
        """Makes an environment for the agent."""
        return gym.make(self.env_id, split=split, **self.env_kwargs)

    def make(self, env: gym.Env[Any, Any] | None = None, seed: int | None = None) -> Any:
        """Makes a new agent, or loads that of the folder."""
        env = self.make_env() if env is None else env
        seed = self.seed if seed is None else seed
        return make_agent(self.name, env, seed=seed, device=self.device, config=self.config)

    def make_trained(self, seed: int | None = None) -> Any:
        """Makes a new agent and trains it, if it trains."""
        agent = self.make(seed=seed)
        if not self.is_folder and callable(getattr(agent, "learn", None)):
            agent.learn(self.total_timesteps)
        return agent

    @cached_property
    def trained(self) -> Any:
        """One agent that the checks share, trained if it trains."""
        return self.make_trained()

    @property
    def trains(self) -> bool:
        """Whether the agent is to be trained here."""
        return not self.is_folder and callable(getattr(self.trained, "learn", None))


def kind_of(name: str) -> Kind:
    """Returns whether a name is an environment's or an agent's.

    An environment is a registered id, a subclass of gymnasium.Env, or a function without required arguments.
    An agent is a name of the registry, a folder, a class with `predict`, or a function of env, seed, device.

    Args:
        name: What a person typed; the module that it names is imported.

    Raises:
        ValueError: It is neither.
    """
    if not name.strip():
        raise ValueError(f"{name!r} names no environment and no agent; `llm-envs list` shows both")
    if name in AGENTS:
        return "agent"
    if find_spec(name.removeprefix("llm_envs:")) is not None:
        return "environment"
    if is_folder(name):
        return "agent"
    if ":" not in name:
        near = did_you_mean(name, [*llm_envs.list_envs(), *AGENTS])
        raise ValueError(
            f"there is no environment or agent {name!r}{near} `llm-envs list` shows both; your own is "
            "'module:Id-v0', 'module:Class' or 'module:factory'"
        )
    found = load_code(name, "environment or agent")
    if isinstance(found, type):
        if issubclass(found, gym.Env):
            return "environment"
        if callable(getattr(found, "predict", None)):
            return "agent"
    if _takes(found):
        return "environment"
    if _takes(found, None, 0, "auto"):
        return "agent"
    raise ValueError(
        f"no environment or agent: {name!r} is neither a subclass of gymnasium.Env, or a function without "
        "required arguments that returns one, nor a class with predict, or a function of env, seed and device"
    )


def _takes(function: Any, *arguments: Any) -> bool:
    try:
        inspect.signature(function).bind(*arguments)
    except (TypeError, ValueError):  # it takes others; or it is written in C and does not say
        return False
    return True


@contextmanager
def environment(name: str, arguments: Mapping[str, Any], **options: Any) -> Iterator[EnvironmentSubject]:
    """Gives the subject of an environment. A class, a function, or arguments get an id while the block runs.

    Args:
        name: An id, "module:Class" or "module:function".
        arguments: Arguments of the environment that differ from its own defaults.
        **options: Further fields of EnvironmentSubject.

    Raises:
        ValueError: There is no such environment, or it does not take the arguments.
    """
    name = name.removeprefix("llm_envs:")
    spec = find_spec(name)
    if spec is not None and not arguments:
        yield EnvironmentSubject(name, spec.id, **options)
        return
    if spec is None:
        own = name.rpartition(":")[2].replace(".", "-")
        env_id = _TEMPORARY.format(
            "".join(c for c in own if c.isascii() and (c.isalnum() or c in "-_")) or "env"
        )
        _register(env_id, name)
    else:
        env_id = _TEMPORARY.format(bare_id(name).rpartition("-v")[0])
        copied = copy.deepcopy(spec)
        copied.id, copied.name = env_id, env_id.rpartition("-v")[0]
        copied.namespace, copied.version = None, 0
        gym.registry[env_id] = copied
    gym.registry[env_id].kwargs.update(arguments)
    try:
        yield EnvironmentSubject(name, env_id, **options)
    finally:
        del gym.registry[env_id]


def _register(env_id: str, name: str) -> None:
    """Registers a class or a function. The entry point stays text, where gymnasium can read it again."""
    found = load_code(name, "environment")
    if isinstance(found, type) and issubclass(found, TokenEnv):
        llm_envs.register_env(env_id, name)
        return
    entry = found if "." in name.rpartition(":")[2] else name
    gym.register(env_id, entry_point=entry, order_enforce=False, disable_env_checker=True)
