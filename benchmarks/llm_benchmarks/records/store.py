"""A store: a folder of records, each an immutable file named by the hash of its content.

Writing needs no lock, also from several processes or machines, and records may be copied between stores. A
process that runs a cell locks that cell, so that no two processes run it at the same time. `record_file.py`
describes the file of a record. Folders of schema 1 are read too.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from llm_baselines.storage.locks import Lock, try_lock
from llm_baselines.storage.temporary import sweep
from llm_benchmarks.records.checkpoint import Source, check_name, checkpoint_hash
from llm_benchmarks.records.former_folder import read_former
from llm_benchmarks.records.record import Record, check_record
from llm_benchmarks.records.record_file import (
    CHECKPOINT,
    SUFFIX,
    TEMPORARY,
    checkpoint_folder,
    read_content,
    read_file,
    record_path,
    write_content,
    write_file,
)
from llm_benchmarks.records.results import check_results
from llm_benchmarks.records.schema import check_schema
from llm_benchmarks.records.values import RecordError, plain

_LOCKS = ".locks"
_NAME = re.compile(r"([0-9a-f]{64})(" + re.escape(SUFFIX) + r")?")
_CHECKPOINT = re.compile(r"([0-9a-f]{64})" + re.escape(CHECKPOINT))


def is_record_name(name: str) -> bool:
    """Returns whether the entry of this name in a store is a record: a file, or a folder of schema 1."""
    return _NAME.fullmatch(name) is not None


class RecordStore:
    """Records in a folder.

    Args:
        path: The folder; it is created with the first record.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._identities: dict[str, str] = {}  # id -> identity, which never changes for an id
        self._unreadable: dict[str, str] = {}  # id -> why `find` could not read it

    def write(
        self,
        record: Mapping[str, Any],
        episodes: Iterable[Mapping[str, Any]] = (),
        files: Mapping[str, Source] | None = None,
    ) -> str:
        """Checks a record and writes it.

        Args:
            record: From `new_record`.
            episodes: Rows of `llm_envs.evaluate`, in order of index.
            files: Files to keep beside the record: name under "checkpoint/" -> path or bytes; see
                `checkpoint_files`.

        Returns:
            The record's id. Writing the same record again changes nothing and returns the same id.

        Raises:
            RecordError: The record, an episode or a file is invalid. Nothing is written.
            OSError: The record cannot be written. The store holds no part of it.
        """
        record = {**plain(record, "record"), "files": {}}
        check_record(record)
        rows = [plain(row, f"episode {k}") for k, row in enumerate(episodes)]
        for k, row in enumerate(rows):
            check_schema(row, "episode", f"episode {k}")
        check_results(record, rows)
        files = files or {}
        for name in files:
            check_name(name)
        recorded_hash = record["facts"]["checkpoint_hash"]
        if files and recorded_hash != checkpoint_hash(files):
            raise RecordError(
                f"record: facts.checkpoint_hash: {recorded_hash} is not that of the files given"
            )
        return write_file(self.path, record, rows, files)

    def adopt(self, source: RecordStore, record: Record) -> str:
        """Copies a record of another store, with the same content and so under the same id.

        Args:
            source: The other store. The record is a file there.
            record: The record, which was read and checked with its episodes.

        Raises:
            RecordError: The record was altered since.
            OSError: The record cannot be written. The store holds no part of it.
        """
        content = read_content(record_path(source.path, record.id), record.id)
        return write_content(self.path, content, record.files(), record.data["files"])

    def is_file(self, id: str) -> bool:
        """Returns whether a record is a file, not a folder of schema 1."""
        return os.path.lexists(record_path(self.path, id))

    def read(self, id: str, rows: bool = True) -> Record:
        """Reads one record and checks every byte of it.

        Args:
            id: The record's id, or the first characters of it.
            rows: Also check the episodes now; otherwise `Record.episodes` checks them later.

        Raises:
            KeyError: No record has this id, or several ids begin with it.
            RecordError: The record is incomplete, altered or invalid.
        """
        return self.load(self.whole_ids([id])[0], rows)

    def whole_ids(self, prefixes: Iterable[str]) -> list[str]:
        """Returns the ids that begin with the given texts, one for each.

        Raises:
            KeyError: No record begins so, or several do.
        """
        known, chosen = self.ids(), []
        for prefix in prefixes:
            matches = [id for id in known if prefix and id.startswith(prefix)]
            if len(matches) != 1:
                what = f"{len(matches)} records begin with" if matches else "there is no record"
                raise KeyError(f"{what} {prefix!r} in '{self.path}'")
            chosen += matches
        return chosen

    def load(self, id: str, rows: bool = True) -> Record:
        """Reads one record by its whole id, without a look at the others.

        Args:
            id: The record's id.
            rows: As of `read`.

        Raises:
            RecordError: The record is missing, incomplete, altered or invalid.
        """
        in_a_file = self.is_file(id) or not os.path.lexists(self.path / id)
        record = read_file(self.path, id) if in_a_file else read_former(self.path / id)
        if rows:
            record.episodes()
        return record

    def ids(self) -> list[str]:
        """Returns the ids of all records, readable or not, sorted. Half-written records have no id."""
        if not self.path.is_dir():
            return []
        names = (_NAME.fullmatch(entry.name) for entry in self.path.iterdir())
        return sorted({name[1] for name in names if name is not None})

    def records(self, problems: dict[str, str] | None = None) -> list[Record]:
        """Returns all readable records sorted by id, after a check of all their episodes.

        Args:
            problems: Receives id -> what is wrong, for each unreadable record.
        """
        readable = []
        for id in self.ids():
            try:
                readable.append(self.load(id))
            except RecordError as error:
                if problems is not None:
                    problems[id] = str(error)
        return readable

    def find(
        self, identity: str, status: str | None = "completed", problems: dict[str, str] | None = None
    ) -> list[Record]:
        """Returns the readable records of one run.

        Args:
            identity: `RunSpec.identity()` of the run.
            status: Only records of this status; all if None.
            problems: Receives id -> what is wrong, for each record that this object could not read, now or
                earlier. It does not try to read such a record again.
        """
        matches = []
        for id in self.ids():
            if id in self._unreadable or self._identities.get(id, identity) != identity:
                continue
            try:
                record = self.load(id, rows=False)
                self._identities[id] = record.data["identity"]
                if record.data["identity"] == identity and status in (None, record.status):
                    record.episodes()
                    matches.append(record)
            except RecordError as error:
                self._unreadable[id] = str(error)
        if problems is not None:
            problems |= self._unreadable
        return matches

    def claim(self, identity: str) -> Lock | None:
        """Locks a run for this process and the processes that inherit the lock.

        The lock is a file in `.locks`. The system releases it when its holders end; see
        llm_baselines/storage/locks.py for what the file system must support.

        Returns:
            The lock; None while another process holds it.
        """
        return try_lock(self.path / _LOCKS / identity)

    def tidy(self) -> None:
        """Removes half-written records, checkpoints without a record, and locks that no process holds."""
        left = self._checkpoints_without_record()
        sweep(self.path, TEMPORARY)
        if left and not any(
            self.path.glob(f"{TEMPORARY}*")
        ):  # a process that writes now may be about to add the record
            for folder in left & self._checkpoints_without_record():
                shutil.rmtree(folder, ignore_errors=True)
        locks = self.path / _LOCKS
        with suppress(OSError):  # the folder is absent, read-only, or in the end not empty
            for path in list(locks.iterdir()):
                if (lock := try_lock(path)) is not None:
                    lock.release()
            locks.rmdir()

    def _checkpoints_without_record(self) -> set[Path]:
        if not self.path.is_dir():
            return set()
        ids = {name[1] for entry in self.path.iterdir() if (name := _CHECKPOINT.fullmatch(entry.name))}
        return {checkpoint_folder(self.path, id) for id in ids if not record_path(self.path, id).exists()}
