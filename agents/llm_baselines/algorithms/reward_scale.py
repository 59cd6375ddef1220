"""RewardScale: one scale of rewards for a whole run: tau and step sizes mean the same on every id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_RATE = 0.1


class RewardScale:
    """The largest running standard deviation of the episodes' scores.

    Rewards are divided by `value`. It is one number for all prompts, because a scale of each prompt's own
    would change the optimum. It never falls, so the optimum stands still once the spread has been seen.

    Args:
        fixed: The scale; 0 measures it.

    Attributes:
        value: The scale, in units of reward; 1 until two scores have differed.
    """

    def __init__(self, fixed: float = 0.0) -> None:
        self._fixed = fixed
        self._variance = self._weight = self._largest = 0.0

    @property
    def value(self) -> float:
        """The present scale."""
        return self._fixed or self._largest or 1.0

    def update(self, scores: Sequence[float]) -> None:
        """Takes note of a round's scores.

        Args:
            scores: Undiscounted sums of rewards, one for each episode.
        """
        self.update_variance(None, scores)

    def update_variance(self, variance: float | None, scores: Sequence[float]) -> None:
        """Takes note of a round's variance.

        Args:
            variance: The variance; None takes that of the scores.
            scores: One for each episode.
        """
        if len(scores) < 2:
            return
        if variance is None:
            variance = float(np.var(scores, ddof=1))
        self._variance += _RATE * (float(variance) - self._variance)
        self._weight += _RATE * (1.0 - self._weight)
        self._largest = max(self._largest, float(np.sqrt(self._variance / self._weight)))

    def state(self) -> dict[str, Any]:
        """Returns the running values as numbers."""
        values = {"variance": self._variance, "weight": self._weight, "largest": self._largest}
        return {f"reward_scale_{name}": value for name, value in values.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restores what `state` returned. Other names are not read; agents of earlier versions have none."""
        self._variance = state.get("reward_scale_variance", 0.0)
        self._weight = state.get("reward_scale_weight", 0.0)
        self._largest = state.get("reward_scale_largest", 0.0)
