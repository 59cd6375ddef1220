"""The leaderboard: one table for each environment, from the records of a store.

Only scores that mean the same stand in one table: same environment signature, data, evaluation split and
evaluation reward. `rows.py` says what stands in a row, `columns.py` how it is shown, `view.py` prints it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from llm_benchmarks.leaderboard.labels import configuration, labels
from llm_benchmarks.leaderboard.rows import ANCHORS, Row, make_row
from llm_benchmarks.leaderboard.scores import Scores
from llm_benchmarks.records.record import Record
from llm_benchmarks.records.values import canonical_json, content_hash, flatten
from llm_envs.checks.suggestions import did_you_mean
from llm_envs.envs.ids import bare_id

MAIN_METRICS = 3
_LEADING = ("success", "task_success")
_MISSING = "not given"


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


def leaderboard_tables(
    records: Iterable[Record], env: str | None = None, experiment: str | None = None
) -> list[Table]:
    """Sorts records into tables.

    Args:
        records: As `RecordStore.records` gives them.
        env: Only this environment id; a module before it, as in "module:Id-v0", says nothing here.
        experiment: Only the runs of this experiment, beside the anchors of their tables.

    Returns:
        Tables sorted by environment, then by what tells them apart.

    Raises:
        ValueError: No record belongs to the experiment.
    """
    records = list(records)
    if experiment is not None:
        _check_experiment(experiment, records)
    by_env: dict[str, dict[bytes, list[Record]]] = {}
    for record in records:
        id = record.spec.environment.id
        if env is None or id in (env, bare_id(env)):
            groups = by_env.setdefault(id, {})
            groups.setdefault(canonical_json(_comparable(record)), []).append(record)
    tables = []
    for _, groups in sorted(by_env.items()):
        _place_unsigned(groups)
        found = [_of_experiment(group, experiment) for group in groups.values()]
        found = [group for group in found if group]
        told_apart = _differences([_described(group[0]) for group in found])
        pairs = zip(found, told_apart, strict=True)
        tables += sorted((_table(group, told) for group, told in pairs), key=lambda t: str(t.differences))
    return tables


def leaderboard_table(records: Iterable[Record], env: str | None = None) -> list[Row]:
    """The rows of the one table that the records make.

    Raises:
        ValueError: They do not all stand in one table; the message names what differs.
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
    """The runs of an experiment and the anchors they are measured by; none where it has no run here."""
    if experiment is None:
        return list(group)
    if not any(record.spec.experiment == experiment for record in group):
        return []
    return [r for r in group if r.spec.experiment == experiment or r.spec.agent.name in ANCHORS]


def _comparable(record: Record) -> dict[str, Any]:
    """What two records must share for their scores to mean the same."""
    return {
        "signature": record.spec.environment.signature,
        "dataset": record.facts["dataset"]["hash"],
        "split": record.evaluation.split,
        "reward": record.evaluation.reward.signature,
    }


def _place_unsigned(groups: dict[bytes, list[Record]]) -> None:
    """Moves runs that failed before their environment was made to its table, where there is only one."""
    unsigned = [key for key, group in groups.items() if group[0].spec.environment.signature is None]
    signed = [key for key in groups if key not in unsigned]
    if len(signed) == 1:
        for key in unsigned:
            groups[signed[0]] += groups.pop(key)


def _described(record: Record) -> dict[str, Any]:
    """Everything that may make two records of one environment incomparable, for a reader."""
    reward, facts = record.evaluation.reward, record.facts
    described = {
        "kwargs": record.spec.environment.kwargs,
        "context_length": facts["context_length"],
        "dataset": facts["dataset"]["name"],
        "dataset_hash": facts["dataset"]["hash"],
        "split": record.evaluation.split,
        "tokenizer": facts["tokenizer"]["spec"],
        "tokenizer_hash": facts["tokenizer"]["hash"],
        "reward": reward.spec if reward.spec is not None else reward.signature,
        "reward_signature": reward.signature,
        "signature": record.spec.environment.signature,
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
    first = next((r for r in group if r.spec.environment.signature is not None), group[0])
    by_row: dict[str, list[Record]] = {}
    configurations: dict[str, dict[str, Any]] = {}
    for record in sorted(group, key=lambda record: record.id):
        found = configuration(record, group)
        key = content_hash(found)
        configurations[key] = found
        by_row.setdefault(key, []).append(record)
    scores = {key: Scores.of(runs) for key, runs in by_row.items()}
    anchors = {name: _anchor(name, configurations, scores) for name in ANCHORS}
    variants = {key: sorted({run.spec.variant for run in runs} - {""}) for key, runs in by_row.items()}
    label = labels(configurations, variants)
    rows = [make_row(by_row[k], scores[k], anchors, label[k], configurations[k]) for k in by_row]
    rows.sort(key=lambda row: (row.score is None, -(row.score or 0.0), row.agent, row.label))
    rows = [replace(row, rank=i) if row.runs else row for i, row in enumerate(rows, start=1)]
    return Table(
        env=first.spec.environment.id,
        signature=first.spec.environment.signature,
        dataset=first.facts["dataset"]["name"],
        evaluation_split=first.evaluation.split,
        evaluation_reward=first.evaluation.reward.signature,
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


def _main_metrics(group: Sequence[Record], rows: Sequence[Row]) -> tuple[str, ...]:
    present = sorted({name for row in rows for name in row.metrics})
    listed = [metric["name"] for record in group for metric in record.facts["metrics"]]
    ordered = dict.fromkeys(name for name in (*_LEADING, *listed, *present) if name in present)
    return tuple(ordered)[:MAIN_METRICS]
