"""Sealed folders: agents and checkpoints, written whole or not at all, every file's hash in a manifest."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from llm_baselines.storage.exchange import replace_folder, standing_in
from llm_envs.assets.cache import file_sha256
from llm_envs.foreign import ForeignDataError
from llm_envs.foreign import read_json as read_bounded_json

MANIFEST = "manifest.json"


class AgentFolderError(ValueError):
    """A folder holds no saved agent or checkpoint, or its files were altered or cut short."""


def write_sealed(folder: Path, write: Callable[[Path], object]) -> None:
    """Writes a folder and its manifest, then puts it in its place by one rename.

    Args:
        folder: The folder's final path.
        write: Called with the temporary folder to write the files into.

    Raises:
        OSError: The disk refused; the folder that stood there is unchanged.
    """

    def write_and_seal(place: Path) -> None:
        write(place)
        seal(place)

    replace_folder(folder, write_and_seal)


def open_sealed(
    folder: Path, needed: tuple[str, ...], *, kind: str, way_out: str = ""
) -> tuple[Path, dict[str, str]]:
    """Compares the files of a folder with its manifest; see `check_seal`.

    Returns:
        The folder that holds the files (during an exchange it is inside the other), and SHA-256 (hex) by
        name.

    Raises:
        AgentFolderError: A file is missing, altered or cut short; the error names it.
    """
    place = standing_in(folder)
    return place, check_seal(place, needed, kind=kind, way_out=way_out)


def seal(place: Path) -> None:
    """Writes the manifest: the name and SHA-256 of every file in a folder."""
    hashes = {path.name: file_sha256(path) for path in sorted(place.iterdir())}
    (place / MANIFEST).write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")


def check_seal(folder: Path, needed: tuple[str, ...], *, kind: str, way_out: str = "") -> dict[str, str]:
    """Compares a folder with its manifest.

    Args:
        folder: A folder that `seal` was called on.
        needed: File names that the manifest must list.
        kind: What the folder is, for errors.
        way_out: What a person can do, for errors.

    Returns:
        SHA-256 (hex) by name.

    Raises:
        AgentFolderError: A file is missing, altered or cut short; the error names it.
    """
    hashes = read_json(folder / MANIFEST, kind=kind, way_out=way_out)
    for name in (*needed, *sorted(hashes)):
        path = folder / name
        if name not in hashes or Path(name).name != name:
            raise AgentFolderError(
                f"'{folder / MANIFEST}' does not list {name}: it is not the manifest of {kind}"
            )
        if not path.is_file():
            what = "is no regular file" if path.exists() else "is missing"
            raise AgentFolderError(f"'{path}' {what}; the manifest lists it{way_out}")
        if file_sha256(path) != hashes[name]:
            raise AgentFolderError(f"'{path}' was altered or cut short: its SHA-256 differs{way_out}")
    return hashes


def read_json(path: Path, *, kind: str, way_out: str = "") -> dict[str, Any]:
    """Reads a JSON object.

    Raises:
        AgentFolderError: The file is missing, cut short, or holds something else.
    """
    try:
        read = read_bounded_json(path)
    except FileNotFoundError:
        raise AgentFolderError(f"'{path}' is missing: '{path.parent}' is not {kind}{way_out}") from None
    except (ForeignDataError, OSError) as error:
        fault = str(error).removeprefix(f"'{path}': ")
        raise AgentFolderError(f"'{path}' cannot be read: {fault}{way_out}") from error
    if not isinstance(read, dict):
        raise AgentFolderError(f"'{path}' is not a JSON object{way_out}")
    return read


def write_json(path: Path, content: Mapping[str, Any], **options: Any) -> None:
    """Writes a JSON object."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False, **options)
    path.write_text(text + "\n", encoding="utf-8")


def json_able(value: Any) -> Any:
    """Returns a value that JSON can hold: the repr, without addresses in memory, replaces anything else."""
    return _finite(json.loads(json.dumps(value, default=_repr)))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value if not isinstance(value, float) or math.isfinite(value) else repr(value)


def _repr(value: Any) -> str:
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
