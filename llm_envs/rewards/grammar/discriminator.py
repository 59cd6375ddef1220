"""An additive classifier that tells real texts from corrupted ones by counting out their faults."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_ROUNDS = 300
_RATE = 0.1
_RIDGE = 1.0
_STEPS = 32  # thresholds of a feature
_DIGITS = 4  # rounded, so that the last bits of a machine's arithmetic do not decide
_GAIN_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Discriminator:
    """A sum of one falling staircase per feature: above 0 a text is more likely real than corrupted.

    Attributes:
        thresholds: Per feature, values in rising order. A text is charged at each that its feature exceeds.
        charges: Per feature, what a text has lost after none, one, two, ... of its thresholds, at most 0.
        bias: The score of a text without faults.
    """

    thresholds: tuple[tuple[float, ...], ...]
    charges: tuple[tuple[float, ...], ...]
    bias: float

    def __call__(self, features: Sequence[float]) -> float:
        """Returns log-odds, in nats."""
        return self.bias + sum(
            [
                charge[bisect_left(steps, value)]
                for value, steps, charge in zip(features, self.thresholds, self.charges, strict=True)
            ]
        )

    @classmethod
    def fit(
        cls, features: Sequence[Sequence[float]], real: Sequence[bool], weights: Sequence[float]
    ) -> Discriminator:
        """Returns a classifier learned by gradient boosting of stumps that never rise (Friedman 2001).

        A feature is a fault of a text, so none of them may speak for it.

        Args:
            features: One row per text.
            real: Whether a text is real.
            weights: How much each text counts.
        """
        rows = np.asarray(features, np.float64)
        target, weight = np.asarray(real, np.float64), np.asarray(weights, np.float64)
        texts, size = rows.shape
        levels = [_levels(column) for column in rows.T]
        width = _STEPS + 1
        bins = np.stack(
            [np.searchsorted(level, column) for level, column in zip(levels, rows.T, strict=True)]
        )
        places = (bins + width * np.arange(size)[:, None]).ravel()
        drops = np.zeros((size, width))
        odds, bias = np.zeros(texts), 0.0
        for _ in range(_ROUNDS):
            likely = 1.0 / (1.0 + np.exp(-odds))
            slope, bend = weight * (target - likely), weight * likely * (1.0 - likely)
            slopes, bends = (
                np.bincount(places, np.tile(values, size), size * width).reshape(size, width)
                for values in (slope, bend)
            )
            # Bin k holds the values that exceed k thresholds: a step at threshold k parts 0..k from the rest.
            low, low_bend = slopes.cumsum(axis=1), bends.cumsum(axis=1)
            high, high_bend = slope.sum() - low, bend.sum() - low_bend
            left, right = low / (low_bend + _RIDGE), high / (high_bend + _RIDGE)
            gains = np.where(right < left, low * left + high * right, 0.0).round(_GAIN_DIGITS)
            feature, step = divmod(int(gains.argmax()), width)
            if gains[feature, step] <= 0.0:
                break
            base, drop = _RATE * left[feature, step], _RATE * (right - left)[feature, step]
            bias += base
            drops[feature, step] += drop
            odds += base + drop * (bins[feature] > step)
        used = [np.flatnonzero(row) for row in drops]
        return cls(
            tuple(tuple(float(levels[j][k]) for k in steps) for j, steps in enumerate(used)),
            tuple(
                tuple(round(float(c), _DIGITS) for c in (0.0, *drops[j, steps].cumsum()))
                for j, steps in enumerate(used)
            ),
            round(bias, _DIGITS),
        )


def _levels(column: np.ndarray) -> np.ndarray:
    """Returns the thresholds of a feature: the different ones of its quantiles."""
    shares = np.arange(1, _STEPS + 1) / (_STEPS + 1)
    return np.unique(np.quantile(column, shares, method="lower").round(_DIGITS))
