"""Folders to write in before what is written takes its place; those of killed processes are swept away."""

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
    """A new folder that is removed at the end, unless it was renamed meanwhile.

    Its owner holds a lock on the folder itself, which ends with the process, so that `sweep` knows which are
    owned. Where folders cannot be locked (see locks.py) none is swept. What dead processes left under the
    same prefix is swept first.

    Args:
        parent: Where; it must exist.
        prefix: What its name begins with.
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
    """Removes the temporary folders of a prefix that no living process owns."""
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
        except OSError:  # gone already, not ours to open, or a system where folders are not opened
            continue
        try:
            if try_flock(descriptor):
                shutil.rmtree(entry.path, ignore_errors=True)
        finally:
            os.close(descriptor)


def _owned(parent: Path, prefix: str) -> tuple[Path, int | None]:
    """A new folder and the descriptor that holds the lock on it, where one can be had."""
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
        os.close(descriptor)  # it is being swept, or has been, as it was not locked yet
