"""Statistics over several environments: pure functions on normalised scores, a column for each environment.

A column holds one score for each training seed, on a scale where random play is 0 and the reference is 1.
Columns may differ in length. The statistics are those of Agarwal et al. (2021), "Deep reinforcement learning
at the edge of the statistical precipice".

Their percentile bootstrap is too narrow for the few seeds of a column: resampling n values with replacement
spreads by a factor sqrt((n - 1) / n) too little. So values are stretched about their column's mean by the
inverse (Rao and Wu 1988, "Resampling inference with complex survey data"), and the standard error of the
resamples is multiplied by a quantile of Student's t, with the degrees of freedom of Satterthwaite (1946), "An
approximate distribution of estimates of variance components".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.special
from numpy.typing import ArrayLike, NDArray

from llm_benchmarks.leaderboard.statistics import Interval, finite

Columns = Sequence[NDArray[np.float64]]
"""Scores of one agent: an array of shape (runs,) or (resamples, runs) for each environment."""


def normalized_score(score: ArrayLike, random: ArrayLike, reference: ArrayLike) -> Any:
    """Returns scores on a scale where random play is 0 and the reference is 1.

    Args:
        score: Any shape that broadcasts with the anchors, such as (runs, environments).
        random: The random agent's score, a number or shape (environments,).
        reference: The reference agent's score, of the same shape.

    Raises:
        ValueError: If the anchors are equal, which leaves no scale.
    """
    low, high = np.asarray(random, dtype=float), np.asarray(reference, dtype=float)
    if np.any(low == high):
        raise ValueError("random and reference have the same score: there is no scale between them")
    scaled = (np.asarray(score, dtype=float) - low) / (high - low)
    return float(scaled) if scaled.ndim == 0 else scaled


def interquartile_mean(columns: Columns) -> Any:
    """Returns the mean of the middle half of all runs on all environments, over the last axis."""
    import scipy.stats  # slow to import, and `show` does without it

    return scipy.stats.trim_mean(np.concatenate(columns, axis=-1), 0.25, axis=-1)


def median(columns: Columns) -> Any:
    """Returns the median over environments of the mean over runs."""
    return np.median(_means(columns), axis=0)


def mean(columns: Columns) -> Any:
    """Returns the mean over environments of the mean over runs."""
    return _means(columns).mean(axis=0)


def optimality_gap(columns: Columns) -> Any:
    """Returns how far scores stay below the reference on average; a score above 1 counts as 1."""
    return 1.0 - mean([np.minimum(column, 1.0) for column in columns])


STATISTICS: dict[str, Callable[[Columns], Any]] = {
    "IQM": interquartile_mean,
    "median": median,
    "mean": mean,
    "optimality gap": optimality_gap,
}
"""The statistics of a table over environments, by name; lower is better for the gap alone."""


def aggregate_interval(
    columns: Sequence[ArrayLike],
    statistic: Callable[[Columns], Any] = interquartile_mean,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Returns a statistic over all runs on all environments, and its interval.

    Args:
        columns: Normalised scores, shape (runs,) for each environment.
        statistic: One of `STATISTICS`.
        confidence: Coverage, in (0, 1).
        resamples: Bootstrap samples; runs are resampled within each environment.
        seed: Seed of the resampling.

    Returns:
        The interval, with n the smallest number of runs. It is open if an environment has a single run.

    Raises:
        ValueError: There are no scores, or some are not finite.
    """
    arrays = _arrays(columns)
    estimate, least = float(statistic(arrays)), min(map(len, arrays))
    if least == 1:
        return Interval(estimate, None, None, 1, "open")
    stretched = [a.mean() + (a - a.mean()) * math.sqrt(len(a) / (len(a) - 1)) for a in arrays]
    rng = np.random.default_rng(seed)
    drawn = [_draws(a, resamples, rng) for a in stretched]
    error = float(np.std(statistic(drawn)))
    freedom = _degrees_of_freedom(arrays, drawn, statistic)
    reach = float(scipy.special.stdtrit(freedom, 0.5 + confidence / 2)) * error
    return Interval(estimate, estimate - reach, estimate + reach, least, "bootstrap", error, freedom)


def _degrees_of_freedom(
    columns: Sequence[NDArray[np.float64]],
    drawn: Sequence[NDArray[np.float64]],
    statistic: Callable[[Columns], Any],
) -> float:
    """Returns Satterthwaite's degrees of freedom: fewer where a few columns make up most of the variance.

    The share of a column is the variance of the statistic when that column alone is resampled.
    """
    fixed = [np.broadcast_to(a, (len(drawn[0]), len(a))) for a in columns]
    alone = [[*fixed[:i], drawn[i], *fixed[i + 1 :]] for i in range(len(columns))]
    variance = np.array([np.var(statistic(one)) for one in alone])
    freedom = np.array([len(a) - 1.0 for a in columns])
    if not variance.any():
        return float(freedom.sum())
    return float(variance.sum() ** 2 / (variance**2 / freedom).sum())


def probability_of_improvement(a: Sequence[ArrayLike], b: Sequence[ArrayLike]) -> float:
    """Returns how likely a run of `a` is to beat a run of `b` on the same environment; a tie counts half.

    It is the Mann-Whitney statistic divided by the number of pairs, averaged over environments.

    Args:
        a: Scores of one agent, shape (runs,) for each environment.
        b: Scores of another on the same environments in the same order. The numbers of runs may differ.

    Raises:
        ValueError: The agents have different numbers of environments.
    """
    pairs = zip(_arrays(a), _arrays(b), strict=True)
    return float(np.mean([(np.sign(x[:, None] - y[None, :]).mean() + 1) / 2 for x, y in pairs]))


def performance_profile(
    columns: Sequence[ArrayLike],
    thresholds: ArrayLike,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Returns the share of runs that score above each threshold, with a band.

    Args:
        columns: Normalised scores, shape (runs,) for each environment. Each environment counts the same.
        thresholds: Scores, shape (points,).
        confidence: Coverage of the band at each threshold by itself.
        resamples: Bootstrap samples; runs are resampled within each environment.
        seed: Seed of the resampling.

    Returns:
        The shares, and the lower and the upper end of the band, each of shape (points,).
    """
    arrays, at = _arrays(columns), finite(thresholds)
    shares = np.mean([_above(a, at) for a in arrays], axis=0)
    rng = np.random.default_rng(seed)
    drawn = np.mean([_above(_draws(a, resamples, rng), at) for a in arrays], axis=0)
    low, high = np.quantile(drawn, [0.5 - confidence / 2, 0.5 + confidence / 2], axis=0)
    return shares, low, high


def _above(scores: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the share of the last axis above each threshold, shape (..., points)."""
    above: NDArray[np.float64] = (scores[..., None] > thresholds).mean(axis=-2)
    return above


def _means(columns: Columns) -> NDArray[np.float64]:
    """Returns the mean over runs, shape (environments,) or (environments, resamples)."""
    return np.stack([column.mean(axis=-1) for column in columns])


def _draws(scores: NDArray[np.float64], resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return scores[rng.integers(len(scores), size=(resamples, len(scores)))]


def _arrays(columns: Sequence[ArrayLike]) -> list[NDArray[np.float64]]:
    arrays = [finite(column) for column in columns]
    if not arrays:
        raise ValueError("no environments")
    return arrays
