"""One row of a table: runs that differ only in the training seed, and their scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from llm_benchmarks.leaderboard.aggregates import normalized_score
from llm_benchmarks.leaderboard.anchors import Scale
from llm_benchmarks.leaderboard.scores import Scores, difference, lies_above
from llm_benchmarks.leaderboard.statistics import Interval
from llm_benchmarks.records.record import Record, seeds_are_disjoint
from llm_benchmarks.records.trained_on import trained_on
from llm_envs.foreign import shown

ANCHORS = ("random", "constant", "reference")
"""Agents that the others are compared with: random play, the best constant text, the references."""

Answer = Literal["yes", "no", "unclear"]
_ANSWERS: Mapping[str, Answer] = {"above": "yes", "below": "no", "unclear": "unclear"}


@dataclass(frozen=True)
class Row:
    """One agent in one configuration.

    Attributes:
        rank: 1 for the best rows. Rows that cannot be told apart from the best of them share its rank; see
            ranks.py. None without a score.
        rank_last: The last rank that the row may have; None without a score.
        agent: The agent's name.
        label: How this row differs from others of the same agent; empty if there are none.
        experiments: The experiments that its runs belong to.
        configuration: The whole configuration, flattened: agent, training reward, budget, decoding.
        trained_on: Reward, data and start of its training, in words; see trained_on.py.
        score: Mean evaluation reward over training seeds; None if no run was completed.
        low: Lower end of the 95 % interval; None if a single seed leaves it open.
        high: Upper end of the interval; None likewise.
        interval: "t" or "bootstrap" (over training seeds), "cluster t" (over examples, for agents
            that are not trained), "open".
        seeds: Training seeds with a completed run; for agents that are not trained, 0.
        runs: Completed runs.
        normalized: Score with random play at 0 and the reference at 1; see anchors.py. None without both.
        metrics: Mean over seeds of every metric.
        training_steps: Environment steps in training, mean over runs.
        training_seconds: Wall clock, mean over runs.
        failed_runs: Failed or interrupted runs that no completed run repeats.
        retried_runs: Failed or interrupted runs that a completed run repeats.
        beats_random: "yes" if the interval of the difference to random play is above zero; None without both.
        beats_random_by: How that interval was computed: "paired by seed", "welch", "by example", or None.
        difference_to_random: The difference to random play and its interval; None without both.
        not_above_constant: True unless the interval lies above the best constant text's score.
        notes: Further remarks that a reader needs.
        records: Ids of the completed records.
        verified: How far they were verified, such as "V2"; see badges.py. Empty if one was not.
    """

    rank: int | None
    rank_last: int | None
    agent: str
    label: str
    experiments: tuple[str, ...]
    configuration: Mapping[str, Any]
    trained_on: Mapping[str, str]
    score: float | None
    low: float | None
    high: float | None
    interval: str | None
    seeds: int
    runs: int
    normalized: float | None
    metrics: Mapping[str, float]
    training_steps: float | None
    training_seconds: float | None
    failed_runs: int
    retried_runs: int
    beats_random: Answer | None
    beats_random_by: str | None
    difference_to_random: Interval | None
    not_above_constant: bool | None
    notes: tuple[str, ...]
    records: tuple[str, ...]
    verified: str = ""


def make_row(
    runs: Sequence[Record],
    scores: Scores,
    anchors: Mapping[str, Scores | None],
    label: str,
    configuration: Mapping[str, Any],
    scale: Scale | None,
) -> Row:
    """Computes a row, without its rank.

    Args:
        runs: The row's records.
        scores: Their scores.
        anchors: The scores of each of `ANCHORS` in the table; None for an anchor without a score.
        label: The row's label.
        configuration: The configuration that its runs share.
        scale: The scores of random play and of the reference; None if one is missing.
    """
    random, constant = anchors["random"], anchors["constant"]
    agent, interval = configuration["agent"], scores.interval
    failed = [record for record in runs if record.status != "completed"]
    retried = sum(_is_repeated(record, scores.completed) for record in failed)
    normalized = to_random = judged = beats = not_above = None
    if interval is not None:
        if scale is not None:
            normalized = _normalized(interval.estimate, *scale)
        if random and agent != "random":
            to_random, judged = difference(scores, random)
            beats = _ANSWERS[to_random.side_of(0.0)]
        if constant and agent not in ANCHORS:
            not_above = not lies_above(scores, constant.mean)
    return Row(
        rank=None,
        rank_last=None,
        agent=agent,
        label=label,
        experiments=tuple(sorted({record.spec.experiment for record in runs} - {""})),
        configuration=configuration,
        trained_on=trained_on((*scores.completed, *runs)[0].spec),
        score=None if interval is None else interval.estimate,
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
        interval=None if interval is None else interval.method,
        seeds=len(scores.by_seed),
        runs=len(scores.completed),
        normalized=normalized,
        metrics=scores.metrics(),
        training_steps=scores.mean_of(lambda record: record.cost["environment_steps"]),
        training_seconds=scores.mean_of(_training_seconds),
        failed_runs=len(failed) - retried,
        retried_runs=retried,
        beats_random=beats,
        beats_random_by=judged,
        difference_to_random=to_random,
        not_above_constant=not_above,
        notes=_notes(runs, scores),
        records=tuple(record.id for record in scores.completed),
    )


def _is_repeated(failed: Record, completed: Sequence[Record]) -> bool:
    """Returns whether one of the completed runs repeats a failed run."""
    if failed.spec.environment.signature is not None:
        return any(done.data["identity"] == failed.data["identity"] for done in completed)
    # A run that failed before its environment was made has another identity than the completed run.
    seeds = (failed.training_seed, failed.evaluation.seed)
    return any((done.training_seed, done.evaluation.seed) == seeds for done in completed)


def _normalized(score: float, random: float, reference: float) -> float | None:
    """Returns the normalized score; None if the anchors are so close that it overflows."""
    with np.errstate(over="ignore"):
        normalized = float(normalized_score(score, random, reference))
    return normalized if math.isfinite(normalized) else None


def _training_seconds(record: Record) -> float | None:
    seconds: float | None = record.cost["wall_clock_seconds"]["training"]
    return seconds


def _notes(runs: Sequence[Record], scores: Scores) -> tuple[str, ...]:
    notes = []
    if len(scores.by_seed) == 1:
        notes.append("one seed: its interval is open, comparisons are over this run's examples")
    if not all(seeds_are_disjoint(record.spec) for record in runs):
        notes.append("a seed serves two of training, evaluation and tuning")
    parts = [part for record in runs for part in (record.spec.training, record.evaluation)]
    if any(part is not None and part.reward.spec is None for part in parts):
        notes.append("a reward is a callable: others cannot verify these runs")
    if any(record.supersedes for record in scores.completed):
        notes.append("a correction: it stands in place of earlier records, which stay in the store")
    for name in scores.mixed_metrics():
        notes.append(f"its runs computed {shown(name)} in different ways, so no mean is shown")
    return tuple(notes)
