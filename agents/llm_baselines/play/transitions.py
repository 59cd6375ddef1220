"""The contract of token environments: spaces of tokens, and transitions that append."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv


class TransitionError(ValueError):
    """An environment broke the contract of token transitions: each step only appends tokens."""


def spaces_of(env: Any) -> tuple[Any, Any]:
    """Returns the observation space and the action space of one row."""
    if isinstance(env, VectorEnv):
        return env.single_observation_space, env.single_action_space
    return env.observation_space, env.action_space


def check_spaces(observation: gym.Space[Any], action: gym.Space[Any]) -> tuple[int, int]:
    """Raises if the spaces are not those of a token environment.

    Returns:
        The number of tokens V and the width L of the observation.

    Raises:
        ValueError: The spaces are not Discrete(V) and Box(-1, V-1, (L,), integer).
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
            f"tokens are signed integers, padded with -1: the observation space has dtype {observation.dtype}"
        )
    low, high = observation.low.min(), observation.high.max()
    if low != -1 or high != action.n - 1:
        raise ValueError(
            f"an observation holds tokens 0 to V-1, padded with -1: the Box goes from {low} to {high}, with "
            f"V={action.n} it must go from -1 to {action.n - 1}"
        )
    return int(action.n), int(observation.shape[0])


def check_start(observation: np.ndarray, size: int) -> None:
    """Checks first observations (n, L).

    Raises:
        TransitionError: A row has no token, no room for an action, a gap, or a number that is no token.
    """
    present = observation >= 0
    for row in np.flatnonzero(~present.any(axis=1))[:1]:
        raise TransitionError(f"row {row}: reset() returned no token; it must return at least one")
    _check_tokens(observation, present, size)
    for row in np.flatnonzero(present[:, -1])[:1]:
        raise TransitionError(f"row {row}: reset() returned an observation without room for an action")


def check_step(before: np.ndarray, actions: np.ndarray, after: np.ndarray, size: int) -> None:
    """Checks that every row is unchanged, followed by the action and zero or more tokens.

    Args:
        before: int (n, L).
        actions: int (n,).
        after: int (n, L).
        size: Number of tokens V.

    Raises:
        TransitionError: A row breaks this; the error names the row, the column and the expected token.
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
    appended = after[np.arange(len(after)), length]
    if (appended != actions).any():
        row = int(np.flatnonzero(appended != actions)[0])
        raise TransitionError(
            f"row {row}: step({actions[row]}) must write the action into the first free column, "
            f"{length[row]}; that column holds {appended[row]}"
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
