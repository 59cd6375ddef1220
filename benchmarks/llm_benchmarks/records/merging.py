"""Copies records from other stores. Copies have the current schema, whatever the source has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from llm_benchmarks.records.index import summaries
from llm_benchmarks.records.record import Record
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import RecordError


@dataclass
class Merged:
    """The result of a merge.

    Attributes:
        copied: Ids of the copies in the store.
        present: Ids of source records that were left out, because the store had the same run and episodes.
        corrections: Ids of the copies that take the place of other records in the tables.
        problems: Id -> what is wrong, for each source record that cannot be read, whose copy in the store
            is damaged.
        refused: Id -> why, for each correction in a source that was not copied.
    """

    copied: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    corrections: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class _Refused(Exception):
    """A correction that has to be accepted. The message says why."""


def merge(
    sources: Iterable[RecordStore],
    store: RecordStore,
    experiment: str = "",
    *,
    accept_corrections: bool = False,
) -> Merged:
    """Copies the records of some stores into another.

    A record is left out if the store has a record of the same run with the same episodes, which corrects the
    same records. Nobody knows who wrote a record, so a source may correct only the records that it brings
    itself: those that stood in the store before stay in the tables.

    Args:
        sources: The stores to copy from; they are not changed.
        store: The copies are written here.
        experiment: The experiment of a copy whose record names none.
        accept_corrections: Also take corrections of records that stood in the store before.

    Raises:
        OSError: A copy cannot be written. The copies before it stay.
    """
    merged = Merged()
    target = _Target(store, accept_corrections)
    for source in sources:
        copies: dict[str, str] = {}  # id in the source -> id in the store
        brought: set[str] = set()  # ids in the store that this source has added
        for record in _corrections_last(source, merged.problems):
            try:
                id, is_new = target.add(source, record, record.spec.experiment or experiment, copies, brought)
            except RecordError as error:
                merged.problems[record.id] = str(error)
                continue
            except _Refused as error:
                merged.refused[record.id] = str(error)
                continue
            copies[record.id] = id
            if is_new:
                merged.copied.append(id)
                brought.add(id)
                if record.supersedes:
                    merged.corrections.append(id)
            else:
                merged.present.append(record.id)
    return merged


def _corrections_last(source: RecordStore, problems: dict[str, str]) -> Iterator[Record]:
    """Yields the readable records of a store, a correction after the records that it corrects."""
    later: dict[str, Record] = {}
    for id in source.ids():
        try:
            record = source.load(id)
        except RecordError as error:
            problems[id] = str(error)
            continue
        if record.supersedes:
            later[id] = record
        else:
            yield record
    while later:
        # A record holds the ids of those it corrects in the content that its own id is made of: no circles.
        first = next(id for id, record in later.items() if later.keys().isdisjoint(record.supersedes))
        yield later.pop(first)


class _Target:
    """The store that is merged into, with its records by run."""

    def __init__(self, store: RecordStore, accept_corrections: bool) -> None:
        self._store = store
        self._accept_corrections = accept_corrections
        self._by_run: dict[tuple[str, str], list[str]] = {}
        self._ids = set(store.ids())
        for record in summaries(store):
            self._by_run.setdefault(_run(record.data), []).append(record.id)

    def add(
        self,
        source: RecordStore,
        record: Record,
        experiment: str,
        copies: Mapping[str, str],
        brought: Collection[str],
    ) -> tuple[str, bool]:
        """Copies a record unless it is there.

        Args:
            source: Where it is copied from.
            record: The record.
            experiment: The experiment of the copy.
            copies: Id in the source -> id in this store, for the records before it.
            brought: The ids among them that are new in this store.

        Returns:
            The id of the record in this store, and whether it is new.

        Raises:
            RecordError: The store has the record, and it is damaged there.
            _Refused: It is a correction that has to be accepted.
        """
        data = {**record.data, "spec": replace(record.spec, experiment=experiment).to_dict()}
        if record.supersedes:
            ids = dict.fromkeys([*record.supersedes, *(copies.get(id, id) for id in record.supersedes)])
            data["supersedes"] = {**data["supersedes"], "records": list(ids)}
        unchanged = data == record.data and source.is_file(record.id)
        if unchanged and record.id in self._ids:
            self._store.load(record.id, rows=False)  # its hash is its name, so the content is the same
            return record.id, False
        for id in self._by_run.get(_run(data), ()):
            other = self._store.load(id, rows=False)
            if set(other.supersedes) >= set(data.get("supersedes", {}).get("records", ())) and (
                other.episodes() == record.episodes()
            ):
                return id, False
        if not self._accept_corrections:
            self._refuse_correction(record, copies, brought)
        if unchanged:
            id = self._store.adopt(source, record)
        else:
            id = self._store.write(data, record.episodes(), record.files())
        self._ids.add(id)
        self._by_run.setdefault(_run(data), []).append(id)
        return id, True

    def _refuse_correction(self, record: Record, copies: Mapping[str, str], brought: Collection[str]) -> None:
        """Refuses a record that would take the place of one that its source does not bring.

        Raises:
            _Refused: It is such a record.
        """
        for id in record.supersedes:
            copy = copies.get(id)
            if copy not in brought:
                there = "stands in the store" if copy or id in self._ids else "its source does not hold"
                raise _Refused(f"it would take the place of {(copy or id)[:12]}, which {there}")


def _run(data: Mapping[str, Any]) -> tuple[str, str]:
    return data["identity"], data["status"]
