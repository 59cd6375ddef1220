"""A logistic regression that tells real texts from corrupted ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_SWEEPS = 8
_ROUNDS = 4
_RIDGE = 1.0
_DIGITS = 4  # rounded, so that the last bits of a machine's arithmetic do not decide


@dataclass(frozen=True, slots=True)
class Discriminator:
    """A linear score of features: above 0 a text is more likely real than corrupted.

    Attributes:
        weights: One per feature, at most 0.
        bias: The score of a text without faults.
    """

    weights: tuple[float, ...]
    bias: float

    def __call__(self, features: Sequence[float]) -> float:
        """Returns log-odds, in nats."""
        return self.bias + sum([w * x for w, x in zip(self.weights, features, strict=True)])

    @classmethod
    def fit(
        cls, features: Sequence[Sequence[float]], real: Sequence[bool], weights: Sequence[float]
    ) -> Discriminator:
        """Returns the maximum of the penalised likelihood with no weight above 0.

        A feature is a fault of a text, so none of them may speak for it.

        Args:
            features: One row per text.
            real: Whether a text is real.
            weights: How much each text counts.
        """
        rows = np.asarray(features, np.float64)
        target, weight = np.asarray(real, np.float64), np.asarray(weights, np.float64)
        found = np.zeros(rows.shape[1])
        bias = 0.0
        for _ in range(_SWEEPS):
            odds = np.clip((rows * found).sum(axis=1) + bias, -30.0, 30.0)
            likely = 1.0 / (1.0 + np.exp(-odds))
            left, curved = weight * (target - likely), weight * likely * (1.0 - likely) + 1e-9
            # The quadratic around this point is solved one weight at a time, each held at 0 or below.
            residual = left / curved
            moved = np.zeros(len(rows))
            for _ in range(_ROUNDS):
                step = float((curved * (residual - moved)).sum() / curved.sum())
                bias += step
                moved += step
                for j, column in enumerate(rows.T):
                    slope = float((curved * column * (residual - moved)).sum()) - _RIDGE * found[j]
                    bend = float((curved * column * column).sum()) + _RIDGE
                    new = min(0.0, found[j] + slope / bend)
                    moved += column * (new - found[j])
                    found[j] = new
        return cls(tuple(round(float(w), _DIGITS) for w in found), round(bias, _DIGITS))
