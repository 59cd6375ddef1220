"""Tables in .csv and .tsv files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from llm_envs.data.files.line_files import BOM, MAX_ROW, LineFile
from llm_envs.data.files.table import changed

csv.field_size_limit(MAX_ROW)  # csv's own limit is 131,072 characters


class Delimited(LineFile):
    """Comma or tab separated values with a header.

    Args:
        path: The file.
        delimiter: The character between fields.
        quoted: True if quotation marks enclose fields, as in CSV (RFC 4180). Such fields may hold delimiters
            and line breaks. False if quotation marks are ordinary characters, as in TSV (IANA
            text/tab-separated-values). None takes the usual choice for the delimiter.
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
        """Warns if fields are enclosed in quotation marks, and the user did not say how to read them."""
        if not (self._in_doubt and self._enclosed):
            return ""
        return (
            f"{self.place}: {self._enclosed} rows have a field that begins and ends with a quotation mark, "
            "and these were read as part of the text. If they enclose fields, as in CSV, load "
            f"'file:{self.place}:quoted'; ':unquoted' says that they do not"
        )

    def columns(self) -> list[str]:
        """Returns the header."""
        with open(self.path, "rb") as file:
            for _, _, _, values in self._records(file):
                values = [name.strip() for name in values]
                double = sorted({name for name in values if values.count(name) > 1})
                if double:
                    raise self.wrong(1, f"the header names {double[0]!r} twice; expected once")
                self._header = values
                return values
        return []

    def scan(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yields every row with the number of the line it begins in."""
        del columns
        header = self.columns()
        with open(self.path, "rb") as file:
            self.begin_scan(file)
            self._enclosed = 0
            records = self._records(file)
            next(records, None)
            for number, start, end, values in records:
                if len(values) != len(header):
                    hint = ""
                    if self._quoting and any('"' in value for value in values):
                        hint = f"; if quotation marks enclose fields, load file:{self.place}:quoted"
                    raise self.wrong(
                        number,
                        f"{len(values)} fields; expected {len(header)} ({', '.join(header)}){hint}",
                    )
                if self._quoting:
                    self._enclosed += any(len(v) > 1 and v[0] == v[-1] == '"' for v in values)
                self._starts.append(start)
                self._ends.append(end)
                yield number, dict(zip(header, values, strict=True))

    def _records(self, file: io.BufferedReader) -> Iterator[tuple[int, int, int, list[str]]]:
        """Yields (line, first byte, byte after the last, fields) of every record.

        The csv reader takes one line at a time and never reads ahead. So the bytes it has taken when a
        record is complete are the end of the record.
        """
        line, end = 0, 0

        def lines() -> Iterator[str]:
            nonlocal line, end
            for raw in self.lines(file):
                line += 1
                end += len(raw)
                yield self.decode(raw.removeprefix(BOM) if line == 1 else raw, line)

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
                raise self.wrong(
                    first, f"{error} in the record that begins here; expected {expected}"
                ) from error
            if values:
                yield first, start, end, values

    def row(self, index: int) -> Mapping[str, Any]:
        """Returns a row by its position."""
        raw = self.read_row(index)
        try:
            text = raw.decode("utf-8")
            lines = io.StringIO(text, newline="")
            reader = csv.reader(lines, delimiter=self._delimiter, quoting=self._quoting)
            return dict(zip(self._header, next(reader), strict=True))
        except (ValueError, csv.Error, StopIteration) as error:
            raise changed(self.place) from error
