"""P-values of differences, and their correction where many are compared.

Sources: Student (1908) and Welch (1947), as in statistics.py; Davison and Hinkley (1997), "Bootstrap methods
and their application", section 4.4 (studentised bootstrap); Holm (1979), "A simple sequentially rejective
multiple test procedure".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.special
from numpy.typing import ArrayLike, NDArray

from llm_benchmarks.leaderboard.scores import Scores, difference, spread
from llm_benchmarks.leaderboard.statistics import BOOTSTRAP_FROM, RESAMPLES, Interval, finite

_ROUNDING = 1e-12  # means that differ by less than this share of themselves are equal


def p_value_of(a: Scores, b: Scores) -> float:
    """Returns the two-sided p-value of the hypothesis that two agents have the same score.

    Agents are compared as in `difference`. Where both have `BOOTSTRAP_FROM` training seeds or more, the
    p-value is that of a studentised bootstrap over seeds, otherwise that of Student's or Welch's t.
    """
    if abs(a.mean - b.mean) <= _ROUNDING * max(abs(a.mean), abs(b.mean)):
        return 1.0
    if min(len(a.by_seed), len(b.by_seed)) < BOOTSTRAP_FROM:
        return t_p_value(difference(a, b)[0])
    if a.by_seed.keys() == b.by_seed.keys():
        return bootstrap_p_value([score - b.by_seed[seed] for seed, score in a.by_seed.items()])
    return bootstrap_p_value(list(a.by_seed.values()), list(b.by_seed.values()))


def all_p_values(scores: Sequence[Scores]) -> NDArray[np.float64]:
    """Returns `p_value_of` of every two agents, shape (agents, agents), 1 on the diagonal.

    Trained agents below `BOOTSTRAP_FROM` seeds are compared all at once, so that hundreds of rows take
    seconds.
    """
    p = np.full((len(scores), len(scores)), np.nan)
    _compare_paired(scores, p)
    _compare_by_welch(scores, p)
    mean = np.array([row.mean for row in scores])
    largest = np.maximum(np.abs(mean[:, None]), np.abs(mean))
    p[np.abs(mean[:, None] - mean) <= _ROUNDING * largest] = 1.0
    for i, j in np.argwhere(np.triu(np.isnan(p), 1)).tolist():
        p[i, j] = p[j, i] = p_value_of(scores[i], scores[j])
    return p


def _compare_paired(scores: Sequence[Scores], p: NDArray[np.float64]) -> None:
    """Fills in the p-values of trained agents with the same two or more seeds, below `BOOTSTRAP_FROM`."""
    by_seeds: dict[tuple[int, ...], list[int]] = {}
    for i, row in enumerate(scores):
        if 1 < len(row.by_seed) < BOOTSTRAP_FROM:
            by_seeds.setdefault(tuple(row.by_seed), []).append(i)
    for seeds, rows in by_seeds.items():
        values = np.array([list(scores[i].by_seed.values()) for i in rows])
        for i, row_values in zip(rows, values, strict=True):
            differences = row_values - values
            error = differences.std(axis=1, ddof=1) / np.sqrt(len(seeds))
            p[i, rows] = _two_sided(differences.mean(axis=1), error, len(seeds) - 1.0)


def _compare_by_welch(scores: Sequence[Scores], p: NDArray[np.float64]) -> None:
    """Fills in the p-values of other pairs of which one side has several seeds, below `BOOTSTRAP_FROM`."""
    seeds = np.array([len(row.by_seed) for row in scores])
    most, least = np.maximum(seeds[:, None], seeds), np.minimum(seeds[:, None], seeds)
    pairs = np.isnan(p) & (most > 1) & (least < BOOTSTRAP_FROM)
    if not pairs.any():
        return
    spreads = [spread(row) for row in scores]
    mean = np.array([interval.estimate for interval in spreads])
    variance = np.array([np.nan if s.standard_error is None else s.standard_error**2 for s in spreads])
    freedom = np.array([s.degrees_of_freedom or np.nan for s in spreads])
    for i in range(len(scores)):
        j = np.flatnonzero(pairs[i])
        both = variance[i] + variance[j]
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = (variance[i] / both) ** 2 / freedom[i] + (variance[j] / both) ** 2 / freedom[j]
            p[i, j] = _two_sided(mean[i] - mean[j], np.sqrt(both), 1.0 / shares)
        p[i, j[np.isnan(both)]] = 1.0  # an open interval


def _two_sided(
    difference: NDArray[np.float64], error: NDArray[np.float64], freedom: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        p: NDArray[np.float64] = 2.0 * scipy.special.stdtr(freedom, -np.abs(difference) / error)
    return np.where(error == 0.0, (difference == 0.0).astype(float), p)


def t_p_value(difference: Interval) -> float:
    """Returns the two-sided p-value of an estimate under its t distribution, against zero.

    Args:
        difference: An interval with a standard error; 1 is returned for an open one.
    """
    error, freedom = difference.standard_error, difference.degrees_of_freedom
    if difference.estimate == 0.0 or error is None or not freedom:
        return 1.0
    if error == 0.0:
        return 0.0
    return 2.0 * float(scipy.special.stdtr(freedom, -abs(difference.estimate) / error))


def bootstrap_p_value(values: ArrayLike, others: ArrayLike = (), seed: int = 0) -> float:
    """Returns the two-sided p-value of a mean against zero, or of two means against each other.

    The statistic is the mean divided by its standard error, both in the data and in each resample.

    Args:
        values: Scores or differences, shape (runs,).
        others: Scores of independent runs that are compared, shape (other runs,); none for one sample.
        seed: Seed of the resampling.

    Returns:
        The share of resamples that lie as far from their centre as the data lies from zero. At least 1e-4.
    """
    samples = [finite(values), *([finite(others)] if len(np.atleast_1d(others)) else [])]
    rng = np.random.default_rng(seed)
    signs = (1.0, -1.0)
    mean = sum(sign * float(x.mean()) for sign, x in zip(signs, samples, strict=False))
    error = np.sqrt(sum(x.var(ddof=1) / len(x) for x in samples))
    if error == 0.0:
        return float(mean == 0.0)
    drawn_mean, drawn_variance = np.zeros(RESAMPLES), np.zeros(RESAMPLES)
    for sign, x in zip(signs, samples, strict=False):
        drawn = x[rng.integers(len(x), size=(RESAMPLES, len(x)))]
        drawn_mean += sign * (drawn.mean(axis=1) - x.mean())
        drawn_variance += drawn.var(axis=1, ddof=1) / len(x)
    with np.errstate(divide="ignore", invalid="ignore"):  # a resample may repeat one value
        drawn_t = np.abs(drawn_mean) / np.sqrt(drawn_variance)
    return float((1 + np.count_nonzero(~(drawn_t < abs(mean) / error))) / (RESAMPLES + 1))


def holm(p_values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns p-values adjusted for their number, by Holm's step-down procedure.

    Where each adjusted value of at most 0.05 counts as a difference, the chance of even one false difference
    is at most 5 %, however the tests depend on each other.

    Args:
        p_values: One for each test.

    Returns:
        Adjusted values in the same order, each at most 1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)) if len(p) else p
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
