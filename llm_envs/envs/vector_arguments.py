"""Checks of what users pass to vector environments: actions, seeds, examples and masks per row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.error import InvalidAction
from gymnasium.vector import AutoresetMode

from llm_envs.checks.arguments import short
from llm_envs.envs import WAIT
from llm_envs.envs.arguments import check_seed


def as_autoreset_mode(value: AutoresetMode | str) -> AutoresetMode:
    """Returns the autoreset mode of a value such as "NextStep".

    Raises:
        ValueError: The value is unknown.
    """
    try:
        return AutoresetMode(value)
    except (TypeError, ValueError):
        known = ", ".join(repr(mode.value) for mode in AutoresetMode)
        raise ValueError(f"unknown autoreset_mode={short(value)}; the modes are {known}") from None


def seeds_of_rows(seed: Any, num_envs: int) -> list[int | None]:
    """Returns one seed per row.

    Args:
        seed: None, one seed per row, or an integer s for s, s+1, ...
        num_envs: Number of rows.

    Raises:
        ValueError: The seed is no integer and no sequence of `num_envs` seeds.
        gymnasium.error.Error: A seed is a bool.
    """
    check_seed(seed)
    seeds: Any
    if seed is None:
        seeds = [None] * num_envs
    elif isinstance(seed, int | np.integer):
        seeds = range(int(seed), int(seed) + num_envs)
    elif isinstance(seed, Sequence | np.ndarray):
        seeds = seed
    else:
        raise ValueError(f"seed={short(seed)} must be an integer, or one integer or None for each row")
    if len(seeds) != num_envs:
        raise ValueError(f"one seed per row: got {len(seeds)} seeds for num_envs={num_envs}")
    for one in seeds:
        check_seed(one)
    return list(seeds)


def examples_of_rows(example: Any, num_envs: int) -> Sequence[Any]:
    """Returns the option "example" of every row.

    Args:
        example: None, one index for all rows, or one per row.
        num_envs: Number of rows.

    Raises:
        ValueError: There is not one index per row.
    """
    examples = list(example) if isinstance(example, Sequence | np.ndarray) else [example] * num_envs
    if len(examples) != num_envs:
        raise ValueError(f"one example per row: got {len(examples)} for num_envs={num_envs}")
    return examples


def reset_mask_of(options: Mapping[str, Any], num_envs: int) -> np.ndarray:
    """Returns a copy of options["reset_mask"], bool (num_envs,); without one every row is True.

    Raises:
        ValueError: The mask has another type or shape, or selects no row.
    """
    mask = options.get("reset_mask")
    if mask is None:
        return np.ones(num_envs, dtype=bool)
    if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != (num_envs,):
        raise ValueError(f"options['reset_mask'] is a bool array of shape ({num_envs},), got {mask!r}")
    if not mask.any():
        raise ValueError("options['reset_mask'] selects no row")
    return mask.copy()


def checked_actions(actions: Any, size: int, over: np.ndarray, *, may_wait: bool) -> np.ndarray:
    """Returns the actions of a step as int64 (num_envs,).

    Args:
        actions: What the user passed.
        size: Size of the vocabulary.
        over: Which rows have no running episode, bool (num_envs,).
        may_wait: True if rows that are over may take the action WAIT.

    Raises:
        gymnasium.error.InvalidAction: There is not one token id per row.
    """
    num_envs = len(over)
    if not isinstance(actions, np.ndarray):
        actions = _as_array(actions, num_envs)
    if actions.shape != (num_envs,):
        raise InvalidAction(f"actions are integers of shape ({num_envs},), got shape {actions.shape}")
    if actions.dtype.kind not in "iu":
        row = _first_non_integer(actions)
        raise InvalidAction(
            f"actions are token ids (integers), got dtype {actions.dtype}: row {row} has "
            f"{short(actions[row : row + 1].tolist()[0])}"
        )
    actions = actions.astype(np.int64, copy=False)
    outside = actions.view(np.uint64) >= size  # as uint64 a negative number is huge: one comparison does
    if may_wait and outside.any():
        outside &= ~over | (actions != WAIT)
    if len(wrong := outside.nonzero()[0]):
        row = int(wrong[0])
        hint = f"; only a row that is over may WAIT ({WAIT})" if may_wait and actions[row] == WAIT else ""
        raise InvalidAction(
            f"action {actions[row]} of row {row} is outside the vocabulary, 0 to {size - 1}{hint}"
        )
    return actions


def _as_array(actions: Any, num_envs: int) -> np.ndarray:
    """Converts actions to an array; the error names the row that NumPy cannot convert."""
    try:
        return np.asarray(actions)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        listed = list(actions) if isinstance(actions, Sequence) else []
        wrong = [(row, a) for row, a in enumerate(listed) if not isinstance(a, int | np.integer)]
        named = f"row {wrong[0][0]} has {short(wrong[0][1])}" if wrong else f"got {short(actions)}"
        raise InvalidAction(
            f"actions are integers of shape ({num_envs},), one token id for each row; {named}"
        ) from error


def _first_non_integer(actions: np.ndarray) -> int:
    """Returns the first row whose action is no integer, or 0 if only the dtype is wrong."""
    whole = (isinstance(a, int) and not isinstance(a, bool) and abs(a) < 2**63 for a in actions.tolist())
    return next((row for row, is_integer in enumerate(whole) if not is_integer), 0)
