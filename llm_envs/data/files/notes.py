"""Warnings about data that can be used but may mislead: small splits, sources in several splits."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from llm_envs.data.errors import DataWarning

SMALL_SPLIT = 30
"""Examples below which a split that was drawn is pointed out."""

_PASSED_OVER = ("llm_", "gymnasium", "click", "contextlib")
_said: set[tuple[str, str]] = set()


def say_once(content_hash: str, subject: str, message: str) -> None:
    """Warns, unless this process has warned about the same data and subject before.

    The warning points at the first line outside of this project, which named the data.

    Args:
        content_hash: The hash of the data.
        subject: "columns", "quotes" or "splits".
        message: The warning.
    """
    if not message or (content_hash, subject) in _said:
        return
    _said.add((content_hash, subject))
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_PASSED_OVER):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, DataWarning, stacklevel=level)


def small_splits(name: str, sizes: Mapping[str, int]) -> str:
    """Returns a warning about splits drawn by hash, or "" if they are large enough."""
    if min(sizes["validation"], sizes["test"]) >= SMALL_SPLIT:
        return ""
    counts = ", ".join(f"{split} {size}" for split, size in sizes.items())
    return (
        f"{name} has {sum(sizes.values())} examples, which were split by the hash of their sources: "
        f"{counts}. A score on fewer than {SMALL_SPLIT} examples says little: add rows, or give the "
        "splits in a column 'split' or in files train, validation and test of a folder"
    )


def shared_sources(
    name: str, keys: npt.NDArray[np.uint64], splits: Mapping[str, npt.NDArray[np.int64]]
) -> str:
    """Returns a warning about official splits whose sources are also in train, or "" if none is.

    Args:
        name: The file, folder or data set.
        keys: The source key of every row.
        splits: The rows of every split.
    """
    parts = []
    for split in ("validation", "test"):
        shared = int(np.isin(keys[splits[split]], keys[splits["train"]]).sum())
        if shared:
            parts.append(f"{shared} of {len(splits[split])} {split} examples")
    if not parts:
        return ""
    return (
        f"{name}: the sources of {' and '.join(parts)} are in train as well, so memorised answers "
        "are scored as if they were understood: leave these rows out of one of the splits"
    )
