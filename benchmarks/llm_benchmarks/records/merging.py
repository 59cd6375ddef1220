"""Copies records from other stores. Copies have the current schema, whatever the source has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from llm_benchmarks.records.record import Record
from llm_benchmarks.records.store import RecordStore


@dataclass
class Merged:
    """The result of a merge.

    Attributes:
        copied: Ids of the copies in the store.
        present: Ids of source records that were left out, because the store had the same run and episodes.
        problems: Id -> what is wrong, for each source record that cannot be read.
    """

    copied: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


def merge(sources: Iterable[RecordStore], store: RecordStore, experiment: str = "") -> Merged:
    """Copies the records of some stores into another.

    A record is left out if the store has a record of the same run with the same episodes.

    Args:
        sources: The stores to copy from; they are not changed.
        store: The copies are written here.
        experiment: The experiment of a copy whose record names none.

    Raises:
        OSError: A copy cannot be written. The copies before it stay.
    """
    merged = Merged()
    for source in sources:
        for record in source.records(merged.problems):
            if _has(store, record):
                merged.present.append(record.id)
            else:
                merged.copied.append(copy(record, store, record.spec.experiment or experiment))
    return merged


def copy(record: Record, store: RecordStore, experiment: str) -> str:
    """Copies one record into a store.

    Args:
        record: The record.
        store: The copy is written here.
        experiment: The experiment of the copy.

    Returns:
        The id of the copy. It equals the record's id if nothing changes.
    """
    spec = replace(record.spec, experiment=experiment)
    return store.write({**record.data, "spec": spec.to_dict()}, record.episodes(), record.files())


def _has(store: RecordStore, record: Record) -> bool:
    records = store.find(record.data["identity"], status=record.status)
    return any(other.episodes() == record.episodes() for other in records)
