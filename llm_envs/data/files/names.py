"""What stands behind ``file:``: a path, and how the quotation marks of tables with separators are read."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import NamedTuple

_QUOTING = {":quoted": True, ":unquoted": False}


class FileName(NamedTuple):
    """A file or folder, and whether quotation marks enclose fields; None for what is usual for its kind."""

    path: str
    quoted: bool | None = None


def read_file_name(rest: str) -> FileName:
    """Reads ``PATH[:quoted|:unquoted]``; a path that really ends so is a path."""
    for ending, quoted in _QUOTING.items():
        if rest.endswith(ending) and not os.path.lexists(os.path.expanduser(rest)):
            return FileName(rest.removesuffix(ending), quoted)
    return FileName(rest)


def label(spec: str) -> str:
    """A data set's spec for tables and records: of ``file:`` the last part of the path alone.

    The same file is named in many ways, ``mine.csv``, ``./mine.csv``, ``/home/me/mine.csv``; its content hash
    says which one it is.
    """
    scheme, _, rest = spec.partition(":")
    if scheme == "hub" and os.path.isdir(os.path.expanduser(rest)):
        return f"hub:{PurePath(os.path.abspath(os.path.expanduser(rest))).name}"
    if scheme != "file":
        return spec
    path = os.path.abspath(os.path.expanduser(read_file_name(rest).path))
    return f"file:{PurePath(path).name}"
