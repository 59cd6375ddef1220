"""The file of an index: SQLite, replaced as a whole, and believed only if this user wrote it for this store.

A process reads the file that is there. If it had to read records, it writes a new file beside the old one and
renames it. So no process waits for another, a killed one leaves the old file, and the file needs no lock,
which SQLite's own would on a network disk. Of two processes that write at once the last one counts; what the
other had added is read again the next time.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import time
import weakref
import zlib
from array import array
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import pathname2url

from llm_baselines.storage.temporary import temporary_folder

_TEMPORARY = ".indexing-"
_UNUSED_DAYS = 90
_DAY = 86_400.0
_TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE parts (number INTEGER PRIMARY KEY, content TEXT, checksum INTEGER);
CREATE TABLE records (id TEXT PRIMARY KEY, stamp TEXT, content TEXT, checksum INTEGER) WITHOUT ROWID;
CREATE TABLE outcomes (id TEXT PRIMARY KEY, rewards BLOB, examples BLOB, checksum INTEGER);
"""


class BrokenIndex(Exception):
    """An index is damaged, foreign, or of another release. It is made anew."""


class Entry(NamedTuple):
    """What the index says of one record.

    Attributes:
        stamp: The record's file as it was when it was checked.
        content: JSON.
        rewards: The rewards of the episodes; None where they are still in the file.
        examples: The examples of the episodes likewise.
    """

    stamp: str
    content: str
    rewards: Sequence[float] | None = None
    examples: Sequence[int] | None = None


class IndexFile:
    """An index that was read.

    Args:
        path: The file.
        about: What must stand in it: the store and the code that reads records.

    Attributes:
        entries: Record id -> what the index says of it.
        parts: JSON values that records share, by number.

    Raises:
        FileNotFoundError: There is none.
        BrokenIndex: It may not be believed.
    """

    def __init__(self, path: Path, about: Mapping[str, str]) -> None:
        self.path = path
        _check_owner(path)
        try:
            uri = f"file:{pathname2url(str(path))}?mode=ro&immutable=1"
            self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
            weakref.finalize(self, self._connection.close)
            if dict(self._connection.execute("SELECT key, value FROM about")) != dict(about):
                raise BrokenIndex(f"'{path}' is that of another store or release")
            self.parts: dict[int, str] = {}
            for number, content, checksum in self._connection.execute("SELECT * FROM parts"):
                self.parts[_checked(number, checksum, str(number), content)] = content
            self.entries: dict[str, Entry] = {}
            for id, stamp, content, checksum in self._connection.execute("SELECT * FROM records"):
                self.entries[_checked(id, checksum, id, stamp, content)] = Entry(stamp, content)
        except (sqlite3.Error, TypeError, ValueError) as error:
            raise BrokenIndex(f"'{path}' cannot be read: {error}") from error
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _DAY:
                os.utime(path)

    def copy_to(self, other: sqlite3.Connection) -> None:
        """Copies what was read, even if another process has replaced the file since.

        Raises:
            sqlite3.Error: It cannot be read any more.
        """
        self._connection.backup(other)

    def outcomes(self, id: str) -> tuple[list[float], list[int]]:
        """Returns the rewards and examples of a record's episodes.

        Raises:
            BrokenIndex: They are missing or damaged.
        """
        try:
            row = self._connection.execute(
                "SELECT rewards, examples, checksum FROM outcomes WHERE id = ?", (id,)
            ).fetchone()
            rewards, examples, checksum = row
            if _checksum(id, rewards, examples) != checksum:
                raise ValueError(f"the outcomes of {id} are damaged")
            return array("d", rewards).tolist(), array("q", examples).tolist()
        except (sqlite3.Error, TypeError, ValueError) as error:
            raise BrokenIndex(f"'{self.path}' cannot be read: {error}") from error


def publish(
    path: Path,
    about: Mapping[str, str],
    base: IndexFile | None,
    parts: Mapping[int, str],
    fresh: Mapping[str, Entry],
    gone: Collection[str],
) -> None:
    """Writes an index under a temporary name and puts it in its place by one rename.

    Args:
        path: The file.
        about: What must stand in it.
        base: The index that is continued.
        parts: The parts that are new.
        fresh: The records that are new or have changed, with their outcomes.
        gone: Ids of records that left the store.

    Raises:
        OSError: The file cannot be written.
        sqlite3.Error: Likewise.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _remove_unused(path.parent)
    with temporary_folder(path.parent, _TEMPORARY) as place:
        new = place / path.name
        new.touch(mode=0o600)
        with closing(sqlite3.connect(new)) as connection:
            if base is not None:
                base.copy_to(connection)
            # The file is nobody's until it is renamed, and checksums tell what a loss of power leaves.
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            if base is None:
                connection.executescript(_TABLES)
                connection.executemany("INSERT INTO about VALUES (?, ?)", about.items())
            for table in ("records", "outcomes"):
                connection.executemany(f"DELETE FROM {table} WHERE id = ?", [(id,) for id in gone])
            connection.executemany(
                "INSERT OR REPLACE INTO parts VALUES (?, ?, ?)",
                [(number, content, _checksum(str(number), content)) for number, content in parts.items()],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)",
                [
                    (id, one.stamp, one.content, _checksum(id, one.stamp, one.content))
                    for id, one in fresh.items()
                ],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?)", map(_outcomes_row, fresh.items())
            )
            connection.commit()
        os.replace(new, path)


def as_json(value: Any) -> str:
    """Returns JSON for the index: ASCII, because a text may hold half a surrogate pair."""
    return json.dumps(value, separators=(",", ":"))


def _outcomes_row(item: tuple[str, Entry]) -> tuple[str, bytes, bytes, int]:
    id, entry = item
    rewards = array("d", entry.rewards or ()).tobytes()
    examples = array("q", entry.examples or ()).tobytes()
    return id, rewards, examples, _checksum(id, rewards, examples)


def _checksum(*values: str | bytes) -> int:
    whole = 0
    for value in values:
        whole = zlib.crc32(value.encode() if isinstance(value, str) else value, whole)
    return whole


def _checked(key: Any, checksum: int, *values: str) -> Any:
    if _checksum(*values) != checksum:
        raise ValueError(f"{key} is damaged")
    return key


def _check_owner(path: Path) -> None:
    """Raises unless a file is a regular one that this user, and nobody else, may write.

    Raises:
        FileNotFoundError: There is none.
        BrokenIndex: It is somebody else's.
    """
    status = os.lstat(path)
    foreign = os.name == "posix" and (status.st_uid != os.geteuid() or status.st_mode & 0o022)
    if foreign or not stat.S_ISREG(status.st_mode):
        raise BrokenIndex(f"'{path}' is not a file of this user alone")


def _remove_unused(folder: Path) -> None:
    """Removes indexes that were not used for a long time; their stores may be gone."""
    for path in folder.glob("*.sqlite"):
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime > _UNUSED_DAYS * _DAY:
                path.unlink()
