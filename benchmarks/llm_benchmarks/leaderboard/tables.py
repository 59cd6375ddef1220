"""The leaderboard: one table for each environment, from the records of a store.

Only scores that mean the same stand in one table: same environment signature, data, evaluation
split and evaluation reward. Within it, runs that differ in nothing but the training seed make one
row. `view.py` prints what this module computes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from llm_benchmarks.leaderboard.scores import Scores, difference, lies_above
from llm_benchmarks.leaderboard.statistics import Interval, normalized_score
from llm_benchmarks.records.configuration import configuration, labels
from llm_benchmarks.records.folder import Record
from llm_benchmarks.records.record import canonical_json, content_hash, flatten
from llm_benchmarks.records.trained_on import trained_on
from llm_envs.envs.ids import bare_id
from llm_envs.foreign import shown

ANCHORS = ("random", "constant", "reference")
MAIN_METRICS = 3
_LEADING = ("success", "task_success")
_MISSING = "not given"

Answer = Literal["yes", "no", "unclear"]
_ANSWERS: Mapping[str, Answer] = {"above": "yes", "below": "no", "unclear": "unclear"}


@dataclass(frozen=True)
class Row:
    """One agent in one configuration.

    Attributes:
        rank: 1 for the highest score; None without a score.
        agent: The agent's name.
        label: What sets this row apart from others of the same agent; empty if there are none.
        configuration: All of it: agent, training reward, budget, decoding, flattened.
        trained_on: Reward, data and start of its training, in words; see trained_on.py.
        score: Mean evaluation reward over training seeds; None if no run was completed.
        low: Lower end of the 95 % interval; None if a single seed leaves it open.
        high: Upper end; None likewise.
        interval: "t" or "bootstrap" (over training seeds), "cluster t" (over examples, for agents
            that are not trained), "open".
        seeds: Training seeds with a completed run; for agents that are not trained, 0.
        runs: Completed runs.
        normalized: Score with random play at 0 and the reference at 1; None without both.
        metrics: Mean over seeds of every metric.
        training_steps: Environment steps in training, mean over runs.
        training_seconds: Wall clock, mean over runs.
        failed_runs: Failed or interrupted runs whose cell has no completed one.
        retried_runs: Failed or interrupted runs whose cell was completed by another.
        beats_random: Whether the difference to random play is above zero; None where not asked.
        beats_random_by: How that was judged: "paired by seed", "welch", "by example", or None.
        difference_to_random: The difference and its interval; None where not asked.
        not_above_constant: Whether the interval fails to lie above the best constant text's score.
        notes: What else a reader must know.
        records: Ids of the completed records.
    """

    rank: int | None
    agent: str
    label: str
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


@dataclass(frozen=True)
class Table:
    """The rows that may be compared with one another.

    Attributes:
        env: The environment's id.
        signature: Its signature; None for failed runs that never had one.
        dataset: The corpus.
        evaluation_split: The split that was played.
        evaluation_reward: Signature of the reward that scores.
        main_metrics: Up to `MAIN_METRICS` names, most telling first.
        differences: Where several tables show this environment: field -> this table's value.
        rows: Best first; agents without a score last.
    """

    env: str
    signature: str | None
    dataset: str | None
    evaluation_split: str
    evaluation_reward: str | None
    main_metrics: tuple[str, ...]
    differences: Mapping[str, Any]
    rows: tuple[Row, ...]

    def to_dict(self) -> dict[str, Any]:
        """The table as JSON values; every number that is printed, and more."""
        return asdict(self)


def leaderboard_tables(records: Iterable[Record], env: str | None = None) -> list[Table]:
    """Sort records into tables.

    Args:
        records: As `RecordStore.records` gives them.
        env: Only this environment id; a module before it, as in "module:Id-v0", says nothing here.

    Returns:
        Tables sorted by environment, then by what tells them apart.
    """
    by_env: dict[str, dict[bytes, list[Record]]] = {}
    for record in records:
        if env is None or record["env"]["id"] in (env, bare_id(env)):
            groups = by_env.setdefault(record["env"]["id"], {})
            groups.setdefault(canonical_json(_comparable(record)), []).append(record)
    tables = []
    for _, groups in sorted(by_env.items()):
        _place_unsigned(groups)
        told_apart = _differences([_described(group[0]) for group in groups.values()])
        found = zip(groups.values(), told_apart, strict=True)
        tables += sorted((_table(g, d) for g, d in found), key=lambda t: str(t.differences))
    return tables


def leaderboard_table(records: Iterable[Record], env: str | None = None) -> list[Row]:
    """The rows of the one table that the records make.

    Raises:
        ValueError: If they do not all stand in one table; the message names what differs.
    """
    tables = leaderboard_tables(records, env)
    if len(tables) > 1:
        where = "; ".join(f"{table.env} {dict(table.differences)}" for table in tables)
        raise ValueError(f"scores of {len(tables)} tables cannot be compared: {where}")
    return list(tables[0].rows) if tables else []


def _comparable(record: Record) -> dict[str, Any]:
    """What two records must share for their scores to mean the same."""
    return {
        "signature": record["env"]["signature"],
        "dataset": record["dataset"]["hash"],
        "split": record["dataset"]["evaluation_split"],
        "reward": record["reward"]["evaluation"]["signature"],
    }


def _place_unsigned(groups: dict[bytes, list[Record]]) -> None:
    """Move runs that failed before their env was made to its table, where there is only one."""
    unsigned = [key for key, group in groups.items() if group[0]["env"]["signature"] is None]
    signed = [key for key in groups if key not in unsigned]
    if len(signed) == 1:
        for key in unsigned:
            groups[signed[0]] += groups.pop(key)


def _described(record: Record) -> dict[str, Any]:
    """Everything that may make two records of one environment incomparable, for a reader."""
    reward = record["reward"]["evaluation"]
    described = {
        "kwargs": record["env"]["kwargs"],
        "context_length": record["env"]["context_length"],
        "dataset": record["dataset"]["name"],
        "dataset_hash": record["dataset"]["hash"],
        "split": record["dataset"]["evaluation_split"],
        "tokenizer": record["tokenizer"]["spec"],
        "tokenizer_hash": record["tokenizer"]["hash"],
        "reward": reward["spec"] if reward["spec"] is not None else reward["signature"],
        "reward_signature": reward["signature"],
        "signature": record["env"]["signature"],
    }
    return {name: value for name, value in flatten(described) if value != {}}


def _differences(described: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each mapping the entries that not all share; hashes only where nothing else differs."""
    names = list(dict.fromkeys(name for one in described for name in one))
    differ = [n for n in names if len({canonical_json(d.get(n, _MISSING)) for d in described}) > 1]
    telling = [name for name in differ if not name.endswith(("hash", "signature"))]
    shown = [{name: one.get(name, _MISSING) for name in telling} for one in described]
    if len({canonical_json(one) for one in shown}) < len(described):
        shown = [{name: one.get(name, _MISSING) for name in differ} for one in described]
    return shown


def _table(group: Sequence[Record], differences: Mapping[str, Any]) -> Table:
    first = next((r for r in group if r["env"]["signature"] is not None), group[0])
    by_row: dict[str, list[Record]] = {}
    configurations: dict[str, dict[str, Any]] = {}
    for record in sorted(group, key=lambda record: record.id):
        found = configuration(record, group)
        key = content_hash(found)
        configurations[key] = found
        by_row.setdefault(key, []).append(record)
    scores = {key: Scores.of(runs) for key, runs in by_row.items()}
    anchors = {name: _anchor(name, configurations, scores) for name in ANCHORS}
    label = labels(configurations)
    rows = [_row(by_row[k], scores[k], anchors, label[k], configurations[k]) for k in by_row]
    rows.sort(key=lambda row: (row.score is None, -(row.score or 0.0), row.agent, row.label))
    rows = [replace(row, rank=i) if row.runs else row for i, row in enumerate(rows, start=1)]
    return Table(
        env=first["env"]["id"],
        signature=first["env"]["signature"],
        dataset=first["dataset"]["name"],
        evaluation_split=first["dataset"]["evaluation_split"],
        evaluation_reward=first["reward"]["evaluation"]["signature"],
        main_metrics=_main_metrics(group, rows),
        differences=differences,
        rows=tuple(rows),
    )


def _anchor(
    name: str, configurations: Mapping[str, Mapping[str, Any]], scores: Mapping[str, Scores]
) -> Scores | None:
    """The anchor's scores: of several rows, the most episodes, then the best, stand for it."""
    named = [scores[key] for key in scores if configurations[key]["agent"] == name]
    done = [found for found in named if found.interval is not None]
    return max(done, key=lambda found: (found.episodes, found.mean), default=None)


def _row(
    runs: Sequence[Record],
    scores: Scores,
    anchors: Mapping[str, Scores | None],
    label: str,
    configuration: Mapping[str, Any],
) -> Row:
    random, constant, reference = (anchors[name] for name in ANCHORS)
    agent, interval = configuration["agent"], scores.interval
    completed = {record["cell_key"] for record in scores.completed}
    seeds = [record["seeds"] for record in scores.completed]
    failed = [record for record in runs if record["status"] != "completed"]
    retried = sum(
        # What failed before its environment was made has another key than the run that did not.
        record["cell_key"] in completed or (record["env"]["signature"] is None and record["seeds"] in seeds)
        for record in failed
    )
    normalized = versus = how = beats = not_above = None
    if interval is not None:
        if random and reference and random.mean != reference.mean:
            normalized = _normalized(interval.estimate, random.mean, reference.mean)
        if random and agent != "random":
            versus, how = difference(scores, random)
            beats = _ANSWERS[versus.side_of(0.0)]
        if constant and agent not in ANCHORS:
            not_above = not lies_above(scores, constant.mean)
    return Row(
        rank=None,
        agent=agent,
        label=label,
        configuration=configuration,
        trained_on=trained_on((*scores.completed, *runs)[0].data),
        score=None if interval is None else interval.estimate,
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
        interval=None if interval is None else interval.method,
        seeds=len(scores.by_seed),
        runs=len(scores.completed),
        normalized=normalized,
        metrics=scores.metrics(),
        training_steps=scores.mean_of(lambda record: record["cost"]["environment_steps"]),
        training_seconds=scores.mean_of(_training_seconds),
        failed_runs=len(failed) - retried,
        retried_runs=retried,
        beats_random=beats,
        beats_random_by=how,
        difference_to_random=versus,
        not_above_constant=not_above,
        notes=_notes(runs, scores),
        records=tuple(record.id for record in scores.completed),
    )


def _normalized(score: float, random: float, reference: float) -> float | None:
    """The normalized score; None where the anchors differ by so little that it is no number."""
    with np.errstate(over="ignore"):
        found = float(normalized_score(score, random, reference))
    return found if math.isfinite(found) else None


def _training_seconds(record: Record) -> float | None:
    seconds: float | None = record["cost"]["wall_clock_seconds"]["training"]
    return seconds


def _notes(runs: Sequence[Record], scores: Scores) -> tuple[str, ...]:
    notes = []
    if len(scores.by_seed) == 1:
        notes.append("one seed: its interval is open, comparisons are over this run's examples")
    if not all(record["seeds"]["disjoint"] for record in runs):
        notes.append("a seed serves two of training, evaluation and tuning")
    rewards = [record["reward"][kind] for record in runs for kind in ("training", "evaluation")]
    if any(reward is not None and reward["spec"] is None for reward in rewards):
        notes.append("a reward is a callable: others cannot verify these runs")
    for name in scores.mixed_metrics():
        notes.append(f"its runs computed {shown(name)} in different ways, so no mean is shown")
    return tuple(notes)


def _main_metrics(group: Sequence[Record], rows: Sequence[Row]) -> tuple[str, ...]:
    present = sorted({name for row in rows for name in row.metrics})
    listed = [metric["name"] for record in group for metric in record["reward"]["metrics"]]
    ordered = dict.fromkeys(name for name in (*_LEADING, *listed, *present) if name in present)
    return tuple(ordered)[:MAIN_METRICS]
