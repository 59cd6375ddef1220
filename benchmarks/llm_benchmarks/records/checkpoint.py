"""The files of a checkpoint beside its record: their names, hashes and checks.

Names begin with "checkpoint/". Pickle formats are refused, because loading a pickle can run code.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from llm_benchmarks.records.values import RecordError, content_hash

Source = str | os.PathLike[str] | bytes
"""A file's path, or its bytes."""

_FIRST = "checkpoint"
_PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib", ".zip"}


def checkpoint_files(folder: str | os.PathLike[str]) -> dict[str, Path]:
    """Returns the files under a folder by their names in a record ("checkpoint/..."), sorted."""
    root = Path(folder)
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return {f"{_FIRST}/{path.relative_to(root).as_posix()}": path for path in paths}


def checkpoint_hash(files: Mapping[str, Source]) -> str:
    """Returns the hash of a checkpoint, from the names and bytes of its files. It stands in the facts."""
    return content_hash({name: file_hash(source) for name, source in files.items()})


def file_hash(source: Source) -> str:
    """Returns the SHA-256 of a file, or of bytes."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with Path(source).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_name(name: str) -> None:
    """Raises if the name of a checkpoint's file is not allowed.

    Raises:
        RecordError: The name leaves the folder, does not begin with "checkpoint/", or is that of a pickle.
    """
    path = PurePosixPath(name)
    parts = name.split("/")
    odd = "\\" in name or ":" in name or path.is_absolute() or {"", ".", ".."} & set(parts)
    if odd or parts[0] != _FIRST or len(parts) < 2:
        raise RecordError(f"{name}: not a plain name under checkpoint/")
    if path.suffix.lower() in _PICKLES:
        raise RecordError(f"{name}: may run code when loaded; keep safetensors and JSON instead")


def place_of(folder: Path, name: str) -> Path:
    """Returns the path of a file in the folder of a checkpoint."""
    return folder / name.removeprefix(f"{_FIRST}/")


def write_checkpoint(folder: Path, files: Mapping[str, Source]) -> dict[str, dict[str, Any]]:
    """Writes the files of a checkpoint into a new folder and flushes them to the disk.

    Returns:
        File name -> "sha256" and "size".
    """
    listed = {}
    for name, source in files.items():
        path = place_of(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            path.write_bytes(source)
        else:
            shutil.copyfile(source, path)
        listed[name] = {"sha256": file_hash(path), "size": path.stat().st_size}
    return listed


def check_checkpoint(folder: Path, listed: Mapping[str, Mapping[str, Any]]) -> dict[str, Path]:
    """Checks the files of a checkpoint against what its record lists.

    Args:
        folder: The folder of the checkpoint.
        listed: File name -> "sha256" and "size".

    Returns:
        File name -> path.

    Raises:
        RecordError: A file is missing, altered, a link, or not listed.
        OSError: A file cannot be read.
    """
    for name in listed:
        check_name(name)
    if not listed and not os.path.lexists(folder):
        return {}
    if folder.is_symlink():
        raise RecordError(f"{folder.name}: is a link, not a folder")
    places = {name: place_of(folder, name) for name in listed}
    present = {path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}
    for extra in sorted(present - set(places.values())):
        raise RecordError(f"{_FIRST}/{extra.relative_to(folder).as_posix()}: extra file that is not listed")
    for name, expected in listed.items():
        check_file(places[name], name, expected)
    return places


def check_file(path: Path, name: str, expected: Mapping[str, Any]) -> None:
    """Raises if a file is not a regular file of the listed size and hash.

    Raises:
        RecordError: The file is a link, missing or altered.
        OSError: The file cannot be read.
    """
    check_regular(path, name)
    size = path.stat().st_size
    if size != expected["size"]:
        raise RecordError(f"{name}: altered: {size} bytes, the record lists {expected['size']}")
    if file_hash(path) != expected["sha256"]:
        raise RecordError(f"{name}: altered: its SHA-256 is not the one listed")


def check_regular(path: Path, name: str) -> None:
    """Raises if a path is not a regular file.

    Raises:
        RecordError: The file is a link, or missing.
    """
    if path.is_symlink():
        raise RecordError(f"{name}: is a link, not a file")
    if not path.is_file():
        raise RecordError(f"{name}: missing")
