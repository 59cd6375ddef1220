"""ObjectiveGuard: notices when learning makes fresh texts worse than the texts it began with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FIRST = 5  # rounds that say where the objective began


class ObjectiveGuard:
    """Counts the rounds in a row whose objective is below the start by a margin.

    Args:
        margin: The margin, in spreads of the scores.
        rounds: Rounds in a row after which the objective counts as fallen; 0 never does.

    Attributes:
        start: Mean objective of the first rounds; None before them.
        below: Rounds in a row below the margin, up to now.
    """

    def __init__(self, margin: float, rounds: int) -> None:
        self._margin, self._rounds = margin, rounds
        self._sum, self._seen = 0.0, 0  # of the first rounds
        self.below = 0

    @property
    def start(self) -> float | None:
        """Mean objective of the first rounds."""
        return self._sum / _FIRST if self._seen == _FIRST else None

    def has_fallen(self, objective: float, spread: float) -> bool:
        """Takes note of a round; returns True in the one in which the objective counts as fallen.

        Args:
            objective: Mean reward of the round's texts less the cost of their KL, in units of reward.
            spread: Standard deviation of the scores, in the same units.
        """
        if self.start is None:
            self._sum, self._seen = self._sum + objective, self._seen + 1
            return False
        self.below = self.below + 1 if objective < self.start - self._margin * spread else 0
        return self.below == self._rounds and self._rounds > 0

    def state(self) -> dict[str, Any]:
        """Returns the counters as numbers."""
        return {"guard_sum": self._sum, "guard_seen": self._seen, "guard_below": self.below}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restores what `state` returned. Other names are not read; agents of earlier versions have none."""
        self._sum, self._seen = state.get("guard_sum", 0.0), state.get("guard_seen", 0)
        self.below = state.get("guard_below", 0)
