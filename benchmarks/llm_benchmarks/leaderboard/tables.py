"""The leaderboard: one table for each environment, from the records of a store.

A table holds only comparable scores: those of one environment signature, data set, evaluation split and
evaluation reward. `rows.py` makes the rows, `columns.py` formats them and `view.py` prints them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import gymnasium as gym

from llm_benchmarks.leaderboard.anchors import SCALE, Scale, Scored, scale_of
from llm_benchmarks.leaderboard.labels import configuration, labels, shared_parts
from llm_benchmarks.leaderboard.ranks import neighbours_apart, rank, tie_groups
from llm_benchmarks.leaderboard.rows import ANCHORS, Row, make_row
from llm_benchmarks.leaderboard.scores import Scores
from llm_benchmarks.records.corrections import without_superseded
from llm_benchmarks.records.record import Record
from llm_benchmarks.records.trained_on import reward_line
from llm_benchmarks.records.values import canonical_json, content_hash, flatten
from llm_envs.checks.suggestions import did_you_mean
from llm_envs.envs.ids import bare_id

MAIN_METRICS = 3
_LEADING = ("success", "task_success")
MISSING = "not given"
"""The value of a field in `Table.differences` that the table does not have."""
Comparable = tuple[str | None, str | None, str, str | None]
"""Signature of the environment, hash of the data, split, and signature of the reward that scores."""


@dataclass(frozen=True)
class Table:
    """Rows whose scores can be compared.

    Attributes:
        env: The environment's id.
        signature: Its signature; None for failed runs that never had one.
        dataset: The corpus.
        evaluation_split: The split that was played.
        evaluation_reward: Signature of the reward that scores.
        main_metrics: Up to `MAIN_METRICS` names, most important first.
        differences: Field -> this table's value, for the fields in which the environment's tables differ.
        rows: The best row first; agents without a score last.
        scale: The scores of random play and of the reference, which are 0 and 1 when normalised; None if one
            is missing.
        p_values: Corrected p-value of every two rows that have a score, shape (rows, rows); see ranks.py.
        tie_groups: First and last of neighbouring rows of which no two can be told apart, from 0.
        neighbours_apart: How many rows can be told apart from the next row.
    """

    env: str
    signature: str | None
    dataset: str | None
    evaluation_split: str
    evaluation_reward: str | None
    main_metrics: tuple[str, ...]
    differences: Mapping[str, Any]
    rows: tuple[Row, ...]
    scale: Scale | None
    p_values: tuple[tuple[float, ...], ...]
    tie_groups: tuple[tuple[int, int], ...]
    neighbours_apart: int

    def to_dict(self) -> dict[str, Any]:
        """Returns the table as JSON values, with every number that is printed, and more."""
        return asdict(self)


def leaderboard_tables(
    records: Iterable[Record], env: str | None = None, experiment: str | None = None
) -> list[Table]:
    """Groups records into tables.

    Args:
        records: From `RecordStore.records`, or from `summaries`. Those that others supersede are left out.
        env: Only this environment id; the module of "module:Id-v0" is ignored.
        experiment: Only the runs of this experiment, and the anchors of their tables.

    Returns:
        The tables, sorted by environment and then by their differences.

    Raises:
        ValueError: No record belongs to the experiment.
    """
    records = without_superseded(records)
    if experiment is not None:
        _check_experiment(experiment, records)
    by_env: dict[str, dict[Comparable, list[Record]]] = {}
    for record in records:
        id = record.spec.environment.id
        if env is None or id in (env, bare_id(env)):
            groups = by_env.setdefault(id, {})
            groups.setdefault(_comparable(record), []).append(record)
    tables = []
    for _, groups in sorted(by_env.items()):
        _place_unsigned(groups)
        selected = [_of_experiment(group, experiment) for group in groups.values()]
        selected = [group for group in selected if group]
        differences = _differences([_described(group[0]) for group in selected])
        differences = [_with_reward(*pair) for pair in zip(differences, selected, strict=True)]
        env_tables = [_table(*pair) for pair in zip(selected, differences, strict=True)]
        tables += sorted(env_tables, key=lambda table: str(table.differences))
    return tables


def leaderboard_table(records: Iterable[Record], env: str | None = None) -> list[Row]:
    """Returns the rows of the single table that the records make.

    Raises:
        ValueError: The records make several tables; the message names the differences.
    """
    tables = leaderboard_tables(records, env)
    if len(tables) > 1:
        where = "; ".join(f"{table.env} {dict(table.differences)}" for table in tables)
        raise ValueError(f"scores of {len(tables)} tables cannot be compared: {where}")
    return list(tables[0].rows) if tables else []


def _check_experiment(experiment: str, records: Sequence[Record]) -> None:
    known = sorted({record.spec.experiment for record in records} - {""})
    if experiment not in known:
        near = did_you_mean(experiment, known) if known else ""
        there = f"{near} there are {', '.join(known)}" if known else "; the records name none"
        raise ValueError(f"no record of experiment {experiment!r}{there}")


def _of_experiment(group: Sequence[Record], experiment: str | None) -> list[Record]:
    """Returns the runs of an experiment and the anchors; an empty list if the experiment has no run here."""
    if experiment is None:
        return list(group)
    if not any(record.spec.experiment == experiment for record in group):
        return []
    return [r for r in group if r.spec.experiment == experiment or r.spec.agent.name in ANCHORS]


def _comparable(record: Record) -> Comparable:
    """Returns the values that two records must share for comparable scores."""
    evaluation = record.evaluation
    return (
        record.spec.environment.signature,
        record.facts["dataset"]["hash"],
        evaluation.split,
        evaluation.reward.signature,
    )


def _place_unsigned(groups: dict[Comparable, list[Record]]) -> None:
    """Moves runs without a signature to the environment's table, if it has only one.

    Such runs failed before their environment was made.
    """
    unsigned = [key for key, group in groups.items() if group[0].spec.environment.signature is None]
    signed = [key for key in groups if key not in unsigned]
    if len(signed) == 1:
        for key in unsigned:
            groups[signed[0]] += groups.pop(key)


def _described(record: Record) -> dict[str, Any]:
    """Returns every value that can make two records of one environment incomparable, by a readable name."""
    facts = record.facts
    described = {
        "kwargs": _arguments(record),
        "context_length": facts["context_length"],
        "dataset": facts["dataset"]["name"],
        "dataset_hash": facts["dataset"]["hash"],
        "split": record.evaluation.split,
        "tokenizer": facts["tokenizer"]["spec"],
        "tokenizer_hash": facts["tokenizer"]["hash"],
        "reward": _reward(record),
        "reward_signature": record.evaluation.reward.signature,
        "signature": record.spec.environment.signature,
    }
    return {name: value for name, value in flatten(described) if value != {}}


def _arguments(record: Record) -> dict[str, Any]:
    """Returns the environment's arguments, without those that only spell out what its id has anyway."""
    environment = record.spec.environment
    registered = gym.registry.get(environment.id)
    own = {} if registered is None else registered.kwargs
    return {k: v for k, v in environment.kwargs.items() if k not in own or own[k] != v}


def _differences(described: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns the entries in which the mappings differ; hashes only if nothing else tells two apart."""
    names = list(dict.fromkeys(name for mapping in described for name in mapping))
    differ = [n for n in names if len({canonical_json(d.get(n, MISSING)) for d in described}) > 1]
    readable = [name for name in differ if not name.endswith(("hash", "signature"))]
    differences = [{name: d.get(name, MISSING) for name in readable} for d in described]
    if len({canonical_json(entries) for entries in differences}) < len(described):
        differences = [{name: d.get(name, MISSING) for name in differ} for d in described]
    return differences


def _with_reward(differences: Mapping[str, Any], group: Sequence[Record]) -> dict[str, Any]:
    """Returns the differences, and the reward that scores if it is not the environment's own."""
    if group[0].evaluation.reward.spec == "default" or "reward" in differences:
        return dict(differences)
    return {**differences, "reward": _reward(group[0])}


def _reward(record: Record) -> str | None:
    """Returns the reward that scores as a line, or the signature of a callable."""
    reward = record.evaluation.reward
    return reward.signature if reward.spec is None else reward_line(reward.spec)


def _table(group: Sequence[Record], differences: Mapping[str, Any]) -> Table:
    first = next((r for r in group if r.spec.environment.signature is not None), group[0])
    by_row: dict[str, list[Record]] = {}
    configurations: dict[str, dict[str, Any]] = {}
    described: dict[tuple[int, ...], str] = {}
    for record in sorted(group, key=lambda record: record.id):
        parts = shared_parts(record)
        key = "" if parts is None else described.get(parts, "")
        if not key:
            row_configuration = configuration(record, group)
            key = content_hash(row_configuration)
            configurations[key] = row_configuration
            if parts is not None:
                described[parts] = key
        by_row.setdefault(key, []).append(record)
    scores = {key: Scores.of(runs) for key, runs in by_row.items()}
    anchors = {name: _anchor(name, configurations, scores) for name in ANCHORS}
    variants = {key: sorted({run.spec.variant for run in runs} - {""}) for key, runs in by_row.items()}
    label = labels(configurations, variants)
    scale = _scale(first, anchors)
    made = [(make_row(by_row[k], scores[k], anchors, label[k], configurations[k], scale), k) for k in by_row]
    made.sort(key=lambda pair: (pair[0].score is None, -(pair[0].score or 0.0), pair[0].agent, pair[0].label))
    ranks = rank([scores[key] for row, key in made if row.runs])
    placed = zip(made, ranks.first, ranks.last, strict=False)
    rows = [replace(row, rank=best, rank_last=worst) for (row, _), best, worst in placed]
    rows += [row for row, _ in made[len(rows) :]]
    return Table(
        env=first.spec.environment.id,
        signature=first.spec.environment.signature,
        dataset=first.facts["dataset"]["name"],
        evaluation_split=first.evaluation.split,
        evaluation_reward=first.evaluation.reward.signature,
        main_metrics=_main_metrics(group, rows),
        differences=differences,
        rows=tuple(rows),
        scale=scale,
        p_values=tuple(map(tuple, ranks.adjusted.tolist())),
        tie_groups=tuple(tie_groups(ranks.apart)),
        neighbours_apart=neighbours_apart(ranks.apart),
    )


def _scale(record: Record, anchors: Mapping[str, Scores | None]) -> Scale | None:
    evaluation = record.evaluation
    scored = Scored(record.spec.environment.signature, evaluation.split, evaluation.reward.signature)
    random, reference = (None if scores is None else scores.mean for scores in map(anchors.get, SCALE))
    return scale_of(scored, random, reference)


def _anchor(
    name: str, configurations: Mapping[str, Mapping[str, Any]], scores: Mapping[str, Scores]
) -> Scores | None:
    """Returns an anchor's scores. Of several rows, the one with most episodes counts, then the best."""
    named = [scores[key] for key in scores if configurations[key]["agent"] == name]
    completed = [row_scores for row_scores in named if row_scores.interval is not None]
    return max(completed, key=lambda row_scores: (row_scores.episodes, row_scores.mean), default=None)


def _main_metrics(group: Sequence[Record], rows: Sequence[Row]) -> tuple[str, ...]:
    present = sorted({name for row in rows for name in row.metrics})
    listed = [metric["name"] for record in group for metric in record.facts["metrics"]]
    ordered = dict.fromkeys(name for name in (*_LEADING, *listed, *present) if name in present)
    return tuple(ordered)[:MAIN_METRICS]
