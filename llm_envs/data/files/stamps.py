"""Stamps: values that change when a file changes, for caches of what was read from it."""

from __future__ import annotations

import os
from contextlib import suppress

Stamp = tuple[tuple[str, int, int], ...]


def file_stamp(stat: os.stat_result) -> tuple[int, int]:
    """Returns the size in bytes and the time of the last change in nanoseconds."""
    return stat.st_size, stat.st_mtime_ns


def path_stamp(path: str) -> Stamp:
    """Returns name, size and time of change of a file, or of everything in a folder; () if it does not exist.

    Links are followed. A broken link counts as nothing.
    """
    place = os.path.expanduser(path)
    stamps = []
    with suppress(OSError, ValueError):  # some strings cannot be paths
        names = sorted(os.listdir(place)) if os.path.isdir(place) else [""]
        for entry in (os.path.join(place, name) if name else place for name in names):
            with suppress(FileNotFoundError):
                stamps.append((os.path.basename(entry), *file_stamp(os.stat(entry))))
    return tuple(stamps)
