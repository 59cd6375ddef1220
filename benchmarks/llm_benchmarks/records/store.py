"""A store: a folder of records, each an immutable file named by the hash of its content.

Writers in other processes or on other machines need no lock, and records may be copied from store to store.
Only a process that runs a cell locks it, so that no two processes run one at the same time. `record_file.py`
says what a record's file holds. Folders of schema 1 are read too.
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
    read_file,
    record_path,
    write_file,
)
from llm_benchmarks.records.results import check_results
from llm_benchmarks.records.schema import check_schema
from llm_benchmarks.records.values import RecordError, plain

_LOCKS = ".locks"
_NAME = re.compile(r"([0-9a-f]{64})(" + re.escape(SUFFIX) + r")?")
_CHECKPOINT = re.compile(r"([0-9a-f]{64})" + re.escape(CHECKPOINT))


class RecordStore:
    """Records in a folder.

    Args:
        path: The folder; made when the first record is written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._identities: dict[str, str] = {}  # by id; a record's id fixes its identity for good
        self._unreadable: dict[str, str] = {}  # id -> why, as `find` came upon it

    def write(
        self,
        record: Mapping[str, Any],
        episodes: Iterable[Mapping[str, Any]] = (),
        files: Mapping[str, Source] | None = None,
    ) -> str:
        """Checks a record and keeps it.

        Args:
            record: From `new_record`.
            episodes: Rows as `llm_envs.evaluate` gives them, in order of index.
            files: What to keep beside it: names under "checkpoint/" to a file's path or its bytes;
                see `checkpoint_files`.

        Returns:
            The record's id. Writing the same record again changes nothing and returns the same id.

        Raises:
            RecordError: Something is not as the schema says; then nothing is written.
            OSError: It cannot be written; nothing of it is left.
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
        said = record["facts"]["checkpoint_hash"]
        if files and said != checkpoint_hash(files):
            raise RecordError(f"record: facts.checkpoint_hash: {said} is not that of the files given")
        return write_file(self.path, record, rows, files)

    def read(self, id: str, rows: bool = True) -> Record:
        """Reads one record and checks every byte of it.

        Args:
            id: The record's id or the beginning of it.
            rows: Also check each episode against the schema; else `Record.episodes` checks them.

        Raises:
            KeyError: There is no such record, or several begin so.
            RecordError: The record is incomplete or altered, or not as the schema says.
        """
        found = [known for known in self.ids() if known.startswith(id)]
        if len(found) != 1:
            what = f"{len(found)} records begin with" if found else "no record"
            raise KeyError(f"{what} {id!r} in {self.path}")
        record = self._read(found[0])
        if rows:
            record.episodes()
        return record

    def ids(self) -> list[str]:
        """The ids of all records, readable or not, sorted. Half-written ones have none."""
        if not self.path.is_dir():
            return []
        names = (_NAME.fullmatch(entry.name) for entry in self.path.iterdir())
        return sorted({name[1] for name in names if name is not None})

    def records(self, problems: dict[str, str] | None = None) -> list[Record]:
        """All records that can be read, with every row of theirs checked, sorted by id.

        Args:
            problems: Is filled with id -> what is wrong, for each of the others.
        """
        found = []
        for id in self.ids():
            try:
                record = self._read(id)
                record.episodes()
                found.append(record)
            except RecordError as error:
                if problems is not None:
                    problems[id] = str(error)
        return found

    def find(
        self, identity: str, status: str | None = "completed", problems: dict[str, str] | None = None
    ) -> list[Record]:
        """The readable records of one run.

        Args:
            identity: `RunSpec.identity()` of what is asked for.
            status: Only records of this status; all if None.
            problems: Is filled with id -> what is wrong, for each record that this store object could not
                read, now or earlier; such a record is not looked at again.
        """
        found = []
        for id in self.ids():
            if id in self._unreadable or self._identities.get(id, identity) != identity:
                continue
            try:
                record = self._read(id)
                self._identities[id] = record.data["identity"]
                if record.data["identity"] == identity and status in (None, record.status):
                    record.episodes()
                    found.append(record)
            except RecordError as error:
                self._unreadable[id] = str(error)
        if problems is not None:
            problems |= self._unreadable
        return found

    def _read(self, id: str) -> Record:
        if os.path.lexists(record_path(self.path, id)) or not os.path.lexists(self.path / id):
            return read_file(self.path, id)
        return read_former(self.path / id)

    # Who runs which cell.

    def claim(self, identity: str) -> Lock | None:
        """Takes a run for this process and those that inherit the lock; None while another has it.

        The lock is a file in `.locks`. The system releases it when its holders end; see
        llm_baselines/storage/locks.py for what the file system must offer.
        """
        return try_lock(self.path / _LOCKS / identity)

    def tidy(self) -> None:
        """Removes what dead processes left: half-written records, checkpoints without one, unheld locks."""
        left = self._checkpoints_without_record()
        sweep(self.path, TEMPORARY)
        if left and not any(self.path.glob(f"{TEMPORARY}*")):  # else one may be about to get its record
            for folder in left & self._checkpoints_without_record():
                shutil.rmtree(folder, ignore_errors=True)
        locks = self.path / _LOCKS
        with suppress(OSError):  # it is not there, not ours to change, or at the end not empty
            for path in list(locks.iterdir()):
                if (lock := try_lock(path)) is not None:
                    lock.release()
            locks.rmdir()

    def _checkpoints_without_record(self) -> set[Path]:
        if not self.path.is_dir():
            return set()
        ids = {name[1] for entry in self.path.iterdir() if (name := _CHECKPOINT.fullmatch(entry.name))}
        return {checkpoint_folder(self.path, id) for id in ids if not record_path(self.path, id).exists()}
