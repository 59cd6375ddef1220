"""Table: rows that are scanned once in order and then read one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from llm_envs.data.errors import DataError


class Table(Protocol):
    """Rows of a file or data set.

    Attributes:
        place: The file or data set, for errors.
        unit: What counts its rows in errors: "line" or "row".
    """

    place: str
    unit: str

    @property
    def note(self) -> str:
        """What to tell the user after the scan; empty if there is nothing to tell."""
        ...

    def columns(self) -> list[str]:
        """Returns the names of the columns; empty if there is no row."""
        ...

    def scan(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yields every row with its line (or row) number from 1. It must finish before `row` is called.

        Args:
            columns: The columns that are needed; a table may leave out others.
        """
        ...

    def row(self, index: int) -> Mapping[str, Any]:
        """Returns a row by its position in the scan."""
        ...


def changed(place: str) -> DataError:
    """Returns the error of a file that has changed since it was scanned."""
    return DataError(f"{place} has changed since it was first read; load the data set again")
