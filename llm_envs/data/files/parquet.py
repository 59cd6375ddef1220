"""Tables in .parquet files, read by row groups."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from llm_envs.data.errors import DataError
from llm_envs.data.files.stamps import Stamp, path_stamp
from llm_envs.data.files.table import changed

_GROUPS_KEPT = 4


class Parquet:
    """A table that reads a row group when one of its rows is needed. It keeps a few groups."""

    unit = "row"
    note = ""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place = str(path)
        self._columns: list[str] = []
        self._file: Any = None
        self._groups: OrderedDict[int, Any] = OrderedDict()
        self._ends: list[int] = []
        self._stamp: Stamp = ()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None, "_groups": OrderedDict()}

    def _open(self) -> Any:
        if self._file is None:
            try:
                import pyarrow.parquet
            except ImportError as error:
                raise DataError(
                    f"{self.place}: reading parquet needs pyarrow; pip install 'llm-envs[parquet]'"
                ) from error
            try:
                self._file = pyarrow.parquet.ParquetFile(self.path)
            except (OSError, pyarrow.ArrowException) as error:
                raise self._unreadable(error) from error
            metadata = self._file.metadata
            sizes = (metadata.row_group(i).num_rows for i in range(metadata.num_row_groups))
            self._ends = list(accumulate(sizes))
        return self._file

    def _unreadable(self, error: Exception) -> DataError:
        return DataError(f"{self.place} is not a readable parquet file: {error}")

    def columns(self) -> list[str]:
        """Returns the names of the top-level columns."""
        file = self._open()
        names = list(file.schema_arrow.names) if self._ends else []
        if double := sorted({name for name in names if names.count(name) > 1}):
            raise DataError(f"{self.place} has two columns {double[0]!r}; expected one")
        return names

    def scan(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yields every row with its number. Reads only these columns."""
        names = self.columns()
        tops = (name if name in names else name.partition(".")[0] for name in columns)
        self._columns = list(dict.fromkeys(tops))
        import pyarrow

        self._stamp = path_stamp(str(self.path))
        number = 0
        try:
            for batch in self._open().iter_batches(batch_size=2048, columns=self._columns):
                for row in self._rows(batch, number):
                    number += 1
                    yield number, row
        except (OSError, pyarrow.ArrowException) as error:
            raise self._unreadable(error) from error

    def _rows(self, batch: Any, before: int) -> list[Mapping[str, Any]]:
        """Returns a batch as Python values. Not every Arrow value can become one.

        Raises:
            DataError: A value is not UTF-8, or a date outside of Python's range. The error names the row.
        """
        try:
            rows: list[Mapping[str, Any]] = batch.to_pylist()
        except (ValueError, OverflowError) as error:
            for column in batch.schema.names:
                for row, value in enumerate(batch.column(column), before + 1):
                    try:
                        value.as_py()
                    except (ValueError, OverflowError) as wrong:
                        fault = "is not UTF-8" if isinstance(wrong, UnicodeDecodeError) else "cannot be read"
                        message = f"{self.place}, row {row}: column {column!r} {fault} ({wrong})"
                        raise DataError(message) from wrong
            raise self._unreadable(error) from error
        return rows

    def row(self, index: int) -> Mapping[str, Any]:
        """Returns a row by its position."""
        group = bisect_right(self._ends, index)
        if group not in self._groups:
            self._groups[group] = self._read(group)
            while len(self._groups) > _GROUPS_KEPT:
                self._groups.popitem(last=False)
        self._groups.move_to_end(group)
        start = self._ends[group - 1] if group else 0
        row: Mapping[str, Any] = self._groups[group].slice(index - start, 1).to_pylist()[0]
        return row

    def _read(self, group: int) -> Any:
        import pyarrow

        if path_stamp(str(self.path)) != self._stamp:
            raise changed(self.place)
        try:
            return self._open().read_row_group(group, columns=self._columns)
        except (OSError, pyarrow.ArrowException) as error:
            raise changed(self.place) from error
