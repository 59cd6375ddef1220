"""Rows of a .parquet file, by row groups."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from llm_envs.data.errors import DataError
from llm_envs.data.rows import changed
from llm_envs.data.stamps import Stamp, path_stamp

_GROUPS_KEPT = 4


class Parquet:
    """A table whose row groups are read when one of their rows is asked for; a few stay at hand."""

    unit = "row"

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
        return DataError(f"{self.place} is no parquet file that can be read: {error}")

    def columns(self) -> list[str]:
        """The names of the top-level columns."""
        file = self._open()
        return list(file.schema_arrow.names) if self._ends else []

    def scan(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield every row with its number, reading these columns only."""
        names = self.columns()
        tops = (name if name in names else name.partition(".")[0] for name in columns)
        self._columns = list(dict.fromkeys(tops))
        import pyarrow

        self._stamp = path_stamp(str(self.path))
        number = 0
        try:
            for batch in self._open().iter_batches(batch_size=2048, columns=self._columns):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
        except (OSError, pyarrow.ArrowException) as error:
            raise self._unreadable(error) from error

    def row(self, index: int) -> Mapping[str, Any]:
        """A row by its position."""
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
