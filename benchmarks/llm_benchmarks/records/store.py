"""A store: a folder of records, each an immutable folder named by the hash of what is in it.

Writers in other processes or on other machines need no lock, and records may be copied from store to store.
Only who runs cells locks them, so that no two processes run one at the same time. What stands in one record's
folder is told in `folder.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from llm_baselines.storage.locks import Lock, try_lock
from llm_baselines.storage.temporary import sweep
from llm_benchmarks.records.folder import (
    ROWS,
    TEMPORARY,
    Record,
    check_name,
    file_hash,
    json_bytes,
    read_folder,
    write_folder,
)
from llm_benchmarks.records.record import (
    RecordError,
    check_record,
    check_results,
    check_schema,
    content_hash,
    plain,
)

__all__ = ["Record", "RecordError", "RecordStore", "checkpoint_files", "checkpoint_hash"]

_LOCKS = ".locks"
_ID = re.compile(r"[0-9a-f]{64}")


class RecordStore:
    """Records in a folder.

    Args:
        path: The folder; made when the first record is written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._cells: dict[str, str] = {}  # id -> cell key; a record's id fixes its key for good
        self._unreadable: dict[str, str] = {}  # id -> why, as `find` came upon it

    def write(
        self,
        record: Mapping[str, Any],
        episodes: Iterable[Mapping[str, Any]] = (),
        curve: Iterable[Mapping[str, Any]] = (),
        files: Mapping[str, str | os.PathLike[str] | bytes] | None = None,
    ) -> str:
        """Check a record and keep it.

        Args:
            record: From `records.new_record`.
            episodes: Rows as `llm_envs.evaluate` gives them, in order of index.
            curve: Rows of timesteps, seconds and any log keys with numbers.
            files: What to keep beside it: names under "checkpoint/" to a file's path or its bytes;
                see `checkpoint_files`.

        Returns:
            The record's id. Writing the same record again changes nothing and returns the same id.

        Raises:
            RecordError: If anything is not as the schema says; then nothing is written.
        """
        record = plain(record, "record.json")
        check_record(record)
        rows = {
            name: [plain(row, f"{name} line {i + 1}") for i, row in enumerate(given)]
            for name, given in (("episodes.jsonl", episodes), ("curve.jsonl", curve))
        }
        for name, part in ROWS.items():
            for i, row in enumerate(rows[name]):
                check_schema(row, part, f"{name} line {i + 1}")
        check_results(record, rows["episodes.jsonl"])
        kept = _checked_files(record, files or {})
        contents: dict[str, Path | bytes] = {"record.json": json_bytes(record, indent=2)}
        contents |= {name: b"".join(map(json_bytes, rows[name])) for name in ROWS}
        return write_folder(self.path, {**contents, **kept})

    def read(self, id: str, rows: bool = True) -> Record:
        """Read one record, checking every byte of it.

        Args:
            id: The record's id or the beginning of it.
            rows: Also check each episode and curve row against the schema; otherwise they are
                checked when they are asked for.

        Raises:
            KeyError: If there is no such record, or several begin so.
            RecordError: If the record is incomplete or altered, or not as the schema says.
        """
        found = [known for known in self.ids() if known.startswith(id)]
        if len(found) != 1:
            what = f"{len(found)} records begin with" if found else "no record"
            raise KeyError(f"{what} {id!r} in {self.path}")
        record = read_folder(self.path / found[0])
        if rows:
            record.check_rows()
        return record

    def ids(self) -> list[str]:
        """The ids of all records, readable or not, sorted. Half-written ones have none."""
        if not self.path.is_dir():
            return []
        return sorted(entry.name for entry in self.path.iterdir() if _ID.fullmatch(entry.name))

    def records(self, problems: dict[str, str] | None = None) -> list[Record]:
        """All records that can be read, every row of theirs included, sorted by id.

        Args:
            problems: Is filled with id -> what is wrong, for each of the others.
        """
        found = []
        for id in self.ids():
            try:
                record = read_folder(self.path / id)
                record.check_rows()
                found.append(record)
            except RecordError as error:
                if problems is not None:
                    problems[id] = str(error)
        return found

    def find(
        self, cell_key: str, status: str | None = "completed", problems: dict[str, str] | None = None
    ) -> list[Record]:
        """The readable records of one cell (see `records.cell_key`).

        Args:
            cell_key: What was asked for.
            status: Only records of this status; all if None.
            problems: Is filled with id -> what is wrong, for each record that this store object could not
                read, now or earlier; such a record is not looked at again.
        """
        found = []
        for id in self.ids():
            if id in self._unreadable or self._cells.get(id, cell_key) != cell_key:
                continue
            try:
                record = read_folder(self.path / id)
                self._cells[id] = record["cell_key"]
                if record["cell_key"] == cell_key and status in (None, record["status"]):
                    record.check_rows()
                    found.append(record)
            except RecordError as error:
                self._unreadable[id] = str(error)
        if problems is not None:
            problems |= self._unreadable
        return found

    # Who runs which cell.

    def claim(self, cell_key: str) -> Lock | None:
        """Takes a cell for this process and those that inherit the lock; None while somebody has it.

        The lock is a file in `.locks`, released by the system when its holders end; see
        llm_baselines/storage/locks.py for what the file system must offer.
        """
        return try_lock(self.path / _LOCKS / cell_key)

    def tidy(self) -> None:
        """Removes what dead processes left: half-written records, locks that nobody holds."""
        sweep(self.path, TEMPORARY)
        locks = self.path / _LOCKS
        with suppress(OSError):  # it is not there, not ours to change, or at the end not empty
            for path in list(locks.iterdir()):
                if (lock := try_lock(path)) is not None:
                    lock.release()
            locks.rmdir()


def checkpoint_files(folder: str | os.PathLike[str]) -> dict[str, Path]:
    """The files under a folder by the names they are kept under ("checkpoint/..."), sorted."""
    root = Path(folder)
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return {f"checkpoint/{path.relative_to(root).as_posix()}": path for path in paths}


def checkpoint_hash(files: Mapping[str, str | os.PathLike[str] | bytes]) -> str:
    """The hash of a checkpoint, from its files' names and bytes; a record's agent carries it."""
    return content_hash({name: file_hash(source) for name, source in files.items()})


def _checked_files(
    record: Mapping[str, Any], files: Mapping[str, str | os.PathLike[str] | bytes]
) -> dict[str, Path | bytes]:
    for name in files:
        check_name(name)
    said = record["agent"]["checkpoint_hash"]
    if files and said != checkpoint_hash(files):
        raise RecordError(f"record.json: agent.checkpoint_hash: {said} is not that of the files given")
    return {name: source if isinstance(source, bytes) else Path(source) for name, source in files.items()}
