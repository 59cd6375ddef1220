"""Level 0: the file of a record is whole, to the bit, and its results follow from its episodes."""

from __future__ import annotations

import zlib
from pathlib import Path

from llm_benchmarks.records.record import Record, Rows
from llm_benchmarks.records.record_file import GZIP_HEADER, record_path
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import RecordError
from llm_benchmarks.verification.findings import Fails

_TRAILER = 8  # bytes of a gzip file after its compressed content: checksum and length


def read_unaltered(store: RecordStore, id: str) -> tuple[Record, Rows]:
    """Reads a record and checks every bit of it.

    Reading checks the schema, the hash of the content, and that identity, seeds and results follow from what
    else it says. A gzip file has bits besides its content, and these are checked too.

    Args:
        store: The store.
        id: The record's id.

    Returns:
        The record and its episodes.

    Raises:
        Fails: Something was altered, or contradicts something else.
    """
    try:
        record = store.read(id, rows=False)
        rows = record.episodes()
        path = record_path(store.path, record.id)
        if path.is_file():  # a record of schema 1 is a folder, and its manifest covers every byte
            _check_container(path)
    except (RecordError, OSError) as error:
        raise Fails(str(error)) from error
    return record, rows


def _check_container(path: Path) -> None:
    """Raises if a bit was altered that does not belong to the compressed content.

    Raises:
        Fails: The header is not the one that is written, or a bit of padding is set.
    """
    data = path.read_bytes()
    head = len(GZIP_HEADER)
    if data[:head] != GZIP_HEADER:
        at = next(i for i, (a, b) in enumerate(zip(data, GZIP_HEADER, strict=False)) if a != b)
        raise Fails(
            f"{path.name}: altered: byte {at} of the gzip header is {data[at]}, not {GZIP_HEADER[at]}"
        )
    body = bytearray(data[head:-_TRAILER])
    content = zlib.decompress(bytes(body), -zlib.MAX_WBITS)
    if body[-1]:  # the last byte is padded with zeros; so its highest 1 belongs to the content
        body[-1] ^= 1 << (body[-1].bit_length() - 1)
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            same = stream.decompress(bytes(body)) == content and stream.eof
        except zlib.error:
            same = False
        if same:
            raise Fails(f"{path.name}: altered: byte {head + len(body) - 1} has a bit that nothing uses")
