"""Statistics of scores: pure functions on arrays of shape (runs,) or (runs, tasks).

A run is one training seed. Intervals are over runs, because a replication repeats the training,
however many episodes each run was evaluated on. Below `BOOTSTRAP_FROM` runs, intervals are Student's
t: a nominal 95 % percentile bootstrap of five runs covers only 84 %, and `benchmarks/interval_coverage.py`
measures what these intervals cover. Without training seeds (an agent
that does not learn, a single checkpoint) episodes are clustered by example.

Sources: Student (1908), "The probable error of a mean"; Welch (1947), "The generalization of
Student's problem when several different population variances are involved"; Liang and Zeger
(1986), "Longitudinal data analysis using generalized linear models" (clusters); Davison and Hinkley (1997),
"Bootstrap methods and their application", section 5.2 (studentised bootstrap).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.special
from numpy.typing import ArrayLike, NDArray

BOOTSTRAP_FROM = 20
RESAMPLES = 9999
Method = Literal["t", "bootstrap", "cluster t", "welch", "open"]


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval.

    Attributes:
        estimate: The mean, difference or other statistic.
        low: Lower end; None for method "open", because a single value has no spread.
        high: Upper end; None likewise.
        n: Number of runs, pairs or clusters (of the smaller side for "welch").
        method: The method of the interval.
        standard_error: Standard error of the estimate; None for "open".
        degrees_of_freedom: Degrees of freedom of the t distribution; None for "open".
    """

    estimate: float
    low: float | None
    high: float | None
    n: int
    method: Method
    standard_error: float | None = None
    degrees_of_freedom: float | None = None

    def side_of(self, value: float) -> Literal["above", "below", "unclear"]:
        """Returns the side of `value` on which the whole interval lies."""
        if self.low is None or self.high is None:
            return "unclear"
        if self.low > value:
            return "above"
        return "below" if self.high < value else "unclear"


def mean_interval(values: ArrayLike, confidence: float = 0.95, seed: int = 0) -> Interval:
    """Returns the mean over runs and its confidence interval.

    Args:
        values: Scores, shape (runs,), or (runs, tasks), which is averaged over tasks first.
        confidence: Coverage, in (0, 1).
        seed: Seed of the bootstrap, so that a table always prints the same numbers.

    Returns:
        A studentised bootstrap interval from `BOOTSTRAP_FROM` runs on, Student's t below, and an open
        interval for a single run.

    Raises:
        ValueError: If there are no values or some are not finite.
    """
    scores = finite(values)
    runs = scores.reshape(len(scores), -1).mean(axis=1)
    if len(runs) == 1:
        return Interval(float(runs[0]), None, None, 1, "open")
    equal = bool(np.ptp(runs) == 0.0)
    error = 0.0 if equal else float(runs.std(ddof=1)) / math.sqrt(len(runs))
    interval = _t_interval(float(runs.mean()), error, len(runs) - 1, len(runs), "t", confidence)
    if len(runs) < BOOTSTRAP_FROM or equal:
        return interval
    low, high = _bootstrap_t(runs, error, confidence, seed)
    if not (math.isfinite(low) and math.isfinite(high)):  # almost all runs are equal
        return interval
    return Interval(interval.estimate, low, high, len(runs), "bootstrap", error, len(runs) - 1)


def paired_difference(
    a: ArrayLike,
    b: ArrayLike,
    seeds: Sequence[int],
    seeds_b: Sequence[int] | None = None,
    confidence: float = 0.95,
) -> Interval:
    """Returns the mean of a - b over runs with the same training seed, and its interval.

    Args:
        a: Scores of one agent, shape (runs,) or (runs, tasks).
        b: Scores of another; the same number of tasks.
        seeds: Training seed of each run of `a`.
        seeds_b: Training seed of each run of `b`; as `seeds` if omitted.
        confidence: Coverage, in (0, 1).

    Returns:
        `mean_interval` of the differences over the seeds that both have; n counts those.

    Raises:
        ValueError: If a seed appears twice on one side, or the sides share none.
    """
    rows_a = _by_seed(finite(a), seeds)
    rows_b = _by_seed(finite(b), seeds if seeds_b is None else seeds_b)
    common = sorted(rows_a.keys() & rows_b.keys())
    if not common:
        raise ValueError(f"no seed in common: {sorted(rows_a)} and {sorted(rows_b)}")
    return mean_interval(np.stack([rows_a[s] - rows_b[s] for s in common]), confidence)


def cluster_interval(values: ArrayLike, clusters: Sequence[Any], confidence: float = 0.95) -> Interval:
    """Returns the mean over episodes, with an interval that allows for correlation within a cluster.

    It serves agents without training seeds, whose clusters are the examples. With one episode per
    cluster it equals Student's t over episodes.

    Args:
        values: One score per episode, shape (episodes,).
        clusters: The example of each episode.
        confidence: Coverage, in (0, 1).

    Returns:
        A t interval with (clusters - 1) degrees of freedom around the mean over episodes, its
        standard error from the clusters' summed residuals (Liang and Zeger 1986).

    Raises:
        ValueError: If the lengths differ, there are no values, or some are not finite.
    """
    scores = finite(values)
    if len(scores) != len(clusters):
        raise ValueError(f"{len(scores)} values, but {len(clusters)} cluster labels")
    mean = float(scores.mean())
    numbers = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
    index, count = [numbers[name] for name in clusters], len(numbers)
    if count == 1:
        return Interval(mean, None, None, 1, "open")
    residuals = np.bincount(index, weights=scores - mean, minlength=count)
    error = math.sqrt(count / (count - 1) * float(np.sum(residuals**2))) / len(scores)
    return _t_interval(mean, error, count - 1, count, "cluster t", confidence)


def cluster_difference(
    a: ArrayLike,
    clusters_a: Sequence[Any],
    b: ArrayLike,
    clusters_b: Sequence[Any],
    confidence: float = 0.95,
) -> Interval:
    """Returns the mean of a - b over the examples that both have played, and its interval over examples.

    Each example counts once: the difference of the two sides' means on it.

    Args:
        a: One score per episode, shape (episodes of a,).
        clusters_a: The example of each.
        b: One score per episode, shape (episodes of b,).
        clusters_b: The example of each.
        confidence: Coverage, in (0, 1).

    Raises:
        ValueError: If there is no common example, or the lengths differ.
    """
    means_a, means_b = _cluster_means(a, clusters_a), _cluster_means(b, clusters_b)
    common = [name for name in means_a if name in means_b]
    if not common:
        raise ValueError("no example in common")
    return cluster_interval([means_a[c] - means_b[c] for c in common], common, confidence)


def welch_difference(a: Interval, b: Interval, confidence: float = 0.95) -> Interval:
    """Returns the difference of two independent estimates, with Welch's interval.

    It takes intervals instead of scores, so that a mean over seeds can be compared with a mean over
    episodes. For two `mean_interval`s this is Welch's t interval.

    Args:
        a: From `mean_interval` or `cluster_interval`.
        b: The same.
        confidence: Coverage, in (0, 1).

    Returns:
        The interval; it is open if either side is open.
    """
    difference, n = a.estimate - b.estimate, min(a.n, b.n)
    pairs = [(s.standard_error, s.degrees_of_freedom) for s in (a, b)]
    known = [(error, freedom) for error, freedom in pairs if error is not None and freedom]
    if len(known) < 2:
        return Interval(difference, None, None, n, "open")
    variance = sum(error**2 for error, _ in known)
    if variance == 0.0:
        return _t_interval(difference, 0.0, sum(f for _, f in known), n, "welch", confidence)
    # The fourth powers of very small errors would underflow to 0, so shares of the variance are used.
    freedom = 1.0 / sum((error**2 / variance) ** 2 / freedom for error, freedom in known)
    return _t_interval(difference, math.sqrt(variance), freedom, n, "welch", confidence)


def _t_interval(
    mean: float, error: float, freedom: float, n: int, method: Method, confidence: float
) -> Interval:
    reach = float(scipy.special.stdtrit(freedom, 0.5 + confidence / 2)) * error
    return Interval(mean, mean - reach, mean + reach, n, method, error, freedom)


def _bootstrap_t(
    runs: NDArray[np.float64], error: float, confidence: float, seed: int
) -> tuple[float, float]:
    """Returns the ends of a studentised bootstrap interval; not finite where resamples have no spread."""
    drawn = runs[np.random.default_rng(seed).integers(len(runs), size=(RESAMPLES, len(runs)))]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (drawn.mean(axis=1) - runs.mean()) / (drawn.std(axis=1, ddof=1) / math.sqrt(len(runs)))
        low, high = np.quantile(t, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(runs.mean() - high * error), float(runs.mean() - low * error)


def finite(values: ArrayLike) -> NDArray[np.float64]:
    """Returns the values as an array of at least one dimension.

    Raises:
        ValueError: There are none, or some are not finite.
    """
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if array.size == 0:
        raise ValueError("no values")
    if not np.isfinite(array).all():
        raise ValueError("some values are NaN or infinite")
    return array


def _by_seed(scores: NDArray[np.float64], seeds: Sequence[int]) -> dict[int, NDArray[np.float64]]:
    if len(scores) != len(seeds) or len(set(seeds)) != len(seeds):
        raise ValueError(f"{len(scores)} runs need as many different seeds, got {list(seeds)}")
    return dict(zip(seeds, scores, strict=True))


def _cluster_means(values: ArrayLike, clusters: Sequence[Any]) -> dict[Any, float]:
    scores = finite(values)
    groups: dict[Any, list[float]] = {}
    for score, cluster in zip(scores.tolist(), clusters, strict=True):
        groups.setdefault(cluster, []).append(score)
    return {cluster: math.fsum(group) / len(group) for cluster, group in groups.items()}
