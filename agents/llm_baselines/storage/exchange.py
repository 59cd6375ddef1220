"""Exchanges the files of a folder for others by one rename: a reader finds the old ones or the new, whole.

    FOLDER/.next/    the new files, all of them, while they are moved to their places in FOLDER

The rename that brings `.next` there is the moment of the exchange. From then on readers take what stands in
it (`standing_in`), until every file is in its place and `.next` goes, again by a rename. A process that is
killed in between leaves a folder that reads as the new one, and the next writer ends what it began. It works
wherever a folder can be renamed; no name is ever without a folder.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llm_baselines.storage.temporary import sweep, temporary_folder

NEXT, TEMPORARY = ".next", ".saving-"


def standing_in(folder: Path) -> Path:
    """Where the files of a folder stand: in it, or in its `.next` while it is there."""
    coming = folder / NEXT
    return coming if coming.is_dir() else folder


def is_exchange(name: str) -> bool:
    """Whether something of this name in a folder is an exchange's, and no file of the folder's own."""
    return name == NEXT or name.startswith(TEMPORARY)


def exchange(new: Path, folder: Path, *, others_stay: bool) -> None:
    """Puts the files of one folder into another, in place of those of the same names.

    Args:
        new: On the same file system, flushed to disk; it is used up.
        folder: Where they go; it has one writer at a time.
        others_stay: Leave files of other names alone; else they go.

    Raises:
        OSError: The file system refused; the folder reads as the old one or, where only the moving of the
            new files failed, as the new one.
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
    """Ends what a killed process began, and removes what it left."""
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
    """The files of a folder under second names, copied where there are no links: no room is needed later."""
    shutil.copytree(source, ready, copy_function=_link_file)


def _link_file(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _move(ready: Path, folder: Path, place: Path) -> None:
    for path in sorted(ready.iterdir()):
        target = folder / path.name
        if target.is_dir() or (path.is_dir() and target.exists()):
            target.rename(place / f"old-{path.name}")
        os.replace(path, target)  # does nothing where a killed process has moved this very file already


def _retire(folder: Path, place: Path, others_stay: bool) -> None:
    names = {path.name for path in (folder / NEXT).iterdir()}
    for other in list(folder.iterdir()):
        if not (others_stay or other.name in names or is_exchange(other.name)):
            other.rename(place / f"gone-{other.name}")
    flush_folder(folder)
    os.rename(folder / NEXT, place / "done")


@contextmanager
def errors_name(path: Path) -> Iterator[None]:
    """Errors of the disk that name no file, as those of writing do, name this one.

    Raises:
        OSError: In their place.
    """
    try:
        yield
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
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
