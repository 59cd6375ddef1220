"""Lists the records of a folder with stamps, which change whenever a record's file or checkpoint does."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

from llm_benchmarks.records.record_file import CHECKPOINT, SUFFIX
from llm_benchmarks.records.store import is_record_name

_ID = 64  # characters of an id


def listed_records(folder: Path) -> dict[str, str | None]:
    """Returns the ids of a store's records, sorted, with the stamp of each.

    The stamp is None for what is not a regular file: a folder of schema 1, or a link, which is refused later.
    """
    stamps: dict[str, str | None] = {}
    checkpoints = set()
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return {}
    for entry in entries:
        if len(entry.name) == _ID + len(SUFFIX) and is_record_name(entry.name):
            with suppress(FileNotFoundError):  # moved since
                stamps[entry.name[:_ID]] = _stamp(entry.stat(follow_symlinks=False))
        elif len(entry.name) == _ID and is_record_name(entry.name):
            stamps.setdefault(entry.name, None)
        elif entry.name.endswith(CHECKPOINT):
            checkpoints.add(entry.name[:_ID])
    for id in checkpoints & stamps.keys():
        if stamps[id] is not None:
            stamps[id] = f"{stamps[id]} {_tree_stamp(folder / f'{id}{CHECKPOINT}')}"
    return dict(sorted(stamps.items()))


def _stamp(status: os.stat_result) -> str | None:
    if not stat.S_ISREG(status.st_mode):
        return None
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


def _tree_stamp(folder: Path) -> str:
    """Returns a hash of the names and stamps of everything under a folder. Links are not followed."""
    lines = []
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(place, name)
            with suppress(OSError):
                status = os.lstat(path)
                # The times of a folder change with what stands in it, which is listed here anyway.
                lines.append(f"{path!r} {status.st_mode} {_stamp(status)}")
    text = "\n".join(sorted(lines))
    mode = os.lstat(folder).st_mode if os.path.lexists(folder) else 0
    return hashlib.sha256(f"{mode} {text}".encode()).hexdigest()
