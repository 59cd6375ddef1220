"""Writes a record as one file, completely or not at all, and checks every byte when it reads one.

    STORE/<id>.jsonl.gz       line 1 the record, then one line for each episode
    STORE/<id>.checkpoint/    the trained agent, if it is kept

The id is the SHA-256 of the uncompressed content. The checkpoint is written before the record appears, and
the record lists its hashes. Nothing in a file is ever executed or unpickled.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from llm_baselines.spec import RunSpec
from llm_baselines.storage.exchange import errors_name, flush, flush_folder
from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.storage.temporary import temporary_folder
from llm_benchmarks.records.checkpoint import (
    Source,
    check_checkpoint,
    check_regular,
    file_hash,
    write_checkpoint,
)
from llm_benchmarks.records.record import Record, Rows, check_record
from llm_benchmarks.records.results import check_results
from llm_benchmarks.records.schema import check_schema
from llm_benchmarks.records.values import RecordError, json_line
from llm_envs.foreign import ForeignDataError, parse_json

SUFFIX = ".jsonl.gz"
CHECKPOINT = ".checkpoint"
TEMPORARY = ".writing-"
MAX_BYTES = 256 << 20
"""The largest size of a record's file, compressed and uncompressed. It bounds the memory for reading."""

GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\x02\x03"
"""The header of a record's file: no name, no time, the same on every system."""

_GZIP = 16 + zlib.MAX_WBITS
_PIECE = 1 << 20


def record_path(store: Path, id: str) -> Path:
    """Returns the path of a record's file."""
    return store / f"{id}{SUFFIX}"


def checkpoint_folder(store: Path, id: str) -> Path:
    """Returns the folder of the checkpoint that is kept beside a record."""
    return store / f"{id}{CHECKPOINT}"


def write_file(
    store: Path, record: Mapping[str, Any], episodes: Sequence[Mapping[str, Any]], files: Mapping[str, Source]
) -> str:
    """Writes a record and its episodes, completely or not at all.

    The content is written under a temporary name, flushed to the disk and renamed; signals wait until then. A
    process that dies before that leaves a folder ".writing-..." and perhaps a checkpoint without a record.
    Readers ignore both, and `RecordStore.tidy` removes them.

    Args:
        store: The folder of the store; created if absent.
        record: The record, without "files".
        episodes: The rows of the evaluation.
        files: The files of the checkpoint, by name.

    Returns:
        The record's id.

    Raises:
        RecordError: The record is too large, or the store's file of this id was altered.
        OSError: The record cannot be written. The store holds no part of it.
    """
    listed = {
        name: {"sha256": file_hash(source), "size": _size(source)} for name, source in sorted(files.items())
    }
    content = b"".join(map(json_line, [{**record, "files": listed}, *episodes]))
    if len(content) > MAX_BYTES:  # a larger record could never be read
        raise RecordError(f"record: has {len(content):,} bytes; at most {MAX_BYTES:,} are read")
    return write_content(store, content, files, listed)


def write_content(
    store: Path, content: bytes, files: Mapping[str, Source], listed: Mapping[str, Mapping[str, Any]]
) -> str:
    """Writes the content of a record's file, completely or not at all; see `write_file`.

    Args:
        store: The folder of the store; created if absent.
        content: The lines of the file.
        files: The files of the checkpoint, by name.
        listed: What the record lists of them.

    Returns:
        The record's id.

    Raises:
        RecordError: The files are not those listed, or the store's file of this id was altered.
        OSError: The record cannot be written. The store holds no part of it.
    """
    id = hashlib.sha256(content).hexdigest()
    path, checkpoint = record_path(store, id), checkpoint_folder(store, id)
    store.mkdir(parents=True, exist_ok=True)
    with deferred_signals(), errors_name(store), temporary_folder(store, TEMPORARY) as place:
        if os.path.lexists(path):
            read_file(store, id)  # the record was written before; this checks that it is unaltered
            return id
        new = place / path.name
        new.write_bytes(_compressed(content))
        if files and write_checkpoint(place / "checkpoint", files) != listed:
            raise RecordError("checkpoint: its files changed while they were copied")
        flush(place)
        if files:
            if os.path.lexists(checkpoint):  # left by a process that died
                os.rename(checkpoint, place / "left")
            os.rename(place / "checkpoint", checkpoint)
        try:
            os.rename(new, path)
        except OSError:
            shutil.rmtree(checkpoint, ignore_errors=True)
            raise
        flush_folder(store)
    return id


def read_file(store: Path, id: str) -> Record:
    """Reads a record's file and checks every byte of it and of its checkpoint.

    `Record.episodes` parses the episodes later.

    Raises:
        RecordError: The record is damaged, altered or invalid. The message names the file or field.
    """
    path = record_path(store, id)
    try:
        lines = _lines(path, id)
        record = parse_json_of(lines[0], "record")
        check_record(record)
        checkpoint = check_checkpoint(checkpoint_folder(store, id), record["files"])
    except OSError as error:
        raise RecordError(f"{error.filename or path}: cannot be read: {error}", id) from error
    except RecordError as error:
        raise RecordError(str(error), id) from error
    return Record(
        id=id,
        data=record,
        spec=RunSpec.from_dict(record["spec"]),
        read_episodes=partial(_read_episodes, path, id, record),
        checkpoint=checkpoint,
    )


def _read_episodes(path: Path, id: str, record: Mapping[str, Any]) -> Rows:
    try:
        rows = parse_rows(_lines(path, id)[1:], "episode {}")
        check_results(record, rows)
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error}", id) from error
    except RecordError as error:
        raise RecordError(str(error), id) from error
    return rows


def parse_rows(lines: Sequence[bytes], place: str, part: str = "episode", first: int = 0) -> Rows:
    """Parses rows and checks them against the schema.

    Args:
        lines: The lines, one row each.
        place: The name of a row in errors; "{}" stands for its number.
        part: The part of the schema.
        first: The number of the first row.

    Raises:
        RecordError: A row is invalid.
    """
    rows = []
    for number, line in enumerate(lines, first):
        row = parse_json_of(line, place.format(number))
        check_schema(row, part, place.format(number))
        rows.append(row)
    return rows


def _lines(path: Path, id: str) -> list[bytes]:
    """Returns the lines of a record's file, after a check of their hash against the id."""
    content = read_content(path, id)
    if not content.endswith(b"\n"):
        raise RecordError(f"{path.name}: cut short: the last line has no end")
    return content.split(b"\n")[:-1]


def read_content(path: Path, id: str) -> bytes:
    """Returns the content of a record's file, after a check of its hash against the id.

    Raises:
        RecordError: The content is not what the id is the hash of.
        OSError: The file cannot be read.
    """
    check_regular(path, path.name)
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise RecordError(f"{path.name}: has {size:,} bytes; at most {MAX_BYTES:,} are read")
    content = _uncompressed(path.read_bytes(), path.name)
    if hashlib.sha256(content).hexdigest() != id:
        raise RecordError(
            f"{path.name}: altered or cut short: the hash of its content is not the record's id"
        )
    return content


def _compressed(content: bytes) -> bytes:
    """Returns the content as gzip. The header is always the same, so that equal records are equal files."""
    return GZIP_HEADER + zlib.compress(content, level=9, wbits=_GZIP)[len(GZIP_HEADER) :]


def _uncompressed(data: bytes, name: str) -> bytes:
    """Returns the content of a gzip file. It reads in pieces, so a zip bomb cannot fill the memory."""
    stream = zlib.decompressobj(_GZIP)
    pieces: list[bytes] = []
    total = 0
    try:
        while not stream.eof:
            piece = stream.decompress(data, _PIECE)
            data = stream.unconsumed_tail
            total += len(piece)
            if total > MAX_BYTES:
                raise RecordError(f"{name}: has more than {MAX_BYTES:,} bytes when unpacked")
            if not piece and not data:
                break
            pieces.append(piece)
    except zlib.error as error:
        raise RecordError(f"{name}: altered: not gzip as it was written: {error}") from None
    if not stream.eof:
        raise RecordError(f"{name}: altered: cut short")
    if stream.unused_data:
        raise RecordError(f"{name}: altered: there are bytes after its end")
    return b"".join(pieces)


def parse_json_of(data: bytes, place: str) -> Any:
    """Parses JSON of a record.

    Raises:
        RecordError: The text is not JSON, or exceeds the limits on foreign data.
    """
    try:
        return parse_json(data, place)
    except ForeignDataError as error:
        raise RecordError(str(error)) from None


def _size(source: Source) -> int:
    return len(source) if isinstance(source, bytes) else os.stat(source).st_size
