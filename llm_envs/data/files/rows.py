"""Rows of .jsonl, .csv and .tsv files: one streaming pass notes where they are.

A pass keeps two 64-bit numbers a row. A row is read and decoded when it is asked for, from the same file as
the pass read: from another one the numbers would cut out anything.
"""

from __future__ import annotations

import csv
import io
import json
import os
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from llm_envs.data.errors import DataError
from llm_envs.data.files.stamps import file_stamp
from llm_envs.foreign.bounded_json import MAX_DEPTH

_BOM = b"\xef\xbb\xbf"
MAX_ROW = 64 << 20
"""Bytes of one row; without a bound a file without line ends would be read into memory whole."""
csv.field_size_limit(MAX_ROW)  # csv gives up at 131,072 characters


class Table(Protocol):
    """Rows that can be scanned once in order and then be read one by one.

    Attributes:
        place: The file or data set, for errors.
        unit: What counts its rows in errors: "line" or "row".
    """

    place: str
    unit: str

    @property
    def note(self) -> str:
        """What to tell the user once it has been scanned; empty where there is nothing."""
        ...

    def columns(self) -> list[str]:
        """The names of the columns; empty if there is no row."""
        ...

    def scan(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield every row with its line (or row) number from 1; has to run before `row`."""
        ...

    def row(self, index: int) -> Mapping[str, Any]:
        """A row by its position among the scanned ones."""
        ...


class _TextFile:
    """What files of lines share: byte offsets, reading by them, decoding with line numbers."""

    unit = "line"

    @property
    def note(self) -> str:
        """Nothing."""
        return ""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place = str(path)
        self._starts = array("q")
        self._ends = array("q")
        self._stamp: tuple[int, int] | None = None

    def _begin_scan(self, file: io.BufferedReader) -> None:
        self._starts, self._ends = array("q"), array("q")
        self._stamp = file_stamp(os.fstat(file.fileno()))

    def _lines(self, file: io.BufferedReader) -> Iterator[bytes]:
        """The lines of a file.

        Raises:
            DataError: One is longer than any row may be.
        """
        number = 0
        while raw := file.readline(MAX_ROW + 1):
            number += 1
            if len(raw) > MAX_ROW:
                raise self._wrong(number, f"longer than the {MAX_ROW:,} bytes a row may have")
            yield raw

    def _wrong(self, line: int, what: str) -> DataError:
        return DataError(f"{self.place}, line {line}: {what}")

    def _decode(self, raw: bytes, line: int) -> str:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._wrong(
                line,
                f"byte 0x{raw[error.start]:02x} at position {error.start + 1} is not UTF-8; "
                "expected UTF-8 text (iconv -t utf-8 converts a file)",
            ) from error

    def _slice(self, index: int) -> bytes:
        # No memory map: a file that gets shorter under one ends the process.
        start, end = self._starts[index], self._ends[index]
        try:
            with open(self.path, "rb", buffering=0) as file:
                same = file_stamp(os.fstat(file.fileno())) == self._stamp
                file.seek(start)
                raw = file.read(end - start)
        except OSError as error:
            raise changed(self.place) from error
        if not same or len(raw) < end - start:
            raise changed(self.place)
        return raw


def changed(place: str) -> DataError:
    """The error of a file that is not what it was when it was scanned."""
    return DataError(f"{place} has changed since it was first read; load the data set anew")


class JsonLines(_TextFile):
    """One JSON object a line; blank lines are passed over."""

    def columns(self) -> list[str]:
        """The keys of the first row."""
        with open(self.path, "rb") as file:
            for _, row in self._rows(file):
                return list(row)
        return []

    def scan(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield every row with its line number."""
        del columns
        with open(self.path, "rb") as file:
            self._begin_scan(file)
            yield from self._rows(file, note=True)

    def _rows(self, file: io.BufferedReader, note: bool = False) -> Iterator[tuple[int, dict[str, Any]]]:
        end = 0
        for number, raw in enumerate(self._lines(file), 1):
            start, end = end, end + len(raw)
            if number == 1 and raw.startswith(_BOM):
                start, raw = start + len(_BOM), raw[len(_BOM) :]
            if not raw.strip():
                continue
            row = self._parse(raw, number)
            if note:
                self._starts.append(start)
                self._ends.append(end)
            yield number, row

    def _parse(self, raw: bytes, line: int) -> dict[str, Any]:
        text = self._decode(raw, line)
        try:
            row = _DECODER.decode(text)
        except RecursionError as error:
            raise self._wrong(line, f"nested deeper than {MAX_DEPTH} levels") from error
        except ValueError as error:  # also a number of thousands of digits
            raise self._wrong(
                line, f"not JSON ({error}); expected one object a line, as in {_SAMPLE}"
            ) from error
        if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(row) > MAX_DEPTH:
            raise self._wrong(line, f"nested deeper than {MAX_DEPTH} levels")
        if not isinstance(row, dict):
            raise self._wrong(line, f"a JSON {type(row).__name__}; expected an object, as in {_SAMPLE}")
        return row

    def row(self, index: int) -> Mapping[str, Any]:
        """A row by its position."""
        raw = self._slice(index)
        try:
            row: dict[str, Any] = json.loads(raw)
        except ValueError as error:
            raise changed(self.place) from error
        return row


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {double[:60]!r} stands twice in one object")
    return table


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)


def _depth(value: Any) -> int:
    """How deep a JSON value is nested."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return depth


_SAMPLE = '{"source": "...", "references": ["..."]}'


class Delimited(_TextFile):
    """Comma or tab separated values with a header.

    Args:
        path: The file.
        delimiter: What separates fields.
        quoted: Whether quotation marks may enclose fields, as in CSV (RFC 4180), which may then hold
            separators and line breaks. Otherwise they are letters like others, as in TSV (IANA
            text/tab-separated-values). None for what is usual for the delimiter.
    """

    def __init__(self, path: Path, delimiter: str, *, quoted: bool | None = None) -> None:
        super().__init__(path)
        self._delimiter = delimiter
        self._in_doubt = quoted is None
        enclosing = delimiter == "," if quoted is None else quoted
        self._quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if enclosing else csv.QUOTE_NONE
        self._header: list[str] = []
        self._enclosed = 0

    @property
    def note(self) -> str:
        """That quotation marks enclose fields and are read as letters, where nobody said how to read them."""
        if not (self._in_doubt and self._enclosed):
            return ""
        return (
            f"{self.place}: {self._enclosed} rows have a field that begins and ends with a quotation mark, "
            "and these were read as part of the text. If they enclose fields, as in CSV, load "
            f"'file:{self.place}:quoted'; ':unquoted' says that they do not"
        )

    def columns(self) -> list[str]:
        """The header."""
        with open(self.path, "rb") as file:
            for _, _, _, values in self._records(file):
                values = [name.strip() for name in values]
                double = sorted({name for name in values if values.count(name) > 1})
                if double:
                    raise self._wrong(1, f"the header names {double[0]!r} twice; expected once")
                self._header = values
                return values
        return []

    def scan(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield every row with the number of the line it begins in."""
        del columns
        header = self.columns()
        with open(self.path, "rb") as file:
            self._begin_scan(file)
            self._enclosed = 0
            records = self._records(file)
            next(records, None)
            for number, start, end, values in records:
                if len(values) != len(header):
                    hint = ""
                    if self._quoting and any('"' in value for value in values):
                        hint = f"; if quotation marks enclose fields, load file:{self.place}:quoted"
                    raise self._wrong(
                        number,
                        f"{len(values)} fields; expected {len(header)} ({', '.join(header)}){hint}",
                    )
                if self._quoting:
                    self._enclosed += any(len(v) > 1 and v[0] == v[-1] == '"' for v in values)
                self._starts.append(start)
                self._ends.append(end)
                yield number, dict(zip(header, values, strict=True))

    def _records(self, file: io.BufferedReader) -> Iterator[tuple[int, int, int, list[str]]]:
        """Yield (line, first byte, byte after the last, fields) of every record.

        The csv reader takes a line at a time and no line ahead, so that the bytes handed out when a
        record is complete are its end.
        """
        line, end = 0, 0

        def lines() -> Iterator[str]:
            nonlocal line, end
            for raw in self._lines(file):
                line += 1
                end += len(raw)
                yield self._decode(raw.removeprefix(_BOM) if line == 1 else raw, line)

        reader = csv.reader(lines(), delimiter=self._delimiter, quoting=self._quoting, strict=True)
        while True:
            first, start = line + 1, end
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                expected = (
                    "fields with line breaks, separators or quotation marks in double quotes, and quotes "
                )
                expected = "one record a line" if self._quoting else expected + "in them doubled"
                raise self._wrong(
                    first, f"{error} in the record that begins here; expected {expected}"
                ) from error
            if values:
                yield first, start, end, values

    def row(self, index: int) -> Mapping[str, Any]:
        """A row by its position."""
        raw = self._slice(index)
        try:
            text = raw.decode("utf-8")
            lines = io.StringIO(text, newline="")
            reader = csv.reader(lines, delimiter=self._delimiter, quoting=self._quoting)
            return dict(zip(self._header, next(reader), strict=True))
        except (ValueError, csv.Error, StopIteration) as error:
            raise changed(self.place) from error
