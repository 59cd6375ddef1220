"""Folders that appear whole or not at all, the hash of every file in a manifest: agents, checkpoints."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from llm_baselines.storage.exchange import TEMPORARY, errors_name, exchange, flush, flush_folder
from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.storage.temporary import temporary_folder
from llm_envs.assets.cache import file_sha256
from llm_envs.foreign import ForeignDataError
from llm_envs.foreign import read_json as read_bounded_json

MANIFEST = "manifest.json"


class AgentFolderError(ValueError):
    """A folder is not a saved agent, or what it holds has been altered or cut short."""


def replace_folder(folder: Path, write: Callable[[Path], object]) -> None:
    """Writes a folder under a temporary name beside its own, then puts it there by one rename.

    A folder that stood there before reads as before until then. Signals wait until it is done.

    Args:
        folder: Where it shall stand.
        write: Called with the temporary folder.

    Raises:
        OSError: It cannot be written; what stood there is as it was.
    """
    with deferred_signals(), errors_name(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(folder.parent, f".{folder.name}.") as place:
            try:
                write(place)
            except SafetensorError as error:  # what it makes of an error of the disk
                raise OSError(f"'{folder}' cannot be written: {error}") from error
            flush(place)
            if folder.is_dir() and any(folder.iterdir()):
                exchange(place, folder, others_stay=False)
            else:
                os.replace(place, folder)
                flush_folder(folder.parent)


def replace_file(path: Path, text: str) -> None:
    """Writes a file under a temporary name, then puts it in its place by one rename; signals wait.

    Raises:
        OSError: It cannot be written; what stood there is as it was.
    """
    # In a folder of its own: a predictable name could be a link that somebody left there.
    with deferred_signals(), errors_name(path), temporary_folder(path.parent, TEMPORARY) as place:
        with open(place / path.name, "x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(place / path.name, path)


def seal(place: Path) -> None:
    """Writes the manifest of what a folder holds."""
    hashes = {path.name: file_sha256(path) for path in sorted(place.iterdir())}
    (place / MANIFEST).write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")


def check_seal(folder: Path, needed: tuple[str, ...], *, kind: str, way_out: str = "") -> dict[str, str]:
    """Compares a folder with its manifest.

    Args:
        folder: What `seal` was called on.
        needed: Names the manifest must list.
        kind: What the folder is, for errors.
        way_out: What a person can do, for errors.

    Returns:
        SHA-256 (hex) by name.

    Raises:
        AgentFolderError: A file is missing, altered or cut short; it is named.
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
    """A JSON object.

    Raises:
        AgentFolderError: It is missing, cut short, or something else.
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
    """The value with everything JSON cannot hold replaced by its repr, without an address in memory."""
    return _finite(json.loads(json.dumps(value, default=_told)))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value if not isinstance(value, float) or math.isfinite(value) else repr(value)


def _told(value: Any) -> str:
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


# Checkpoints of a run: folders side by side, named by a number that grows.


def newest_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint of a folder, or None."""
    if not folder.is_dir():
        return None
    places = list(folder.iterdir())
    # What earlier versions left where the process was killed while a checkpoint took the place of another.
    replaced = (place for place in places if re.fullmatch(r"\.\d+\.old-\w+", place.name))
    whole = (place for place in places if place.name.isdigit())
    return max(whole, default=None) or max(replaced, default=None)


def set_aside(folder: Path) -> None:
    """Puts the checkpoints of a folder beside it, as NAME-earlier: what a new run finds is its own."""
    if newest_checkpoint(folder) is not None:
        earlier = folder.with_name(f"{folder.name}-earlier")
        shutil.rmtree(earlier, ignore_errors=True)
        folder.rename(earlier)


def replace_checkpoint(target: Path, write: Callable[[Path], object]) -> Path:
    """Writes a checkpoint, then removes what else is there: at any moment one that is whole exists."""
    with deferred_signals():
        replace_folder(target, write)
        for other in target.parent.iterdir():
            if other != target and (other.name.startswith(".") or other.name.isdigit()):
                shutil.rmtree(other, ignore_errors=True)
    return target
