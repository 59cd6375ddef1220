"""Copies records from other stores. Records of earlier schemas arrive in the present one."""

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
        present: Ids of records in the sources whose run and episodes the store had.
        problems: Id -> what is wrong, for each record of the sources that cannot be read.
    """

    copied: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


def merge(sources: Iterable[RecordStore], store: RecordStore, experiment: str = "") -> Merged:
    """Copies the records of some stores into another.

    A record is left out where the store has one of the same run with the same episodes.

    Args:
        sources: Where the records are; they stay as they are.
        store: Where the copies go.
        experiment: The experiment of copies whose record names none.

    Raises:
        OSError: A copy cannot be written. Those before it are there.
    """
    merged = Merged()
    for source in sources:
        for record in source.records(merged.problems):
            if _has(store, record):
                merged.present.append(record.id)
            else:
                merged.copied.append(copy(record, store, record.spec.experiment or experiment))
    return merged


def copy(record: Record, store: RecordStore, experiment: str, variant: str | None = None) -> str:
    """Copies one record into a store.

    Args:
        record: The record.
        store: Where it goes.
        experiment: The experiment of the copy.
        variant: The variant of the copy; that of the record if None.

    Returns:
        The id of the copy. It is the record's own where nothing changes.
    """
    variant = record.spec.variant if variant is None else variant
    spec = replace(record.spec, experiment=experiment, variant=variant)
    return store.write({**record.data, "spec": spec.to_dict()}, record.episodes(), record.files())


def _has(store: RecordStore, record: Record) -> bool:
    found = store.find(record.data["identity"], status=record.status)
    return any(other.episodes() == record.episodes() for other in found)
