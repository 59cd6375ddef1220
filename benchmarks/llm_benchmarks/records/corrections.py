"""Corrections: a record may say that it supersedes earlier ones. They stay in the store and leave the tables.

A record is believed if it was completed, and only about records of the same agent, environment, training
seed, split and reward of the evaluation. Who wrote it is not known, so `merge` takes a correction of what
stood in the store before only where it is told to. `leaderboard supersede --list` shows all corrections.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from llm_benchmarks.records.record import Record
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import RecordError


def superseded(records: Iterable[Record]) -> dict[str, str]:
    """Returns the records that others correct.

    Args:
        records: The records of a store.

    Returns:
        Id of a record -> id of the record that supersedes it.
    """
    records = list(records)
    correcting = [record for record in records if record.supersedes and record.status == "completed"]
    if not correcting:
        return {}
    by_id = {record.id: record for record in records}
    return {
        id: record.id
        for record in correcting
        for id in record.supersedes
        if id in by_id and _subject(by_id[id]) == _subject(record)
    }


def without_superseded(records: Iterable[Record]) -> list[Record]:
    """Returns the records that no other one supersedes."""
    records = list(records)
    left_out = superseded(records)
    return [record for record in records if record.id not in left_out] if left_out else records


def supersede(store: RecordStore, old: Sequence[str], by: str, reason: str) -> str:
    """Writes a copy of a record that supersedes earlier ones, and the record itself.

    Args:
        store: The store.
        old: Ids of the records that are corrected, or their beginnings.
        by: Id of the record that takes their place, or its beginning.
        reason: What was wrong with them.

    Returns:
        The id of the copy.

    Raises:
        KeyError: No record, or several, have such an id.
        RecordError: A record cannot be read, was not completed, or is of another agent, environment,
            training seed, split or reward. Nothing is written.
    """
    record = store.read(by)
    if record.status != "completed":
        raise RecordError(f"record {record.id[:12]} is {record.status}; a completed run can correct another")
    corrected = [store.read(id, rows=False) for id in old]
    for one in corrected:
        if one.id == record.id:
            raise RecordError(f"record {one.id[:12]} cannot supersede itself")
        for what, there, here in zip(_SUBJECT, _subject(one), _subject(record), strict=True):
            if there != here:
                raise RecordError(
                    f"record {one.id[:12]} has {what} {there!r} and {record.id[:12]} has {here!r}; "
                    "a correction is of the same agent, environment, seed, split and reward"
                )
    ids = dict.fromkeys([*record.supersedes, *(one.id for one in corrected), record.id])
    correction = {"records": list(ids), "reason": reason}
    return store.write({**record.data, "supersedes": correction}, record.episodes(), record.files())


_SUBJECT = (
    "the environment",
    "arguments of the environment",
    "the environment's signature",
    "the agent",
    "the training seed",
    "the split",
    "the reward of the evaluation",
)


def _subject(record: Record) -> tuple[Any, ...]:
    environment, evaluation = record.spec.environment, record.evaluation
    return (
        environment.id,
        environment.kwargs,
        environment.signature,
        record.spec.agent.name,
        record.training_seed,
        evaluation.split,
        evaluation.reward,
    )
