"""What is said once of data that can be used and may mislead: small splits, sources that stand in several."""

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
    """Warns, unless this process has spoken of the same before, under whatever name the data had then.

    The warning points at the first line outside of this project, which named the data.

    Args:
        content_hash: Of the data.
        subject: What it is about: "columns", "quotes" or "splits".
        message: What to say.
    """
    if not message or (content_hash, subject) in _said:
        return
    _said.add((content_hash, subject))
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_PASSED_OVER):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, DataWarning, stacklevel=level)


def small_splits(name: str, sizes: Mapping[str, int]) -> str:
    """What to say of splits that were drawn by hash, nothing where they are large enough."""
    if min(sizes["validation"], sizes["test"]) >= SMALL_SPLIT:
        return ""
    told = ", ".join(f"{split} {size}" for split, size in sizes.items())
    return (
        f"{name} has {sum(sizes.values())} examples, which were split by the hash of their sources: {told}. "
        f"A score on fewer than {SMALL_SPLIT} examples says little: add rows, or say the splits yourself in "
        "a column 'split' or in files train, validation and test of a folder"
    )


def shared_sources(
    name: str, keys: npt.NDArray[np.uint64], splits: Mapping[str, npt.NDArray[np.int64]]
) -> str:
    """What to say of official splits whose sources stand in train as well, nothing where none does.

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
        f"{name}: the sources of {' and '.join(parts)} stand in train as well, so what is learned by heart "
        "is scored as if it were understood: leave these rows out of one of the splits"
    )
