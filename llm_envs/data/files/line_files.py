"""LineFile: a file of rows that is scanned once and then read row by row.

The scan keeps two 64-bit numbers per row: where its bytes begin and end. A row is read and decoded when it is
asked for. The file must not have changed since the scan, because its offsets would cut other text.
"""

from __future__ import annotations

import io
import os
from array import array
from collections.abc import Iterator
from pathlib import Path

from llm_envs.data.errors import DataError
from llm_envs.data.files.stamps import file_stamp
from llm_envs.data.files.table import changed

BOM = b"\xef\xbb\xbf"
MAX_ROW = 64 << 20
"""Bytes of one row. Without a bound, a file without line ends would be read into memory whole."""


class LineFile:
    """Base class of tables in text files: remembers where rows are, reads them, and decodes UTF-8.

    Attributes:
        path: The file.
        place: The file as errors name it.
    """

    unit = "line"

    @property
    def note(self) -> str:
        """Empty: subclasses may have something to tell the user."""
        return ""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place = str(path)
        self._starts = array("q")
        self._ends = array("q")
        self._stamp: tuple[int, int] | None = None

    def begin_scan(self, file: io.BufferedReader) -> None:
        """Forgets the offsets of an earlier scan, and notes the size and time of change of the file."""
        self._starts, self._ends = array("q"), array("q")
        self._stamp = file_stamp(os.fstat(file.fileno()))

    def lines(self, file: io.BufferedReader) -> Iterator[bytes]:
        """Yields the lines of a file.

        Raises:
            DataError: A line has more than MAX_ROW bytes.
        """
        number = 0
        while raw := file.readline(MAX_ROW + 1):
            number += 1
            if len(raw) > MAX_ROW:
                raise self.wrong(number, f"longer than the {MAX_ROW:,} bytes a row may have")
            yield raw

    def wrong(self, line: int, what: str) -> DataError:
        """Returns the error of a line."""
        return DataError(f"{self.place}, line {line}: {what}")

    def decode(self, raw: bytes, line: int) -> str:
        """Decodes a line.

        Raises:
            DataError: The line is not UTF-8.
        """
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.wrong(
                line,
                f"byte 0x{raw[error.start]:02x} at position {error.start + 1} is not UTF-8; "
                "expected UTF-8 text (iconv -t utf-8 converts a file)",
            ) from error

    def read_row(self, index: int) -> bytes:
        """Reads the bytes of a row by its position in the scan.

        Raises:
            DataError: The file has changed since the scan.
        """
        # A memory map would end the process if the file became shorter.
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
