"""Intervals of shares whose cases come in clusters, such as several judgements of texts for one prompt."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from llm_benchmarks.leaderboard.statistics import Interval, cluster_interval

_NORMAL = 1.959963984540054


def wilson_interval(share: float, count: float) -> tuple[float, float]:
    """Returns the 95 % interval of a share of `count` independent cases (Wilson 1927)."""
    square = _NORMAL**2
    centre = (share + square / (2 * count)) / (1 + square / count)
    half = _NORMAL / (1 + square / count) * sqrt(share * (1 - share) / count + square / (4 * count**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def share_interval(values: Sequence[float], clusters: Sequence[str]) -> Interval:
    """Returns a share and its 95 % interval, which stays within 0 and 1.

    It is Wilson's, for as many independent cases as would be as certain as these (Korn and Graubard 1998):
    share (1 - share) over the squared standard error over clusters, at most the number of cases; the number
    of clusters if all cases came out alike.

    Args:
        values: 0 or 1 for each case, 0.5 for a tie.
        clusters: The cluster of each case.
    """
    found = cluster_interval([float(value) for value in values], clusters)
    share, error, count = found.estimate, found.standard_error, float(len(values))
    equal = float(np.ptp(values)) == 0.0
    if equal or error is None:
        independent = float(found.n)
    else:
        independent = min(count, share * (1 - share) / error**2) if error > 0 else count
    low, high = wilson_interval(share, independent)
    return Interval(share, low, high, found.n, "cluster t", found.standard_error, found.degrees_of_freedom)
