"""RewardTiming: when the score of a text is paid, at every token or at its end."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np


class RewardTiming:
    """When the score of a text is paid.

    "terminal" pays it at the end. "dense" pays differences of the score on successive prefixes. The first
    prefix counts as 0, so the undiscounted sum is the terminal score. {"id": "shaped", "gamma": g} keeps the
    terminal score and adds g * Phi(s') - Phi(s). Phi is the prefix's score, and 0 at the end. This leaves
    the optimal policy of the g-discounted problem unchanged (Ng et al. 1999). "potential" names another
    reward for Phi: a cheap one, where the reward itself is expensive.

    Attributes:
        kind: "terminal", "dense" or "shaped".
        gamma: The learner's discount, 1 where there is none.
        potential: The specification of the reward for Phi; None for the environment's own.

    Raises:
        ValueError: The timing is unknown, or gamma is not a number from 0 to 1.
    """

    def __init__(self, spec: str | Mapping[str, Any]) -> None:
        options = dict(spec) if isinstance(spec, Mapping) else {"id": spec}
        kind = options.pop("id", None)
        if kind not in ("terminal", "dense", "shaped") or set(options) - {"gamma", "potential"}:
            raise ValueError(
                f"unknown reward_timing={spec!r}; the timings are 'terminal', 'dense' and "
                "{'id': 'shaped', 'gamma': 0.99}"
            )
        if ("gamma" in options) != (kind == "shaped"):
            raise ValueError(
                f"reward_timing={spec!r}: 'shaped' takes the learner's gamma, the others take none"
            )
        self.potential: Any = options.get("potential")
        if self.potential is not None and kind != "shaped":
            raise ValueError(f"reward_timing={spec!r}: only 'shaped' takes a potential")
        gamma = options.get("gamma", 1.0)
        number: Any = gamma if isinstance(gamma, Real) and not isinstance(gamma, bool) else -1
        if not 0 <= number <= 1:
            raise ValueError(f"reward_timing={spec!r}: gamma is the learner's discount, a number from 0 to 1")
        self.kind: str = kind
        self.gamma = float(gamma)

    @property
    def needs_prefixes(self) -> bool:
        """True if prefixes are scored."""
        return self.kind != "terminal"

    def pay_many(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Returns the rewards of one step in several rows that it did not end; see `pay`."""
        return after - before if self.kind == "dense" else self.gamma * after - before

    def pay(self, before: float, after: float, *, finished: bool) -> float:
        """Returns the reward of one step from the scores before and after it.

        Args:
            before: Score of the previous prefix; 0 for the first step.
            after: Score of this prefix, or the final score.
            finished: True if the episode ended.
        """
        if self.kind == "dense":
            return after - before
        if self.kind == "shaped":
            return after - before if finished else self.gamma * after - before
        return after if finished else 0.0
