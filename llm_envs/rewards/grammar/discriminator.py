"""A logistic regression that tells real texts from corrupted ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_STEPS = 12
_RIDGE = 1.0
_DIGITS = 4  # rounded, so that the last bits of a machine's arithmetic do not decide


@dataclass(frozen=True, slots=True)
class Discriminator:
    """A linear score of features: above 0 a text is more likely real than corrupted.

    Attributes:
        weights: One per feature.
        bias: The score of the all-zero features.
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
        """Returns the maximum of the penalised likelihood (Newton's method on standardised features).

        Args:
            features: One row per text.
            real: Whether a text is real.
            weights: How much each text counts.
        """
        table = np.asarray(features, np.float64)
        target, weight = np.asarray(real, np.float64), np.asarray(weights, np.float64)
        mean, spread = table.mean(axis=0), table.std(axis=0)
        varies = spread > 1e-9
        scale = np.where(varies, spread, 1.0)
        rows = np.concatenate([(table - mean) / scale * varies, np.ones((len(table), 1))], axis=1)
        ridge = np.full(rows.shape[1], _RIDGE)
        ridge[-1] = 1e-6
        found = np.zeros(rows.shape[1])
        for _ in range(_STEPS):
            odds = np.clip(np.einsum("ij,j->i", rows, found), -30.0, 30.0)
            likely = 1.0 / (1.0 + np.exp(-odds))
            curved = weight * likely * (1.0 - likely)
            gradient = np.einsum("ij,i->j", rows, weight * (target - likely)) - ridge * found
            curvature = np.einsum("ij,i,ik->jk", rows, curved, rows) + np.diag(ridge)
            found = found + np.linalg.solve(curvature, gradient)
        plain = np.where(varies, found[:-1] / scale, 0.0)
        bias = found[-1] - float((plain * mean).sum())
        return cls(tuple(round(float(w), _DIGITS) for w in plain), round(float(bias), _DIGITS))
