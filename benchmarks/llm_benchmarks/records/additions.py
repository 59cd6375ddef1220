"""Scores that were added to the records of a store later. The records stay as they are.

    STORE/NAME.scores.jsonl    line 1 what was computed, then one line for each record

An addition names the records that it scores by their ids, which are hashes of their content. Like a verdict
it says what somebody computed: `merge` does not copy it, and `rescore` computes it again.
"""

from __future__ import annotations

import json
import math
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from llm_baselines.spec import RewardSpec
from llm_baselines.storage.exchange import replace_file
from llm_benchmarks.records.corrections import without_superseded
from llm_benchmarks.records.record import Outcomes, Record, Rows
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import RecordError, json_line
from llm_envs.foreign import ForeignDataError, parse_json, read_text

SUFFIX = ".scores.jsonl"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
_FORMAT = 1
_MAX_BYTES = 256 << 20
_LARGEST = 1e15

Kind = Literal["reward", "metric"]


@dataclass(frozen=True)
class AddedScores:
    """The scores of one record.

    Attributes:
        signature: Says what computed them.
        values: One for each episode; empty for a metric that is computed once over all of them.
        whole: The value of such a metric; None for any other.
    """

    signature: str
    values: Sequence[float] = ()
    whole: float | None = None

    @property
    def mean(self) -> float:
        """The value for the record as a whole."""
        return self.whole if self.whole is not None else math.fsum(self.values) / len(self.values)


@dataclass(frozen=True)
class Addition:
    """A reward or a metric that was computed on the texts of records.

    Attributes:
        name: Its name in tables and commands.
        kind: "reward" scores the rows of `show --score NAME`; "metric" is shown beside the others.
        spec: The specification, as JSON.
        scores: Record id -> its scores.
    """

    name: str
    kind: Kind
    spec: Any
    scores: Mapping[str, AddedScores] = field(default_factory=dict)


def check_name(name: str) -> None:
    """Raises if a name cannot be that of an addition.

    Raises:
        ValueError: The name is empty or too long, or has other characters than letters, digits, "_.-".
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot name a score: a name begins with a letter or digit and has at most 60 letters, "
            "digits, '_', '.' and '-'; choose one: --name NAME"
        )


def names(store: RecordStore) -> list[str]:
    """Returns the names of a store's additions, sorted."""
    files = [] if not store.path.is_dir() else store.path.glob(f"*{SUFFIX}")
    found = (path.name.removesuffix(SUFFIX) for path in files)
    return sorted(name for name in found if _NAME.fullmatch(name))


def read_addition(store: RecordStore, name: str) -> Addition:
    """Reads an addition.

    Raises:
        KeyError: There is none of that name.
        RecordError: Its file is damaged; remove it and rescore.
    """
    check_name(name)
    path = store.path / f"{name}{SUFFIX}"
    try:
        first, *lines = read_text(path, path.name, max_bytes=_MAX_BYTES).rstrip("\n").split("\n")
        head = parse_json(first, path.name)
        if head["format"] != _FORMAT or head["name"] != name or head["kind"] not in ("reward", "metric"):
            raise ValueError("its first line is not that of added scores")
        rows = [parse_json(line, path.name) for line in lines]
        scores = {row["record"]: _scores(row) for row in rows}
        return Addition(name, head["kind"], head["spec"], scores)
    except FileNotFoundError:
        there = ", ".join(names(store)) or "none"
        raise KeyError(
            f"no score {name!r} was added to '{store.path}'; there are: {there}; "
            "`llm-envs leaderboard rescore` adds one"
        ) from None
    except (ForeignDataError, OSError, LookupError, TypeError, ValueError) as error:
        raise RecordError(f"{path.name}: cannot be read: {error}; remove it and rescore") from error


def write_addition(store: RecordStore, addition: Addition) -> Path:
    """Writes an addition atomically. Scores of other records under the same name and specification stay.

    Returns:
        The file.

    Raises:
        ValueError: The name has another kind or specification in the store.
        RecordError: The file that stands there is damaged.
        OSError: The file cannot be written.
    """
    check_name(addition.name)
    scores = dict(addition.scores)
    if addition.name in names(store):
        earlier = read_addition(store, addition.name)
        if (earlier.kind, earlier.spec) != (addition.kind, addition.spec):
            raise ValueError(
                f"the name {addition.name!r} is taken by the {earlier.kind} {json.dumps(earlier.spec)}; "
                "choose another: --name NAME"
            )
        present = set(store.ids())
        scores = {id: kept for id, kept in earlier.scores.items() if id in present} | scores
    head = {"format": _FORMAT, "name": addition.name, "kind": addition.kind, "spec": addition.spec}
    rows = [
        {"record": id, "signature": one.signature, "values": list(one.values), "whole": one.whole}
        for id, one in sorted(scores.items())
    ]
    path = store.path / f"{addition.name}{SUFFIX}"
    replace_file(path, b"".join(map(json_line, [head, *rows])).decode("utf-8"))
    return path


def with_additions(
    store: RecordStore, records: Iterable[Record], problems: dict[str, str], score: str | None = None
) -> list[Record]:
    """Returns the records with the metrics that were added to them, and scored by another reward if asked.

    Args:
        store: The store of the additions.
        records: Its records; those that others supersede are left out.
        problems: Receives file name -> what is wrong, for each addition that is damaged.
        score: The name of an added reward. Records without its scores are left out.

    Raises:
        KeyError: No such score was added.
        ValueError: The name is that of a metric.
    """
    changed = without_superseded(records)  # before some are left out for lack of a score
    for name in names(store):
        try:
            addition = read_addition(store, name)
        except RecordError as error:
            problems[f"{name}{SUFFIX}"] = str(error)
            continue
        if addition.kind == "metric":
            changed = [_with_metric(record, addition) for record in changed]
    if score is None:
        return changed
    addition = read_addition(store, score)
    if addition.kind != "reward":
        raise ValueError(
            f"{score!r} is an added metric, which `show` has beside the others; --score takes a reward"
        )
    return [_scored(record, addition) for record in changed if record.id in addition.scores]


def _scored(record: Record, addition: Addition) -> Record:
    """Returns a record as if the added reward had scored it."""
    scores = addition.scores[record.id]
    values = list(scores.values)
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    results = {**(record.results or {}), "mean_reward": scores.mean, "std_reward": spread}
    reward = RewardSpec(spec=addition.spec, signature=scores.signature)
    return replace(
        record,
        data={**record.data, "results": results},
        spec=replace(record.spec, evaluation=replace(record.evaluation, reward=reward)),
        read_episodes=partial(_scored_rows, record, values, addition.name),
        read_outcomes=partial(_scored_outcomes, record, values),
    )


def _scored_outcomes(record: Record, values: Sequence[float]) -> Outcomes:
    _, examples = record.outcomes()
    _check_number(record, len(examples), len(values))
    return list(values), examples


def _scored_rows(record: Record, values: Sequence[float], name: str) -> Rows:
    rows = _matching(record, values)
    return [
        {**row, "reward": value, "reward_components": {name: value}}
        for row, value in zip(rows, values, strict=True)
    ]


def _with_metric(record: Record, addition: Addition) -> Record:
    """Returns a record with an added metric; unchanged if it has one of that name, or none was computed."""
    scores, results = addition.scores.get(record.id), record.results
    if scores is None or results is None or addition.name in results["metrics"]:
        return record
    listed: dict[str, Any] = {"name": addition.name, "signature": scores.signature}
    if scores.whole is not None:
        listed["level"] = "corpus"
    facts = {**record.facts, "metrics": [*record.facts["metrics"], listed]}
    metrics = {**results["metrics"], addition.name: scores.mean}
    changed = replace(
        record, data={**record.data, "facts": facts, "results": {**results, "metrics": metrics}}
    )
    if scores.whole is not None:
        return changed
    return replace(changed, read_episodes=partial(_rows_with_metric, record, scores.values, addition.name))


def _rows_with_metric(record: Record, values: Sequence[float], name: str) -> Rows:
    rows = _matching(record, values)
    return [
        {**row, "metrics": {**row["metrics"], name: value}} for row, value in zip(rows, values, strict=True)
    ]


def _matching(record: Record, values: Sequence[float]) -> Rows:
    rows = record.episodes()
    _check_number(record, len(rows), len(values))
    return rows


def _check_number(record: Record, episodes: int, scores: int) -> None:
    if episodes != scores:
        raise RecordError(f"it has {episodes} episodes, and {scores} added scores; rescore it", record.id)


def _scores(row: Mapping[str, Any]) -> AddedScores:
    """Returns the scores of a line.

    Raises:
        ValueError: A value is missing, or no score.
    """
    signature, values, whole = row["signature"], row["values"], row["whole"]
    numbers = values if whole is None else [*values, whole]
    good = all(type(n) in (int, float) and abs(n) <= _LARGEST for n in numbers)
    if not isinstance(signature, str) or not good or (whole is None) != bool(values):
        raise ValueError(f"record {str(row['record'])[:12]}: a score is not a number, or missing")
    return AddedScores(signature, values, whole)
