"""Temporary folders to write into, and the removal of those that killed processes left."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from llm_baselines.storage.locks import is_at, try_flock

_RANDOM = re.compile(r"[0-9a-z_]{8,12}")


@contextmanager
def temporary_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Makes a folder, and removes it at the end unless it was renamed.

    The owner holds a lock on the folder itself. The lock ends with the process, so `sweep` knows which
    folders have an owner. On systems that cannot lock folders (see locks.py) nothing is swept. Folders that
    dead processes left under the same prefix are swept first.

    Args:
        parent: The folder to make it in; it must exist.
        prefix: The beginning of its name.
    """
    sweep(parent, prefix)
    place, descriptor = _owned(parent, prefix)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def sweep(parent: Path, prefix: str) -> None:
    """Removes the temporary folders with a prefix that no living process owns."""
    try:
        entries = [entry for entry in os.scandir(parent) if entry.name.startswith(prefix)]
    except OSError:
        return
    for entry in entries:
        random = entry.name.removeprefix(prefix)
        if not _RANDOM.fullmatch(random) or not entry.is_dir(follow_symlinks=False):
            continue
        try:
            descriptor = os.open(entry.path, os.O_RDONLY)
        except OSError:  # it is gone, we may not open it, or this system cannot open folders
            continue
        try:
            if try_flock(descriptor):
                shutil.rmtree(entry.path, ignore_errors=True)
        finally:
            os.close(descriptor)


def _owned(parent: Path, prefix: str) -> tuple[Path, int | None]:
    """Makes a folder; returns it and the descriptor that holds its lock, or None without locks."""
    while True:
        place = parent / f"{prefix}{uuid4().hex[:8]}"
        place.mkdir()
        try:
            descriptor = os.open(place, os.O_RDONLY)
        except FileNotFoundError:  # swept before it was locked
            continue
        except OSError:  # Windows
            return place, None
        locked = try_flock(descriptor)
        if locked is None or (locked and is_at(descriptor, place)):
            return place, descriptor
        os.close(descriptor)  # somebody sweeps it, as it had no lock yet
