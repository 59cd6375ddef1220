"""From tables to a corpus: one pass checks every row, hashes it and draws its split."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from llm_envs.data.corpus import SPLITS, Columns, Contents, combine_digests, example_digest
from llm_envs.data.errors import DataError
from llm_envs.data.files.columns import ColumnMapping, RowError
from llm_envs.data.files.notes import say_once, shared_sources, small_splits
from llm_envs.data.files.table import Table
from llm_envs.data.splitting import assign_splits, group_key, source_key
from llm_envs.episode import Example

_DIGEST = 32


class LazyExamples(Sequence[Example]):
    """Examples that are decoded from their table when they are needed."""

    def __init__(
        self,
        tables: Sequence[tuple[Table, ColumnMapping]],
        table_of: npt.NDArray[np.int32],
        row_of: npt.NDArray[np.int64],
    ) -> None:
        """Points into tables.

        Args:
            tables: Scanned tables, and which of their columns hold what.
            table_of: The index of the table of every example.
            row_of: The row of every example in its table.
        """
        self._tables = tables
        self._table_of = table_of
        self._row_of = row_of

    def __len__(self) -> int:
        return len(self._row_of)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        if isinstance(index, slice):
            return LazyExamples(self._tables, self._table_of[index], self._row_of[index])
        table, mapping = self._tables[self._table_of[index]]
        row = int(self._row_of[index])
        try:
            return mapping.example(table.row(row))
        except RowError as error:
            raise DataError(
                f"{table.place} has changed since it was first read ({error}); load it again"
            ) from error


def read_tables(tables: Sequence[tuple[str | None, Table]], columns: Columns | None, name: str) -> Contents:
    """Checks all rows, removes exact duplicates and gives every row its split.

    Args:
        tables: Tables, each with its official split or None.
        columns: Which columns hold what.
        name: The file, folder or data set, for errors.

    Raises:
        DataError: If there is no row, or a row is wrong.

    Warns (DataWarning, once for each data set): if columns or quotation marks could be read in another way,
    if splits are small, and if official splits share sources with train.
    """
    scanned: list[tuple[Table, ColumnMapping]] = []
    table_of, row_of, official = array("i"), array("q"), array("b")
    sources, groups, duplicates = array("Q"), array("Q"), array("Q")
    digests = bytearray()
    grouped, referenced = False, None
    for split, table in tables:
        names = table.columns()
        if not names:
            continue
        mapping = ColumnMapping.resolve(columns, names, table.place)
        for position, (number, row) in enumerate(table.scan(mapping.columns)):
            try:
                mapping.check_columns(row)
                example = mapping.example(row)
                row_split = mapping.official_split(row) or split
                if referenced is None:
                    referenced = bool(example.references)
                _same_kind(example, referenced, mapping)
            except RowError as error:
                raise DataError(f"{table.place}, {table.unit} {number}: {error}") from error
            table_of.append(len(scanned))
            row_of.append(position)
            official.append(SPLITS.index(row_split) if row_split else -1)
            digest = example_digest(example)
            digests += digest
            tagged = hashlib.sha256(digest + str(row_split).encode()).digest()
            duplicates.append(int.from_bytes(tagged[:8], "big"))
            sources.append(source_key(example.source))
            group = example.metadata.get("group")
            grouped = grouped or group is not None
            groups.append(sources[-1] if group is None else group_key(group))
        scanned.append((table, mapping))
    if not row_of:
        raise DataError(f"{name} is empty: it has no rows; expected a source in each")
    kept = np.sort(np.unique(np.array(duplicates), return_index=True)[1])
    splits = np.array(official)[kept]
    drawn = set(np.unique(splits).tolist()) <= {-1, 0}
    if drawn:
        by_group = np.array(groups, np.uint64)[kept] if grouped else None
        splits = assign_splits(np.array(sources, np.uint64)[kept], by_group)
    elif (splits < 0).any():
        raise DataError(f"{name}: some rows have an official split and others have none")
    chosen = {split: kept[splits == index] for index, split in enumerate(SPLITS)}
    view = memoryview(digests)
    content_hash = combine_digests(
        {
            split: (bytes(view[_DIGEST * row : _DIGEST * (row + 1)]) for row in rows.tolist())
            for split, rows in chosen.items()
        }
    )
    for table, mapping in scanned:
        say_once(content_hash, "columns", mapping.note)
        say_once(content_hash, "quotes", table.note)
    if drawn:
        note = small_splits(name, {split: len(rows) for split, rows in chosen.items()})
    else:
        note = shared_sources(name, np.array(sources, np.uint64), chosen)
    say_once(content_hash, "splits", note)
    tables_of, rows_of = np.array(table_of, np.int32), np.array(row_of, np.int64)
    lazy: dict[str, Any] = {
        split: LazyExamples(scanned, tables_of[rows], rows_of[rows]) for split, rows in chosen.items()
    }
    return Contents(lazy, content_hash)


def _same_kind(example: Example, referenced: bool, mapping: ColumnMapping) -> None:
    """Raises unless all rows have references or none has: a reward that needs them cannot skip a row."""
    if referenced and not example.references:
        columns = " and ".join(map(repr, mapping.references)) or "no column at all"
        raise RowError(
            f"no reference in {columns}, though rows before have one; expected a text, "
            'or columns={"references": []} for data without references'
        )
    if example.references and not referenced:
        raise RowError("a reference, though rows before have none; expected one in all rows or none")
