"""Rollouts: whole episodes on any token environment, many rows at a time, and the contract they rely on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv

from llm_baselines.trajectory import Trajectory
from llm_envs import WAIT, vectorize
from llm_envs.envs.vector_env import TokenVectorEnv


class TransitionError(ValueError):
    """An environment broke the contract of token transitions: observations append, nothing slides."""


def check_spaces(observation: gym.Space[Any], action: gym.Space[Any]) -> tuple[int, int]:
    """Refuses spaces that are no token environment's.

    Returns:
        The number of tokens V and the width of the observation.

    Raises:
        ValueError: The spaces are not Discrete(V) and Box(-1, V-1, (L,), integer); says what is wrong.
    """
    if not isinstance(action, spaces.Discrete) or action.start != 0:
        raise ValueError(f"one action is one token: the action space must be Discrete(V), got {action}")
    if not isinstance(observation, spaces.Box) or len(observation.shape) != 1:
        raise ValueError(
            f"an observation is a row of tokens: the observation space must be a Box of shape (L,), got "
            f"{observation}"
        )
    if observation.dtype.kind != "i":
        raise ValueError(
            f"tokens are signed integers, -1 where there is none: the observation space has dtype "
            f"{observation.dtype}"
        )
    low, high = observation.low.min(), observation.high.max()
    if low != -1 or high != action.n - 1:
        raise ValueError(
            f"an observation holds tokens 0 to V-1 and -1 where there is none: the Box goes from {low} to "
            f"{high}, with V={action.n} it must go from -1 to {action.n - 1}"
        )
    return int(action.n), int(observation.shape[0])


def check_start(observation: np.ndarray, size: int) -> None:
    """Checks first observations (n, L).

    Raises:
        TransitionError: A row has no token, no room, a gap, or a number that is no token.
    """
    present = observation >= 0
    for row in np.flatnonzero(~present.any(axis=1))[:1]:
        raise TransitionError(f"row {row}: reset() returned no token; it must return at least one")
    _check_tokens(observation, present, size)
    for row in np.flatnonzero(present[:, -1])[:1]:
        raise TransitionError(f"row {row}: reset() returned an observation without room for an action")


def check_step(before: np.ndarray, actions: np.ndarray, after: np.ndarray, size: int) -> None:
    """Checks that every row is what it was, then the action, then zero or more tokens.

    Args:
        before: int (n, L).
        actions: int (n,).
        after: int (n, L).
        size: Number of tokens V.

    Raises:
        TransitionError: A row is not; says which, where, and what was expected.
    """
    present = after >= 0
    if not present.any(axis=1).all():
        row = int(np.flatnonzero(~present.any(axis=1))[0])
        raise TransitionError(f"row {row}: step() returned an observation without a token")
    length = before.shape[1] - (before >= 0)[:, ::-1].argmax(axis=1)
    kept = np.arange(before.shape[1]) < length[:, None]
    changed = kept & (before != after)
    if changed.any():
        row, column = (int(i[0]) for i in np.nonzero(changed))
        raise TransitionError(
            f"row {row}: column {column} held {before[row, column]} before step({actions[row]}) and "
            f"{after[row, column]} after it; observations only append, nothing slides or is rewritten"
        )
    placed = after[np.arange(len(after)), length]
    if (placed != actions).any():
        row = int(np.flatnonzero(placed != actions)[0])
        raise TransitionError(
            f"row {row}: step({actions[row]}) must write the action into the first free column, "
            f"{length[row]}; {placed[row]} stands there"
        )
    _check_tokens(after, present, size)


def _check_tokens(observation: np.ndarray, present: np.ndarray, size: int) -> None:
    bad = (observation < -1) | (observation >= size)
    if bad.any():
        row, column = (int(i[0]) for i in np.nonzero(bad))
        raise TransitionError(
            f"row {row}: {observation[row, column]} in column {column} is no token (0 to {size - 1}, or -1)"
        )
    gaps = np.diff(present.astype(np.int8), axis=1)
    if ((gaps == 1).sum(axis=1) + present[:, 0] > 1).any():
        row = int(np.flatnonzero((gaps == 1).sum(axis=1) + present[:, 0] > 1)[0])
        raise TransitionError(f"row {row}: there is a gap between tokens; they must stand side by side")


class Rows(Protocol):
    """Environments that play whole episodes side by side."""

    num_envs: int
    refills: bool

    def reset(self, seeds: Sequence[int], examples: Sequence[int] | None) -> np.ndarray:
        """Begins an episode for every seed, in the first rows; observations (len(seeds), L)."""
        ...

    def refill(self, row: int, seed: int, example: int | None) -> np.ndarray:
        """Begins another episode in a row that is over; its observation (L,). Where `refills` is True."""
        ...

    def step(
        self, rows: np.ndarray, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[Any]]:
        """Steps some rows: their observations, rewards, terminated, truncated and outcomes, in order."""
        ...

    def close(self) -> None:
        """Closes the environments."""
        ...


class _NativeRows:
    """The native vector environment: rows that are over wait, or begin anew at once."""

    refills = True

    def __init__(self, envs: TokenVectorEnv) -> None:
        self._envs = envs
        self.num_envs = envs.num_envs
        self._running = np.zeros(envs.num_envs, bool)

    def reset(self, seeds: Sequence[int], examples: Sequence[int] | None) -> np.ndarray:
        count, rest = len(seeds), [None] * (self.num_envs - len(seeds))
        options: dict[str, Any] = {"reset_mask": np.arange(self.num_envs) < count}
        if examples is not None:
            options["example"] = [*examples, *rest]
        self._running[:count] = True
        return self._envs.reset(seed=[*seeds, *rest], options=options)[0][:count]

    def refill(self, row: int, seed: int, example: int | None) -> np.ndarray:
        n = self.num_envs
        mask = np.arange(n) == row
        seeds = [seed if i == row else None for i in range(n)]
        options: dict[str, Any] = {"reset_mask": mask, "example": [example] * n}
        self._running[row] = True
        return self._envs.reset(seed=seeds, options=options)[0][row]

    def step(
        self, rows: np.ndarray, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[Any]]:
        # Only what is over may wait: what an earlier, broken off play left running idles on with token 0.
        chosen = np.where(self._running, 0, WAIT)
        chosen[rows] = actions
        observations, rewards, terminated, truncated, _ = self._envs.step(chosen)
        self._running &= ~(terminated | truncated)
        return observations[rows], rewards[rows], terminated[rows], truncated[rows], []

    def close(self) -> None:
        self._envs.close()


class _VectorRows:
    """Any Gymnasium vector environment: rows that are over idle on with token 0 until all are."""

    refills = False

    def __init__(self, envs: VectorEnv[Any, Any, Any]) -> None:
        self._envs = envs
        self.num_envs = envs.num_envs
        self._mode = envs.metadata.get("autoreset_mode")

    def reset(self, seeds: Sequence[int], examples: Sequence[int] | None) -> np.ndarray:
        rest = [seeds[0]] * (self.num_envs - len(seeds))
        observations, _ = self._envs.reset(seed=[*seeds, *rest])  # type: ignore[arg-type]
        return np.asarray(observations)[: len(seeds)]

    def refill(self, row: int, seed: int, example: int | None) -> np.ndarray:
        raise NotImplementedError

    def step(
        self, rows: np.ndarray, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[Any]]:
        chosen = np.zeros(self.num_envs, np.int64)
        chosen[rows] = actions
        observations, rewards, terminated, truncated, infos = self._envs.step(chosen)
        observations = np.asarray(observations)
        if self._mode is AutoresetMode.SAME_STEP and "final_obs" in infos:
            observations = observations.copy()
            for row in np.flatnonzero(terminated | truncated):
                observations[row] = infos["final_obs"][row]
        return observations[rows], rewards[rows], terminated[rows], truncated[rows], []

    def close(self) -> None:
        self._envs.close()


class _OneRow:
    """A single Gymnasium environment."""

    refills = True
    num_envs = 1

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        self._env = env

    def reset(self, seeds: Sequence[int], examples: Sequence[int] | None) -> np.ndarray:
        return np.asarray(self._env.reset(seed=seeds[0])[0])[None]

    def refill(self, row: int, seed: int, example: int | None) -> np.ndarray:
        return np.asarray(self._env.reset(seed=seed)[0])

    def step(
        self, rows: np.ndarray, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[Any]]:
        observation, reward, terminated, truncated, _ = self._env.step(int(actions[0]))
        return (
            np.asarray(observation)[None],
            np.array([reward], np.float64),
            np.array([terminated]),
            np.array([truncated]),
            [],
        )

    def close(self) -> None:
        """Left open: it is the caller's."""


def make_rows(env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any], num_envs: int, **changes: Any) -> Rows:
    """Rows to play on.

    Args:
        env: Made by gymnasium.make from one of our ids: played on the native vector environment like it.
            Any other token environment, or a vector environment: played as it is.
        num_envs: Number of rows, where they are made here.
        **changes: Arguments that differ from the environment's, for our ids.

    Raises:
        ValueError: A native vector environment of another autoreset mode than DISABLED with refills wanted,
            or changes for an environment that is not ours.
    """
    if isinstance(env, VectorEnv):
        inner: Any = env.unwrapped
        if isinstance(inner, TokenVectorEnv) and inner.autoreset_mode is AutoresetMode.DISABLED:
            return _NativeRows(inner)
        if env.metadata.get("autoreset_mode") is AutoresetMode.DISABLED:
            raise ValueError(
                f"{env} has autoreset_mode DISABLED, and rows end at different times: make it with "
                "NEXT_STEP or SAME_STEP"
            )
        return _VectorRows(env)
    if is_native(env):
        native: Any = vectorize(env, num_envs, autoreset_mode="Disabled", **changes)
        return _NativeRows(native)
    return _OneRow(env)


def is_native(env: Any) -> bool:
    """Whether an environment was made by gymnasium.make from one of our ids, without wrappers around it."""
    from llm_envs.envs.token_env import TokenEnv
    from llm_envs.registration import TABLE

    inner = env.unwrapped
    return env is inner and isinstance(inner, TokenEnv) and env.spec is not None and env.spec.id in TABLE


class ActingPolicy(Protocol):
    """What chooses actions in a rollout."""

    def act(self, observation: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Actions int64 (n,) and their log-probabilities (n,) for observations (n, L)."""
        ...

    def keep(self, rows: np.ndarray) -> None:
        """The next observations are those of these rows, in this order."""
        ...


@dataclass
class _Playing:
    """An episode in progress."""

    order: int
    first: int
    actions: list[int]
    rewards: list[float]
    log_probs: list[float]


def play_episodes(
    rows: Rows,
    policy: ActingPolicy,
    *,
    seeds: Sequence[int],
    examples: Sequence[int] | None,
    vocabulary_size: int,
    rng: np.random.Generator,
    round: int = 0,
    on_step: Callable[[np.ndarray], bool] | None = None,
) -> list[Trajectory]:
    """Plays one episode for every seed.

    A row that ends begins the next episode at once, where the environment allows it and one is left; else
    it leaves the batch, so that nothing is computed for the dead.

    Args:
        rows: Where to play.
        policy: Chooses actions, for the rows that are alive.
        seeds: One for each episode.
        examples: Likewise, for environments that take them.
        vocabulary_size: V.
        rng: What the policy draws from.
        round: Written into the trajectories.
        on_step: Called after every step with whether the rows that took an action are over, bool (n,);
            playing ends early, with what has been finished, when it returns False.

    Returns:
        The trajectories in the order of their seeds.

    Raises:
        TransitionError: The environment broke the contract.
    """
    finished: list[tuple[int, Trajectory]] = []
    waiting = list(range(len(seeds)))[::-1]
    going_on = True
    while waiting and going_on:
        wave = [waiting.pop() for _ in range(min(rows.num_envs, len(waiting)))]
        chosen = None if examples is None else [examples[i] for i in wave]
        observation = np.ascontiguousarray(rows.reset([seeds[i] for i in wave], chosen))
        alive = np.arange(len(wave))
        policy.keep(np.empty(0, np.int64))
        check_start(observation, vocabulary_size)
        playing = [_Playing(i, int((observation[r] >= 0).argmax()), [], [], []) for r, i in enumerate(wave)]
        while len(alive) and going_on:
            actions, log_probs = policy.act(observation, rng)
            columns = observation.shape[1] - (observation >= 0)[:, ::-1].argmax(axis=1)
            full = np.flatnonzero(columns >= observation.shape[1])
            if len(full):
                raise TransitionError(
                    f"row {full[0]}: the observation is full and the episode goes on; an episode must end "
                    "before its observation would overflow"
                )
            after, rewards, terminated, truncated, _ = rows.step(alive, actions)
            check_step(observation, actions, after, vocabulary_size)
            observation = after
            for one, column, reward, log_prob in zip(
                playing, columns.tolist(), rewards.tolist(), log_probs.tolist(), strict=True
            ):
                one.actions.append(column - one.first)
                one.rewards.append(reward)
                one.log_probs.append(log_prob)
            over = terminated | truncated
            stay = np.ones(len(alive), bool)
            for at in np.flatnonzero(over).tolist():
                one = playing[at]
                finished.append((one.order, _trajectory(one, after[at], bool(terminated[at]), round)))
                if rows.refills and waiting:
                    order = waiting.pop()
                    fresh = rows.refill(
                        int(alive[at]), seeds[order], None if examples is None else examples[order]
                    )
                    check_start(fresh[None], vocabulary_size)
                    observation[at] = fresh
                    playing[at] = _Playing(order, int((fresh >= 0).argmax()), [], [], [])
                else:
                    stay[at] = False
            if not stay.all():
                kept = np.flatnonzero(stay)
                alive, observation = alive[kept], observation[kept]
                playing = [playing[i] for i in kept]
                if len(kept):
                    policy.keep(kept)
            if on_step is not None:
                going_on = on_step(over)
    return [trajectory for _, trajectory in sorted(finished, key=lambda pair: pair[0])]


def _trajectory(one: _Playing, observation: np.ndarray, terminated: bool, round: int) -> Trajectory:
    present = np.flatnonzero(observation >= 0)
    return Trajectory(
        tokens=observation[present[0] : present[-1] + 1].astype(np.int32),
        actions=np.array(one.actions, np.int32),
        rewards=np.array(one.rewards, np.float32),
        behaviour_log_probs=np.array(one.log_probs, np.float32),
        reference_log_probs=np.zeros(len(one.actions), np.float32),
        terminated=terminated,
        round=round,
    )
