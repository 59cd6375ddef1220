"""The checkpoints of a run: folders side by side, each named by a number that grows."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.storage.sealed_folder import write_sealed


def newest_checkpoint(folder: Path) -> Path | None:
    """Returns the newest checkpoint in a folder, or None."""
    if not folder.is_dir():
        return None
    places = list(folder.iterdir())
    # Earlier versions left this name if a kill came while one checkpoint replaced another.
    replaced = (place for place in places if re.fullmatch(r"\.\d+\.old-\w+", place.name))
    whole = (place for place in places if place.name.isdigit())
    return max(whole, default=None) or max(replaced, default=None)


def set_aside(folder: Path) -> None:
    """Renames a folder with checkpoints to NAME-earlier, so that a new run finds only its own."""
    if newest_checkpoint(folder) is not None:
        earlier = folder.with_name(f"{folder.name}-earlier")
        shutil.rmtree(earlier, ignore_errors=True)
        folder.rename(earlier)


def replace_checkpoint(target: Path, write: Callable[[Path], object]) -> Path:
    """Writes a sealed checkpoint, then removes the older ones: at every moment there is a whole one.

    Args:
        target: The checkpoint's folder.
        write: Called with the folder to write the files into.

    Returns:
        `target`.

    Raises:
        OSError: The disk refused; the older checkpoints are unchanged.
    """
    with deferred_signals():
        write_sealed(target, write)
        for other in target.parent.iterdir():
            if other != target and (other.name.startswith(".") or other.name.isdigit()):
                shutil.rmtree(other, ignore_errors=True)
    return target
