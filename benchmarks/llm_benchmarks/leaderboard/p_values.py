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

from llm_benchmarks.leaderboard.scores import Scores, difference
from llm_benchmarks.leaderboard.statistics import BOOTSTRAP_FROM, RESAMPLES, Interval, finite

_ROUNDING = 1e-12  # means that differ by less than this share of themselves are equal


def p_value_of(a: Scores, b: Scores) -> float:
    """Returns the two-sided p-value of the hypothesis that two agents have the same score.

    Agents are compared as in `difference`. Where trained agents have `BOOTSTRAP_FROM` seeds or more, the
    p-value is that of a studentised bootstrap over seeds, otherwise that of Student's or Welch's t.
    """
    if abs(a.mean - b.mean) <= _ROUNDING * max(abs(a.mean), abs(b.mean)):
        return 1.0
    if min(len(a.by_seed), len(b.by_seed)) < BOOTSTRAP_FROM:
        return t_p_value(difference(a, b)[0])
    if a.by_seed.keys() == b.by_seed.keys():
        return bootstrap_p_value([score - b.by_seed[seed] for seed, score in a.by_seed.items()])
    return bootstrap_p_value(list(a.by_seed.values()), list(b.by_seed.values()))


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
