"""Whether two scores are the same number, up to rounding and the declared tolerance of neural rewards."""

from __future__ import annotations

import math
from collections.abc import Mapping

from llm_envs.rewards import RewardSet

_ROUNDING = 1e-9
"""Relative and absolute. Mathematical libraries of different machines differ in the last digits."""


def agree(a: float | None, b: float | None, tolerance: float = 0.0) -> bool:
    """Returns True if two scores are the same up to rounding and a tolerance."""
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=_ROUNDING, abs_tol=_ROUNDING + tolerance)


def difference(
    there: Mapping[str, float | None], now: Mapping[str, float | None], rewards: RewardSet | None
) -> str:
    """Returns the first difference of two tables of scores in words; "" if they agree.

    Args:
        there: The scores of the record, by name.
        now: The scores computed again.
        rewards: Declares the tolerance of each.
    """
    tolerances = {} if rewards is None else rewards.tolerances
    for name in (*there, *(name for name in now if name not in there)):
        if name not in now:
            return f"{name}: the record has {there[name]}, and it is not measured"
        if name not in there:
            return f"{name}: {now[name]}, and the record does not have it"
        if not agree(there[name], now[name], tolerances.get(name.partition("/")[0], 0.0)):
            return f"{name}: {now[name]}, the record has {there[name]}"
    return ""
