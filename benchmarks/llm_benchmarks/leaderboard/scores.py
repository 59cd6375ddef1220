"""The scores of one row of a table, and the comparison of two rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from llm_benchmarks.leaderboard.statistics import (
    Interval,
    cluster_difference,
    cluster_interval,
    mean_interval,
    paired_difference,
    welch_difference,
)
from llm_benchmarks.records.record import Record


@dataclass(frozen=True)
class Scores:
    """The completed runs of one agent in one configuration.

    Runs that share a training seed (evaluated again, or repeated) count as one seed, because they
    are one training.

    Attributes:
        completed: The completed records.
        by_seed: Training seed -> mean reward; empty for agents that are not trained.
    """

    completed: tuple[Record, ...]
    by_seed: Mapping[int, float]

    @classmethod
    def of(cls, runs: Iterable[Record]) -> Scores:
        """Returns the scores of the completed runs."""
        completed = tuple(record for record in runs if record.status == "completed")
        return cls(completed, _means_by_seed(completed, lambda r: results_of(r)["mean_reward"]))

    @cached_property
    def interval(self) -> Interval | None:
        """Mean and interval over training seeds, or over examples for agents that are not trained."""
        if self.by_seed:
            return mean_interval(list(self.by_seed.values()))
        return self.over_examples if self.completed else None

    @property
    def mean(self) -> float:
        """The score; NaN without a completed run."""
        return self.interval.estimate if self.interval is not None else math.nan

    @property
    def per_run(self) -> list[float]:
        """The score of each training seed; the mean alone for agents that are not trained."""
        return list(self.by_seed.values()) or [self.mean]

    @property
    def episodes(self) -> int:
        """Evaluation episodes of all runs."""
        return sum(results_of(record)["episodes"] for record in self.completed)

    @cached_property
    def rows(self) -> tuple[list[float], list[int]]:
        """Reward and example of every evaluation episode."""
        rewards: list[float] = []
        examples: list[int] = []
        for record in self.completed:
            of_record = record.outcomes()
            rewards += of_record[0]
            examples += of_record[1]
        return rewards, examples

    @cached_property
    def over_examples(self) -> Interval:
        """Mean over episodes, with an interval over the examples."""
        return cluster_interval(*self.rows)

    def mean_of(self, value: Callable[[Record], float | None]) -> float | None:
        """Returns the mean of `value` over the runs that have one; None if none has."""
        values = [number for number in map(value, self.completed) if number is not None]
        return math.fsum(values) / len(values) if values else None

    def metrics(self) -> dict[str, float]:
        """Returns every metric's mean over training seeds; over runs for agents that are not trained.

        Metrics that these runs computed in different ways under one name are left out.
        """
        means = {}
        mixed = self.mixed_metrics()
        for name in dict.fromkeys(n for r in self.completed for n in results_of(r)["metrics"]):

            def value(record: Record, name: str = name) -> float | None:
                metric: float | None = results_of(record)["metrics"].get(name)
                return metric

            by_seed = _means_by_seed(self.completed, value)
            mean = math.fsum(by_seed.values()) / len(by_seed) if by_seed else self.mean_of(value)
            if mean is not None and name not in mixed:
                means[name] = mean
        return means

    def mixed_metrics(self) -> list[str]:
        """Returns the corpus metrics that have several signatures in these runs."""
        signatures: dict[str, set[str | None]] = {}
        for metric in (m for record in self.completed for m in record.facts["metrics"]):
            if metric.get("level") == "corpus":
                signatures.setdefault(metric["name"], set()).add(metric["signature"])
        return [name for name, several in signatures.items() if len(several) > 1]


def results_of(record: Record) -> Mapping[str, Any]:
    """Returns the results of a completed record."""
    assert record.results is not None
    return record.results


def difference(a: Scores, b: Scores) -> tuple[Interval, str]:
    """Returns the difference of two agents' scores, and the method of its interval.

    Trained agents with the same two or more seeds are paired by seed. If at least one of them has two
    or more seeds, the interval is Welch's: a side's spread is over its seeds, or else over examples.
    Single runs are compared example by example. That says something about these two trained agents,
    but nothing about training again.

    Returns:
        The interval of a - b, and "paired by seed", "welch" or "by example".
    """
    if len(a.by_seed) > 1 and a.by_seed.keys() == b.by_seed.keys():
        seeds = list(a.by_seed)
        values = list(a.by_seed.values()), [b.by_seed[seed] for seed in seeds]
        return paired_difference(*values, seeds), "paired by seed"
    if len(a.by_seed) > 1 or len(b.by_seed) > 1:
        return welch_difference(spread(a), spread(b)), "welch"
    if len(set(a.rows[1]) & set(b.rows[1])) > 1:
        return cluster_difference(*a.rows, *b.rows), "by example"
    return welch_difference(a.over_examples, spread(b)), "welch"


def lies_above(scores: Scores, value: float) -> bool:
    """Returns whether the whole interval lies above a value. A single seed's interval is over examples."""
    return spread(scores).side_of(value) == "above"


def spread(scores: Scores) -> Interval:
    """Returns the interval over seeds, or over examples where a single seed leaves it open."""
    if scores.interval is None or scores.interval.method == "open":
        return scores.over_examples
    return scores.interval


def _means_by_seed(runs: Iterable[Record], value: Callable[[Record], float | None]) -> dict[int, float]:
    """Returns training seed -> mean over its runs, each weighted by its episodes."""
    parts: dict[int, list[tuple[float, Any]]] = {}
    for record in runs:
        seed, mean = record.training_seed, value(record)
        if seed is not None and mean is not None:
            parts.setdefault(seed, []).append((mean, results_of(record)["episodes"]))
    return {
        seed: math.fsum(mean * n for mean, n in runs_of_seed) / sum(n for _, n in runs_of_seed)
        for seed, runs_of_seed in sorted(parts.items())
    }
