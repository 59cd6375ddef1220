"""Rows: one interface to environments of any kind that play whole episodes side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor

from llm_baselines.play.outcomes import outcome_of, outcome_of_row
from llm_baselines.play.transitions import TransitionError
from llm_envs import WAIT, vectorize
from llm_envs.envs.ids import is_native
from llm_envs.envs.task import Task
from llm_envs.envs.vector_env import TokenVectorEnv
from llm_envs.envs.vector_infos import row_info
from llm_envs.episode import Outcome

Mask = Callable[[np.ndarray], Tensor | None]


class Rows(Protocol):
    """Environments that play whole episodes side by side."""

    num_envs: int
    refills: bool
    task: Task | None
    """The task, if examples can be chosen from it; else None."""

    def reset(self, seeds: Sequence[int], examples: Sequence[int] | None) -> np.ndarray:
        """Begins an episode per seed in the first rows; returns observations (len(seeds), L)."""
        ...

    def refill(self, row: int, seed: int, example: int | None) -> np.ndarray:
        """Begins another episode in a row that is over, if `refills` is True; returns (L,)."""
        ...

    def step(
        self, rows: np.ndarray, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Steps some rows; returns their observations, rewards, terminated and truncated, in order."""
        ...

    def outcome(self, row: int) -> Outcome | None:
        """Returns the outcome of the episode that ended in the row's last step; None if none was given."""
        ...

    def close(self) -> None:
        """Closes the environments."""
        ...


class _NativeRows:
    """The native vector environment: a row whose episode has ended waits, or begins another at once."""

    refills = True

    def __init__(self, envs: TokenVectorEnv, *, made_here: bool) -> None:
        self._envs = envs
        self._made_here = made_here
        self.task: Task | None = envs.task
        self.num_envs = envs.num_envs
        self._infos: dict[str, Any] = {}

    def reset(self, seeds: Sequence[int], examples: Sequence[int] | None) -> np.ndarray:
        count, rest = len(seeds), [None] * (self.num_envs - len(seeds))
        options: dict[str, Any] = {"reset_mask": np.arange(self.num_envs) < count}
        if examples is not None:
            options["example"] = [*examples, *rest]
        return self._envs.reset(seed=[*seeds, *rest], options=options)[0][:count]

    def refill(self, row: int, seed: int, example: int | None) -> np.ndarray:
        n = self.num_envs
        mask = np.arange(n) == row
        seeds = [seed if i == row else None for i in range(n)]
        options: dict[str, Any] = {"reset_mask": mask, "example": [example] * n}
        return self._envs.reset(seed=seeds, options=options)[0][row]

    def step(
        self, rows: np.ndarray, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        # Only ended rows may wait. A row that an interrupted rollout left running takes token 0 instead.
        chosen = np.where(self._envs.over, WAIT, 0)
        chosen[rows] = actions
        observations, rewards, terminated, truncated, self._infos = self._envs.step(chosen)
        return observations[rows], rewards[rows], terminated[rows], truncated[rows]

    def outcome(self, row: int) -> Outcome | None:
        return outcome_of(row_info(self._infos, row))

    def close(self) -> None:
        if self._made_here:
            self._envs.close()


class _VectorRows:
    """Any Gymnasium vector environment: an ended row takes an allowed token until all rows have ended."""

    refills = False
    task: Task | None = None

    def __init__(self, envs: VectorEnv[Any, Any, Any], mask: Mask) -> None:
        self._envs = envs
        self._mask = mask
        self.num_envs = envs.num_envs
        self._shape = envs.observation_space.shape
        self._infos: Mapping[str, Any] = {}
        self._mode = envs.metadata.get("autoreset_mode")

    def reset(self, seeds: Sequence[int], examples: Sequence[int] | None) -> np.ndarray:
        rest = [seeds[0]] * (self.num_envs - len(seeds))
        observations, _ = self._envs.reset(seed=[*seeds, *rest])  # type: ignore[arg-type]
        self._observations = _tokens(observations, self._shape)
        return self._observations[: len(seeds)]

    def refill(self, row: int, seed: int, example: int | None) -> np.ndarray:
        raise NotImplementedError

    def step(
        self, rows: np.ndarray, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        chosen = np.zeros(self.num_envs, np.int64)
        idle = np.ones(self.num_envs, bool)
        idle[rows] = False
        if idle.any() and (mask := self._mask(self._observations[idle])) is not None:
            chosen[idle] = mask.int().argmax(dim=1).cpu().numpy()
        chosen[rows] = actions
        observations, rewards, terminated, truncated, infos = self._envs.step(chosen)
        self._infos = infos
        self._observations = observations = _tokens(observations, self._shape)
        if self._mode is AutoresetMode.SAME_STEP and "final_obs" in infos:
            observations = observations.copy()
            for row in np.flatnonzero(terminated | truncated):
                observations[row] = infos["final_obs"][row]
        return observations[rows], rewards[rows], terminated[rows], truncated[rows]

    def outcome(self, row: int) -> Outcome | None:
        return outcome_of_row(self._infos, row)

    def close(self) -> None:
        """Does nothing: the environments are the caller's."""


class _OneRow:
    """A single Gymnasium environment."""

    refills = True
    num_envs = 1
    task: Task | None = None

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        self._env = env
        self._info: Any = None
        self._shape = env.observation_space.shape

    def reset(self, seeds: Sequence[int], examples: Sequence[int] | None) -> np.ndarray:
        return _tokens(self._env.reset(seed=seeds[0])[0], self._shape)[None]

    def refill(self, row: int, seed: int, example: int | None) -> np.ndarray:
        return _tokens(self._env.reset(seed=seed)[0], self._shape)

    def step(
        self, rows: np.ndarray, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        reward: Any
        observation, reward, terminated, truncated, self._info = self._env.step(int(actions[0]))
        if np.ndim(reward):
            raise TransitionError(
                f"a reward is one number, and step() returned an array of the shape {np.shape(reward)}"
            )
        return (
            _tokens(observation, self._shape)[None],
            np.array([reward], np.float64),
            np.array([terminated]),
            np.array([truncated]),
        )

    def outcome(self, row: int) -> Outcome | None:
        return outcome_of(self._info)

    def close(self) -> None:
        """Does nothing: the environment is the caller's."""


def make_rows(
    env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any],
    num_envs: int,
    *,
    mask: Mask = lambda observations: None,
    **changes: Any,
) -> Rows:
    """Returns rows to play on.

    Args:
        env: An environment made from a native id is played as a native vector environment with the same
            arguments. Any other token environment, or a vector environment, is played as it is.
        num_envs: Number of rows of a native vector environment that is made here.
        mask: Returns the allowed tokens, bool (n, V), for observations int32 (n, L); None allows all.
        **changes: Arguments that differ from the environment's. They affect only native ids.

    Raises:
        ValueError: A vector environment has autoreset mode DISABLED, and is wrapped or not native.
    """
    if isinstance(env, VectorEnv):
        if isinstance(env, TokenVectorEnv) and env.autoreset_mode is AutoresetMode.DISABLED:
            return _NativeRows(env, made_here=False)
        if env.metadata.get("autoreset_mode") is AutoresetMode.DISABLED:
            raise ValueError(
                f"{env} has autoreset_mode DISABLED, and rows end at different times: make it with "
                "NEXT_STEP or SAME_STEP"
            )
        return _VectorRows(env, mask)
    if is_native(env):
        native: Any = vectorize(env, num_envs, autoreset_mode="Disabled", **changes)
        return _NativeRows(native, made_here=True)
    return _OneRow(env)


def _tokens(observation: Any, shape: tuple[int, ...] | None) -> np.ndarray:
    """Returns a copy of an observation, because an environment may reuse its array for the next one."""
    tokens = np.array(observation)
    if tokens.shape != shape or tokens.dtype.kind not in "iu":
        raise TransitionError(
            f"an observation of the shape {tokens.shape} and the type {tokens.dtype} was returned; its space "
            f"has the shape {shape}, and tokens are integers"
        )
    return tokens


def training_design(config: Any) -> dict[str, Any]:
    """Returns the environment arguments that a configuration changes for training.

    Metrics are turned off, because only evaluations use them.
    """
    chosen = {name: getattr(config, name) for name in ("reward", "reward_timing")}
    return {"metrics": (), **{name: value for name, value in chosen.items() if value is not None}}


def validation_envs(
    env: gym.Env[Any, Any], num_envs: int, metrics: Sequence[Any] = ()
) -> VectorEnv[Any, Any, Any]:
    """Returns validation environments for a learning curve, with the environment's own reward.

    Args:
        env: The environment of the training, made from one of our ids.
        num_envs: Number of rows.
        metrics: What is measured besides the id's own metrics: specifications.
    """
    return vectorize(
        env,
        num_envs,
        autoreset_mode="Disabled",
        split="validation",
        reward_timing="terminal",
        metrics=["default", *metrics] if metrics else "default",
    )
