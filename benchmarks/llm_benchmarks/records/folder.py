"""One record's folder: written whole or not at all, and read with every byte checked.

    <id>/manifest.json     size and SHA-256 of every other file; its own SHA-256 is the <id>
    <id>/record.json       see record.schema.json
    <id>/episodes.jsonl    one evaluation episode a line
    <id>/curve.jsonl       one point of the training curve a line
    <id>/checkpoint/...    what was trained, if it is kept

Nothing in a folder is ever executed or unpickled.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from llm_baselines.storage.exchange import errors_name, flush_folder
from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.storage.temporary import temporary_folder
from llm_benchmarks.records.record import RecordError, check_record, check_results, check_schema
from llm_envs.foreign import ForeignDataError, parse_json

ROWS = {"episodes.jsonl": "episode", "curve.jsonl": "curve_row"}
TEMPORARY = ".writing-"
_CHUNK = 1 << 20
MAX_BYTES = 256 << 20
"""Of one file that is read as a whole: of the manifest, the record, the episodes, the curve."""
# Formats that run code when loaded: nobody should be handed one by a leaderboard.
_PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib", ".zip"}


@dataclass(frozen=True)
class Record:
    """One record read from a store, its bytes checked against the manifest.

    Attributes:
        id: SHA-256 of the manifest's bytes.
        data: The contents of record.json; `record["env"]` is short for `record.data["env"]`.
        folder: Where it stands.
        manifest: The contents of manifest.json.
    """

    id: str
    data: Mapping[str, Any] = field(compare=False, repr=False)
    folder: Path = field(compare=False, repr=False)
    manifest: Mapping[str, Any] = field(compare=False, repr=False)

    def __getitem__(self, section: str) -> Any:
        return self.data[section]

    def episodes(self) -> list[dict[str, Any]]:
        """The evaluation's rows, checked against the schema and the record's summary."""
        return self._rows("episodes.jsonl")

    def curve(self) -> list[dict[str, Any]]:
        """The training curve's rows, checked against the schema."""
        return self._rows("curve.jsonl")

    def check_rows(self) -> None:
        """Reads every row.

        Raises:
            RecordError: A row is not as the schema says, or the episodes give other results.
        """
        self.episodes()
        self.curve()

    def files(self) -> dict[str, Path]:
        """The checkpoint's files by name, such as "checkpoint/model.safetensors"."""
        names = self.manifest["files"]
        return {name: self.folder / name for name in names if name.startswith("checkpoint/")}

    def _rows(self, name: str) -> list[dict[str, Any]]:
        try:
            data = _checked_bytes(self.folder, name, self.manifest["files"][name])
            rows = parse_rows(data, name)
            if name == "episodes.jsonl":
                check_results(self.data, rows)
        except OSError as error:
            raise RecordError(f"{name}: cannot be read: {error}", self.id) from error
        except RecordError as error:
            raise RecordError(str(error), self.id) from error
        return rows


def read_folder(folder: Path) -> Record:
    """Read one record's folder; its name is the id it must have.

    Raises:
        RecordError: Naming the file at fault and what is wrong with it.
    """
    try:
        return _read_folder(folder)
    except OSError as error:
        message = f"{error.filename or folder}: cannot be read: {error}"
        raise RecordError(message, folder.name) from error
    except RecordError as error:
        raise RecordError(str(error), folder.name) from error


def _read_folder(folder: Path) -> Record:
    path = _regular(folder, "manifest.json")
    _check_size("manifest.json", path.stat().st_size)
    manifest_bytes = path.read_bytes()
    if hashlib.sha256(manifest_bytes).hexdigest() != folder.name:
        raise RecordError("manifest.json: altered or cut short: its hash is not the record's id")
    manifest = _parse(manifest_bytes, "manifest.json")
    check_schema(manifest, "manifest", "manifest.json")
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if _is_leaf(path)}
    for name in sorted(present - set(manifest["files"]) - {"manifest.json"}):
        raise RecordError(f"{name}: extra file that the manifest does not list")
    record: Any = None
    for name, expected in manifest["files"].items():
        if name not in ("record.json", *ROWS):
            check_name(name)
        if name == "record.json":
            record = _parse(_checked_bytes(folder, name, expected), name)
        else:
            _check_file(folder, name, expected)
    check_record(record)
    return Record(folder.name, record, folder, manifest)


def parse_rows(data: bytes, name: str) -> list[dict[str, Any]]:
    """Parse the lines of "episodes.jsonl" or "curve.jsonl", and check them against the schema."""
    rows = []
    if data and not data.endswith(b"\n"):
        raise RecordError(f"{name}: cut short: the last line has no end")
    for i, line in enumerate(data.split(b"\n")[:-1]):
        where = f"{name} line {i + 1}"
        row = _parse(line, where)
        check_schema(row, ROWS[name], where)
        rows.append(row)
    return rows


def write_folder(parent: Path, contents: Mapping[str, Path | bytes]) -> str:
    """Write files and their manifest as one record under `parent`, whole or not at all.

    The files are written under a temporary name and flushed to disk, then the folder is renamed; signals
    wait until then. A process that dies on the way leaves a folder named ".writing-...", which readers
    ignore and the next writer removes.

    Returns:
        The record's id, which names the folder.

    Raises:
        OSError: It cannot be written; nothing of it is left.
    """
    for name, source in contents.items():
        if isinstance(source, bytes):
            _check_size(name, len(source))  # else it would be written and never read
    parent.mkdir(parents=True, exist_ok=True)
    with deferred_signals(), errors_name(parent), temporary_folder(parent, TEMPORARY) as temporary:
        listed = {name: _write_file(temporary / name, contents[name]) for name in contents}
        manifest = json_bytes({"manifest_version": 1, "files": listed}, indent=2)
        _write_file(temporary / "manifest.json", manifest)
        for folder in (temporary, *(path for path in temporary.rglob("*") if path.is_dir())):
            flush_folder(folder)
        id = hashlib.sha256(manifest).hexdigest()
        try:
            os.rename(temporary, parent / id)
        except OSError:
            if not (parent / id).is_dir():
                raise
            read_folder(parent / id)  # somebody wrote the same record; is it whole?
        flush_folder(parent)
        return id


def check_name(name: str) -> None:
    """Refuse a file name that leaves the folder, is not under checkpoint/, or names a pickle."""
    path = PurePosixPath(name)
    parts = name.split("/")
    odd = "\\" in name or ":" in name or path.is_absolute() or {"", ".", ".."} & set(parts)
    if odd or parts[0] != "checkpoint" or len(parts) < 2:
        raise RecordError(f"{name}: not a plain name under checkpoint/")
    if path.suffix.lower() in _PICKLES:
        raise RecordError(f"{name}: may run code when loaded; keep safetensors and JSON instead")


def _write_file(path: Path, source: Path | bytes) -> dict[str, Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("xb") as target, _opened(source) as data:
        while chunk := data.read(_CHUNK):
            digest.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
        return {"sha256": digest.hexdigest(), "size": target.tell()}


def _opened(source: Path | bytes) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _is_leaf(path: Path) -> bool:
    return path.is_symlink() or not path.is_dir()


def _check_file(folder: Path, name: str, expected: Mapping[str, Any]) -> None:
    path = _regular(folder, name)
    _compare(name, path.stat().st_size, file_hash(path), expected)


def _compare(name: str, size: int, sha256: str, expected: Mapping[str, Any]) -> None:
    if size != expected["size"]:
        raise RecordError(f"{name}: altered: {size} bytes, the manifest says {expected['size']}")
    if sha256 != expected["sha256"]:
        raise RecordError(f"{name}: altered: its SHA-256 is not the manifest's")


def _checked_bytes(folder: Path, name: str, expected: Mapping[str, Any]) -> bytes:
    path = _regular(folder, name)
    _check_size(name, path.stat().st_size)
    data = path.read_bytes()
    _compare(name, len(data), file_hash(data), expected)
    return data


def _check_size(name: str, size: int) -> None:
    if size > MAX_BYTES:
        raise RecordError(f"{name}: has {size:,} bytes; at most {MAX_BYTES:,} are read")


def _regular(folder: Path, name: str) -> Path:
    path = folder / name
    if path.is_symlink():
        raise RecordError(f"{name}: is a link, not a file")
    if not path.is_file():
        raise RecordError(f"{name}: missing")
    return path


def file_hash(source: str | os.PathLike[str] | bytes) -> str:
    """The SHA-256 of a file, or of bytes."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with Path(source).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parse(data: bytes, file: str) -> Any:
    try:
        return parse_json(data, file)
    except ForeignDataError as error:
        raise RecordError(str(error)) from None


def json_bytes(value: Any, indent: int | None = None) -> bytes:
    """A JSON value and an end of line, as records keep it."""
    try:
        return (json.dumps(value, ensure_ascii=False, indent=indent) + "\n").encode("utf-8")
    except UnicodeEncodeError:  # half a surrogate pair in a text: escape it
        return (json.dumps(value, indent=indent) + "\n").encode("ascii")
