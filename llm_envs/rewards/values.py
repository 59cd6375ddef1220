"""The values that rewards return, checked."""

from __future__ import annotations

from math import isfinite
from typing import Any

from llm_envs.episode import Episode
from llm_envs.rewards.context import RewardError

MAX_SCORE = 1e15
"""How large one reward's value may be, so that weighted sums, squares and means of scores stay finite."""


def failed(name: str, episode: Episode, error: Exception) -> RewardError:
    """Returns the error of a reward that raised another one."""
    return RewardError(name, episode.text, f"raised {type(error).__name__}: {error}")


def checked_number(name: str, episode: Episode | None, value: Any) -> float:
    """Returns a reward's value as a float.

    Args:
        name: The reward's name.
        episode: What it scored; None for a whole evaluation.
        value: What it returned.

    Raises:
        RewardError: The value is not a finite number of at most MAX_SCORE.
    """
    text = None if episode is None else episode.text
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise RewardError(name, text, f"returned {value!r}, which is not a number") from None
    except OverflowError:
        raise RewardError(name, text, "returned a number beyond all floats") from None
    if not isfinite(number):
        raise RewardError(name, text, f"returned {number}, which is not finite")
    if abs(number) > MAX_SCORE:
        raise RewardError(name, text, f"returned {number}; at most {MAX_SCORE:g} is taken as a score")
    return number
