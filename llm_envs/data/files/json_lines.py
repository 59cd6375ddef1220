"""Tables in .jsonl files."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llm_envs.data.files.line_files import BOM, LineFile
from llm_envs.data.files.table import changed
from llm_envs.foreign.bounded_json import MAX_DEPTH


class JsonLines(LineFile):
    """A file with one JSON object per line. Blank lines are skipped."""

    def columns(self) -> list[str]:
        """Returns the keys of the first row."""
        with open(self.path, "rb") as file:
            for _, row in self._rows(file):
                return list(row)
        return []

    def scan(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yields every row with its line number."""
        del columns
        with open(self.path, "rb") as file:
            self.begin_scan(file)
            yield from self._rows(file, note=True)

    def _rows(self, file: io.BufferedReader, note: bool = False) -> Iterator[tuple[int, dict[str, Any]]]:
        end = 0
        for number, raw in enumerate(self.lines(file), 1):
            start, end = end, end + len(raw)
            if number == 1 and raw.startswith(BOM):
                start, raw = start + len(BOM), raw[len(BOM) :]
            if not raw.strip():
                continue
            row = self._parse(raw, number)
            if note:
                self._starts.append(start)
                self._ends.append(end)
            yield number, row

    def _parse(self, raw: bytes, line: int) -> dict[str, Any]:
        text = self.decode(raw, line)
        try:
            row = _DECODER.decode(text)
        except RecursionError as error:
            raise self.wrong(line, f"nested deeper than {MAX_DEPTH} levels") from error
        except ValueError as error:  # also raised for numbers of thousands of digits
            raise self.wrong(
                line, f"not JSON ({error}); expected one object a line, as in {_SAMPLE}"
            ) from error
        if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(row) > MAX_DEPTH:
            raise self.wrong(line, f"nested deeper than {MAX_DEPTH} levels")
        if not isinstance(row, dict):
            raise self.wrong(line, f"a JSON {type(row).__name__}; expected an object, as in {_SAMPLE}")
        return row

    def row(self, index: int) -> Mapping[str, Any]:
        """Returns a row by its position."""
        raw = self.read_row(index)
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
        raise ValueError(f"the key {double[:60]!r} appears twice in one object")
    return table


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)


def _depth(value: Any) -> int:
    """Returns how deep a JSON value is nested."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return depth


_SAMPLE = '{"source": "...", "references": ["..."]}'
