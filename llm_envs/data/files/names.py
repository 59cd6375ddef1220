"""The part of a spec after ``file:``: a path, and how to read quotation marks."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import NamedTuple

_QUOTING = {":quoted": True, ":unquoted": False}


class FileName(NamedTuple):
    """A file or folder, and whether quotation marks enclose fields. None takes the usual choice."""

    path: str
    quoted: bool | None = None


def read_file_name(rest: str) -> FileName:
    """Reads ``PATH[:quoted|:unquoted]``. A path that exists with such an ending is taken as a path."""
    for ending, quoted in _QUOTING.items():
        if rest.endswith(ending) and not os.path.lexists(os.path.expanduser(rest)):
            return FileName(rest.removesuffix(ending), quoted)
    return FileName(rest)


def label(spec: str) -> str:
    """Returns a data set's spec for tables and records.

    Of a ``file:`` only the last part of the path is kept.

    The same file has many paths: ``mine.csv``, ``./mine.csv``, ``/home/me/mine.csv``. Its content hash says
    which file it is.
    """
    scheme, _, rest = spec.partition(":")
    if scheme == "hub" and os.path.isdir(os.path.expanduser(rest)):
        return f"hub:{PurePath(os.path.abspath(os.path.expanduser(rest))).name}"
    if scheme != "file":
        return spec
    path = os.path.abspath(os.path.expanduser(read_file_name(rest).path))
    return f"file:{PurePath(path).name}"
