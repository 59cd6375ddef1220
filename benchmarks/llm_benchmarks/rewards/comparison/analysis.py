"""What a comparison finds: the matrix with intervals, the course of each training, lengths and variety.

Every function is pure. The replication is the training seed: intervals are Student's t over seeds, and
differences are paired by seed (DESIGN, Statistics).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llm_benchmarks.leaderboard.statistics import Interval, mean_interval, paired_difference
from llm_benchmarks.rewards.comparison.measured import Column, DesignRun, Point


@dataclass(frozen=True)
class Entry:
    """One entry of the matrix.

    Attributes:
        interval: Mean score of the texts, over seeds.
        difference: The entry less that of the first design in the same column, paired by seed; None for the
            first design itself.
        standardised: (mean - mean of the column) / spread of the column's means; 0 if all are equal. The
            direction is turned, so that higher is better.
    """

    interval: Interval
    difference: Interval | None
    standardised: float


@dataclass(frozen=True)
class Course:
    """How a held-out value went while a design was trained on, on validation.

    Attributes:
        start, peak, last: Its mean over seeds at the first evaluation, at its best one, and at the last one.
        fall: Peak less last, over seeds. A peak is the best of noisy values, so a small fall says nothing.
        peak_timesteps: Mean step of the peak.
        peak_distance: Mean distance from the start at the peak; NaN if unknown.
        at_equal_distance: Its mean at the distance that every design reaches; NaN if unknown.
    """

    start: float
    peak: float
    last: float
    fall: Interval
    peak_timesteps: float
    peak_distance: float
    at_equal_distance: float


@dataclass(frozen=True)
class Variety:
    """Length and variety of a design's test texts.

    Attributes:
        length: Mean number of tokens, over seeds.
        different: Share of the texts of a run that differ from all others.
        distinct_2: Different pairs of neighbouring words by all pairs, over the texts of a run together (Li
            et al. 2016, at the level of the corpus).
    """

    length: Interval
    different: Interval
    distinct_2: Interval


def matrix(
    designs: Sequence[str], columns: Sequence[Column], runs: Sequence[DesignRun]
) -> dict[str, dict[str, Entry]]:
    """Returns the entries by design trained on and column scored on; designs without a run are left out."""
    by_design = {name: [run for run in runs if run.design == name] for name in designs}
    present = [name for name in designs if by_design[name]]
    table: dict[str, dict[str, Entry]] = {name: {} for name in present}
    for column in columns:
        values = {name: [run.means[column.name] for run in by_design[name]] for name in present}
        means = np.array([np.mean(values[name]) for name in present])
        spread = float(means.std(ddof=1)) if len(means) > 1 else 0.0
        sign = -1.0 if column.lower_is_better else 1.0
        for name in present:
            first = present[0]
            seeds, seeds_first = ([run.seed for run in by_design[one]] for one in (name, first))
            common = set(seeds) & set(seeds_first)
            difference = (
                paired_difference(values[name], values[first], seeds, seeds_first)
                if name != first and common
                else None
            )
            centred = float(np.mean(values[name]) - means.mean())
            table[name][column.name] = Entry(
                mean_interval(values[name]), difference, sign * centred / spread if spread > 0 else 0.0
            )
    return table


def equal_distance(designs: Sequence[str], runs: Sequence[DesignRun]) -> float:
    """Returns the largest distance from the start that every run reaches; NaN if one measured none."""
    reached = [
        max((p.distance for p in run.curve if math.isfinite(p.distance)), default=math.nan) for run in runs
    ]
    return min(reached) if reached and all(map(math.isfinite, reached)) and min(reached) > 0 else math.nan


def course(column: Column, runs: Sequence[DesignRun], distance: float) -> Course | None:
    """Returns the course of a column over the runs of one design; None if its curves do not have it.

    Args:
        column: The column.
        runs: The runs of one design.
        distance: From `equal_distance`.
    """
    sign = -1.0 if column.lower_is_better else 1.0
    curves = [[p for p in run.curve if column.name in p.values] for run in runs]
    curves = [curve for curve in curves if curve]
    if not curves:
        return None
    peaks = [max(curve, key=lambda p: sign * p.values[column.name]) for curve in curves]
    falls = [
        sign * (peak.values[column.name] - curve[-1].values[column.name])
        for peak, curve in zip(peaks, curves, strict=True)
    ]
    return Course(
        start=float(np.mean([curve[0].values[column.name] for curve in curves])),
        peak=float(np.mean([peak.values[column.name] for peak in peaks])),
        last=float(np.mean([curve[-1].values[column.name] for curve in curves])),
        fall=mean_interval(falls),
        peak_timesteps=float(np.mean([peak.timesteps for peak in peaks])),
        peak_distance=float(np.mean([peak.distance for peak in peaks])),
        at_equal_distance=float(np.mean([value_at(curve, column.name, distance) for curve in curves])),
    )


def value_at(curve: Sequence[Point], name: str, distance: float) -> float:
    """Returns a value where a curve first reaches a distance, linear in between; NaN if it never does."""
    if not math.isfinite(distance):
        return math.nan
    before: Point | None = None
    for point in curve:
        if math.isfinite(point.distance):
            if point.distance >= distance:
                if before is None or point.distance == before.distance:
                    return point.values[name]
                part = (distance - before.distance) / (point.distance - before.distance)
                return before.values[name] + part * (point.values[name] - before.values[name])
            before = point
    return math.nan


def variety(runs: Sequence[DesignRun]) -> Variety:
    """Returns length and variety over the runs of one design."""
    return Variety(
        mean_interval([float(np.mean(run.lengths)) for run in runs]),
        mean_interval([len(set(run.texts)) / len(run.texts) for run in runs]),
        mean_interval([_distinct_2(run.texts) for run in runs]),
    )


def _distinct_2(texts: Sequence[str]) -> float:
    pairs = [pair for text in texts for pair in zip(text.split(), text.split()[1:], strict=False)]
    return len(set(pairs)) / len(pairs) if pairs else 0.0


def reading(
    design: str, column: Column, table: dict[str, dict[str, Entry]], courses: dict[str, Course | None]
) -> str:
    """Returns in a sentence how a design fares on a held-out value.

    Args:
        design: The design.
        column: The held-out value.
        table: From `matrix`.
        courses: The design's name -> its course of the column.
    """
    own = table[design][column.name].interval.estimate
    sign = -1.0 if column.lower_is_better else 1.0
    best = max(table, key=lambda name: sign * table[name][column.name].interval.estimate)
    top = table[best][column.name].interval.estimate
    words = [f"{column.name} {own:.3f}"]
    words.append(
        "the best of the designs" if best == design else f"{abs(top - own):.3f} behind {best} ({top:.3f})"
    )
    went = courses.get(design)
    if went is not None:
        moved = "improves" if sign * (went.last - went.start) > 0 else "worsens"
        words.append(f"on validation it {moved} from {went.start:.3f} to {went.last:.3f}")
        if went.fall.low is not None and went.fall.low > 0 and went.peak_timesteps > 0:
            words.append(f"after a peak of {went.peak:.3f} at step {went.peak_timesteps:,.0f}")
    return ", ".join(words)
