"""Plays actions in an environment, keeps everything it returns, and compares two such walks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from llm_envs.foreign import shown

_ENDS = 0.1  # share of end tokens among drawn actions, so that episodes of all lengths occur
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Moment:
    """What one call of an environment returned.

    Attributes:
        call: The call, such as "step 3 (action 7)".
        observation: A copy of the observation.
        reward: The reward; 0.0 for a reset.
        terminated: As returned; False for a reset.
        truncated: As returned; False for a reset.
        info: The info.
    """

    call: str
    observation: np.ndarray
    reward: float
    terminated: bool
    truncated: bool
    info: Mapping[str, Any]

    @property
    def is_over(self) -> bool:
        """Whether an episode ended here."""
        return bool(self.terminated or self.truncated)


def reset(env: gym.Env[Any, Any], seed: int | None = None, options: dict[str, Any] | None = None) -> Moment:
    """Resets an environment."""
    observation, info = env.reset(seed=seed, options=options)
    called = "reset()" if seed is None else f"reset(seed={seed})"
    return Moment(called, np.array(observation), 0.0, False, False, info)


def step(env: gym.Env[Any, Any], action: int, number: int) -> Moment:
    """Takes one step."""
    observation, reward, terminated, truncated, info = env.step(action)
    called = f"step {number} (action {action})"
    return Moment(called, np.array(observation), float(reward), terminated, truncated, info)


def go_on(env: gym.Env[Any, Any], actions: Iterable[int]) -> list[Moment]:
    """Takes actions; an episode that ends is followed by a reset without a seed."""
    moments: list[Moment] = []
    for number, action in enumerate(actions, 1):
        moments.append(step(env, action, number))
        if moments[-1].is_over:
            moments.append(reset(env))
    return moments


def walk(
    env: gym.Env[Any, Any], actions: Iterable[int], seed: int, options: dict[str, Any] | None = None
) -> list[Moment]:
    """Resets with a seed and takes actions; see `go_on`."""
    return [reset(env, seed, options), *go_on(env, actions)]


def episode(env: gym.Env[Any, Any], actions: Sequence[int], seed: int) -> list[Moment]:
    """Plays one episode; the actions begin again when they are used up. It stops where no column is free."""
    moments = [reset(env, seed)]
    while not moments[-1].is_over and len(moments) <= moments[0].observation.size:
        number = len(moments)
        moments.append(step(env, actions[(number - 1) % len(actions)], number))
    return moments


def end_tokens(env: gym.Env[Any, Any]) -> list[int]:
    """Returns the end tokens of an environment of this package; empty for others."""
    from llm_envs.envs.token_env import TokenEnv

    inner = env.unwrapped
    return list(inner.tokenizer.end_token_ids) if isinstance(inner, TokenEnv) else []


def drawn_actions(env: gym.Env[Any, Any], n: int, seed: int) -> list[int]:
    """Returns random tokens; a tenth are end tokens, where those are known."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(int(env.action_space.n), size=n)  # type: ignore[attr-defined]
    ends = end_tokens(env)
    if ends:
        drawn = np.where(rng.random(n) < _ENDS, rng.choice(ends, n), drawn)
    return [int(action) for action in drawn]


def writing_actions(env: gym.Env[Any, Any], n: int, seed: int) -> list[int]:
    """Returns random tokens that are no end tokens."""
    rng = np.random.default_rng(seed)
    ends = set(end_tokens(env))
    tokens = [token for token in range(int(env.action_space.n)) if token not in ends]  # type: ignore[attr-defined]
    return [int(action) for action in rng.choice(tokens, n)]


def difference(there: Sequence[Moment], here: Sequence[Moment], tolerance: float = 0.0) -> str:
    """Returns where two walks differ first, in words; "" if they are equal.

    Args:
        there: One walk.
        here: The other.
        tolerance: How far rewards may differ, for rewards of neural models.
    """
    for a, b in zip(there, here, strict=False):
        if not np.array_equal(a.observation, b.observation):
            return f"after {a.call}: the observations differ{_where(a.observation, b.observation)}"
        for name in ("reward", "terminated", "truncated"):
            left, right = getattr(a, name), getattr(b, name)
            if not equal(left, right, tolerance):
                return f"after {a.call}: {name} is {left}, then {right}"
        if not equal(a.info, b.info, tolerance):
            return f"after {a.call}: the infos differ: {_infos(a.info, b.info, tolerance)}"
    return "" if len(there) == len(here) else "one walk is longer than the other"


def equal(a: Any, b: Any, tolerance: float = 0.0) -> bool:
    """Returns whether two values are equal, with arrays and nested values compared by content."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(equal(a[key], b[key], tolerance) for key in a)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return bool(np.array_equal(np.asarray(a), np.asarray(b)))
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(lambda x, y: equal(x, y, tolerance), a, b))
    if isinstance(a, float) and isinstance(b, float):
        return a == b or math.isclose(a, b, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE + tolerance)
    return bool(a == b)


def _where(a: np.ndarray, b: np.ndarray) -> str:
    if a.shape != b.shape:
        return f": shapes {a.shape} and {b.shape}"
    column = int(np.flatnonzero((a != b).reshape(-1))[0])
    return f": column {column} holds {a.reshape(-1)[column]}, then {b.reshape(-1)[column]}"


def _infos(a: Mapping[str, Any], b: Mapping[str, Any], tolerance: float) -> str:
    if a.keys() != b.keys():
        return f"keys {sorted(map(str, a))} and {sorted(map(str, b))}"
    key = next(key for key in a if not equal(a[key], b[key], tolerance))
    return f"{key!r} is {shown(repr(a[key]), 60)}, then {shown(repr(b[key]), 60)}"
