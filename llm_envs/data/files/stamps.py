"""Stamps: what changes when a file does, for whoever keeps what was read from it."""

from __future__ import annotations

import os
from contextlib import suppress

Stamp = tuple[tuple[str, int, int], ...]


def file_stamp(stat: os.stat_result) -> tuple[int, int]:
    """Size in bytes and time of the last change in nanoseconds."""
    return stat.st_size, stat.st_mtime_ns


def path_stamp(path: str) -> Stamp:
    """Name, size and time of change of a file, or of everything in a folder; empty where there is nothing.

    Links are followed; one that leads nowhere counts as nothing.
    """
    place = os.path.expanduser(path)
    stamps = []
    with suppress(OSError, ValueError):  # a name that cannot be a path's is no path's
        names = sorted(os.listdir(place)) if os.path.isdir(place) else [""]
        for entry in (os.path.join(place, name) if name else place for name in names):
            with suppress(FileNotFoundError):
                stamps.append((os.path.basename(entry), *file_stamp(os.stat(entry))))
    return tuple(stamps)
