"""Reads a record of schema 1, which is a folder, and checks every byte. This form is no longer written.

<id>/manifest.json     size and SHA-256 of every other file; its own SHA-256 is the <id>
<id>/record.json       see record_1.schema.json
<id>/episodes.jsonl    one evaluation episode a line
<id>/curve.jsonl       one point of the training curve a line
<id>/checkpoint/...    the trained agent, if it is kept
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from llm_baselines.spec import RunSpec
from llm_benchmarks.records.checkpoint import check_file, check_name, check_regular, file_hash
from llm_benchmarks.records.record import Record, Rows, check_record
from llm_benchmarks.records.record_file import MAX_BYTES, parse_json_of, parse_rows
from llm_benchmarks.records.results import check_results
from llm_benchmarks.records.schema import check_schema
from llm_benchmarks.records.upgrade import upgraded
from llm_benchmarks.records.values import RecordError

_ROWS = {"episodes.jsonl": "episode", "curve.jsonl": "curve_row"}


def read_former(folder: Path) -> Record:
    """Reads the folder of one record. The folder's name is the record's id.

    Raises:
        RecordError: The message names the file and what is wrong with it.
    """
    try:
        return _read(folder)
    except OSError as error:
        message = f"{error.filename or folder}: cannot be read: {error}"
        raise RecordError(message, folder.name) from error
    except RecordError as error:
        raise RecordError(str(error), folder.name) from error


def _read(folder: Path) -> Record:
    path = folder / "manifest.json"
    check_regular(path, path.name)
    _check_size(path)
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != folder.name:
        raise RecordError("manifest.json: altered or cut short: its hash is not the record's id")
    manifest = parse_json_of(data, "manifest.json")
    check_schema(manifest, "manifest", "manifest.json")
    listed: Mapping[str, Any] = manifest["files"]
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if _is_leaf(path)}
    for name in sorted(present - set(listed) - {"manifest.json"}):
        raise RecordError(f"{name}: extra file that the manifest does not list")
    checkpoint = {name: folder / name for name in listed if name not in ("record.json", *_ROWS)}
    for name in checkpoint:
        check_name(name)
    for name, expected in listed.items():
        check_file(folder / name, name, expected)
    former = parse_json_of(_bytes(folder, "record.json", listed), "record.json")
    record = upgraded(former, _rows(folder, "curve.jsonl", listed))
    record["files"] = {name: listed[name] for name in checkpoint}
    check_record(record, "record.json")
    return Record(
        id=folder.name,
        data=record,
        spec=RunSpec.from_dict(record["spec"]),
        read_episodes=partial(_episodes, folder, listed, record),
        checkpoint=checkpoint,
    )


def _episodes(folder: Path, listed: Mapping[str, Any], record: Mapping[str, Any]) -> Rows:
    try:
        rows = _rows(folder, "episodes.jsonl", listed)
        check_results(record, rows)
    except OSError as error:
        raise RecordError(f"episodes.jsonl: cannot be read: {error}", folder.name) from error
    except RecordError as error:
        raise RecordError(str(error), folder.name) from error
    return rows


def _rows(folder: Path, name: str, listed: Mapping[str, Any]) -> Rows:
    data = _bytes(folder, name, listed)
    if data and not data.endswith(b"\n"):
        raise RecordError(f"{name}: cut short: the last line has no end")
    return parse_rows(data.split(b"\n")[:-1], name + " line {}", _ROWS[name], first=1)


def _bytes(folder: Path, name: str, listed: Mapping[str, Any]) -> bytes:
    path = folder / name
    check_regular(path, name)
    _check_size(path)
    data = path.read_bytes()
    if file_hash(data) != listed[name]["sha256"]:
        raise RecordError(f"{name}: altered: its SHA-256 is not the manifest's")
    return data


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise RecordError(f"{path.name}: has {size:,} bytes; at most {MAX_BYTES:,} are read")


def _is_leaf(path: Path) -> bool:
    return path.is_symlink() or not path.is_dir()
