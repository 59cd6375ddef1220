"""``hub:NAME[:CONFIG]``: a data set of the Hugging Face hub, or one saved to disk by `datasets`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from llm_envs.data.corpus import Columns, Contents
from llm_envs.data.errors import DataError
from llm_envs.data.files.columns import SPLIT_VALUES
from llm_envs.data.files.scanning import read_tables


class HubTable:
    """One split of a `datasets.DatasetDict`. The rows stay in its memory-mapped files."""

    unit = "row"
    note = ""

    def __init__(self, dataset: Any, place: str) -> None:
        self.place = place
        self._dataset = dataset.with_format(None)  # other formats give tensors or frames, or omit columns

    def columns(self) -> list[str]:
        """Returns the names of the columns; empty if there is no row."""
        return list(self._dataset.column_names) if len(self._dataset) else []

    def scan(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yields every row with its number. Reads only these columns."""
        names = self._dataset.column_names
        tops = (name if name in names else name.partition(".")[0] for name in columns)
        self._dataset = self._dataset.select_columns(list(dict.fromkeys(tops)))
        number = 0
        try:
            for row in self._dataset:
                number += 1
                yield number, row
        except Exception as error:  # the library may raise anything about the files
            after = f"{self.place}, after row {number}"
            raise DataError(f"{after}: cannot be read ({type(error).__name__}: {error})") from error

    def row(self, index: int) -> Mapping[str, Any]:
        """Returns a row by its position."""
        row: Mapping[str, Any] = self._dataset[index]
        return row


def load(name: str, columns: Columns | None) -> Contents:
    """Loads a data set by name, or from a folder that `save_to_disk` wrote.

    Only splits named train, validation and test (or a usual short form) are used. A data set with a single
    split of another name is split by hash.

    Raises:
        DataError: If `datasets` is missing, the data set cannot be loaded, or a row is wrong.
    """
    try:
        import datasets
    except ImportError as error:
        raise DataError(f"hub:{name} needs the library datasets; pip install 'llm-envs[hub]'") from error
    try:
        loaded = _load(datasets, name)
    except Exception as error:
        raise DataError(
            f"hub:{name} cannot be loaded ({type(error).__name__}: {error}); expected the name of "
            "a data set on the hub, NAME:CONFIG, or a folder written by save_to_disk"
        ) from error
    parts = dict(loaded) if isinstance(loaded, dict) else {"train": loaded}
    tables: list[tuple[str | None, HubTable]] = [
        (SPLIT_VALUES[split], HubTable(part, f"hub:{name}, split {split}"))
        for split, part in parts.items()
        if split in SPLIT_VALUES
    ]
    if not tables and len(parts) == 1:
        tables = [(None, HubTable(part, f"hub:{name}")) for part in parts.values()]
    if not tables:
        raise DataError(
            f"hub:{name} has the splits {', '.join(parts) or '(none)'}; "
            "expected train, validation or test among them"
        )
    return read_tables(tables, columns, f"hub:{name}")


def _load(datasets: Any, name: str) -> Any:
    path = Path(name).expanduser()
    if path.is_dir():
        if (path / "dataset_dict.json").exists() or (path / "state.json").exists():
            return datasets.load_from_disk(str(path))
        return datasets.load_dataset(str(path))
    repository, _, config = name.partition(":")
    return datasets.load_dataset(repository, config or None)
