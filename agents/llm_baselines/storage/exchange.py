"""Atomic replacement: a reader finds the old file or folder, or the new one, and never a part of either.

A new folder is written under a temporary name and renamed. Where a folder stands already, its files are
exchanged for the new ones:

    FOLDER/.next/    holds all the new files while they move to their places in FOLDER

The rename to `.next` is the moment of the exchange. From then on readers take the files in it
(`standing_in`). When every file is in its place, another rename removes `.next`. A process that is killed in
between leaves a folder that reads as the new one, and the next writer ends the exchange. This works on every
file system that can rename a folder, and FOLDER exists at every moment.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.storage.temporary import sweep, temporary_folder

NEXT, TEMPORARY = ".next", ".saving-"


def replace_folder(folder: Path, write: Callable[[Path], object]) -> None:
    """Writes a folder under a temporary name beside its own, then puts it there by one rename.

    Until then readers find the folder that stood there before. Signals wait until the end.

    Args:
        folder: The folder's final path.
        write: Called with the temporary folder.

    Raises:
        OSError: The disk refused; the folder that stood there is unchanged.
    """
    with deferred_signals(), errors_name(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(folder.parent, f".{folder.name}.") as place:
            write(place)
            flush(place)
            if folder.is_dir() and any(folder.iterdir()):
                exchange(place, folder, others_stay=False)
            else:
                os.replace(place, folder)
                flush_folder(folder.parent)


def replace_file(path: Path, text: str) -> None:
    """Writes a file under a temporary name, then puts it in its place by one rename. Signals wait.

    Raises:
        OSError: The disk refused; the file that stood there is unchanged.
    """
    # In a folder of its own: somebody could have left a link under a name that can be guessed.
    with deferred_signals(), errors_name(path), temporary_folder(path.parent, TEMPORARY) as place:
        with open(place / path.name, "x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(place / path.name, path)


def standing_in(folder: Path) -> Path:
    """Returns the folder that holds a folder's files: itself, or its `.next` during an exchange."""
    coming = folder / NEXT
    return coming if coming.is_dir() else folder


def is_exchange(name: str) -> bool:
    """Whether an entry of this name in a folder belongs to an exchange, not to the folder itself."""
    return name == NEXT or name.startswith(TEMPORARY)


def exchange(new: Path, folder: Path, *, others_stay: bool) -> None:
    """Moves the files of one folder into another, over files of the same names.

    Args:
        new: The new files, flushed to disk, on the same file system. The folder is gone afterwards.
        folder: The folder they move into. It has one writer at a time.
        others_stay: True keeps files of other names; False removes them.

    Raises:
        OSError: The file system refused. The folder reads as the old one, or as the new one if only moving
            the new files failed.
    """
    end_exchange(folder, others_stay=others_stay)
    with temporary_folder(folder, TEMPORARY) as place:
        ready = place / "ready"
        _link(new, ready)
        os.rename(new, folder / NEXT)
        flush_folder(folder)
        _move(ready, folder, place)
        _retire(folder, place, others_stay)


def end_exchange(folder: Path, *, others_stay: bool) -> None:
    """Ends the exchange that a killed process began, and removes its temporary files."""
    sweep(folder, TEMPORARY)
    coming = folder / NEXT
    if not coming.is_dir():
        return
    with temporary_folder(folder, TEMPORARY) as place:
        ready = place / "ready"
        _link(coming, ready)
        _move(ready, folder, place)
        _retire(folder, place, others_stay)


def _link(source: Path, ready: Path) -> None:
    """Gives the files of a folder second names, so that moving them needs no more room on the disk."""
    shutil.copytree(source, ready, copy_function=_link_file)


def _link_file(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copy2(source, target)


def _move(ready: Path, folder: Path, place: Path) -> None:
    for path in sorted(ready.iterdir()):
        target = folder / path.name
        if target.is_dir() or (path.is_dir() and target.exists()):
            target.rename(place / f"old-{path.name}")
        os.replace(path, target)  # has no effect if a killed process has moved this same file already


def _retire(folder: Path, place: Path, others_stay: bool) -> None:
    names = {path.name for path in (folder / NEXT).iterdir()}
    for other in list(folder.iterdir()):
        if not (others_stay or other.name in names or is_exchange(other.name)):
            other.rename(place / f"gone-{other.name}")
    flush_folder(folder)
    os.rename(folder / NEXT, place / "done")


@contextmanager
def errors_name(path: Path) -> Iterator[None]:
    """Makes errors of the disk name this path if they name no file, as errors of writing and of safetensors.

    Raises:
        OSError: In their place.
    """
    try:
        yield
    except SafetensorError as error:
        raise OSError(f"'{path}' cannot be written: {error}") from error
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        raise OSError(f"'{path}' cannot be written: {error}") from error


def flush(folder: Path) -> None:
    """Waits until everything in a folder is on the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "r+b" if os.name == "nt" else "rb") as file:
                os.fsync(file.fileno())
        elif path.is_dir():
            flush_folder(path)
    flush_folder(folder)


def flush_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    if os.name == "nt":  # Windows cannot open folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
