"""Writers of Stable-Baselines3's logger for experiment trackers, and for the sampled texts."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.logger import KVWriter

from llm_baselines.training.sample_table import SampleTable


def check_installed(name: str) -> None:
    """Raises before any work if an experiment tracker cannot be imported.

    Args:
        name: The value of `report_to`; empty for none.

    Raises:
        ValueError: It is not installed.
    """
    if name:
        _imported(name)


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ValueError(
            f"report_to={name!r} needs the library {name}, and importing it fails ({error}): "
            f"pip install {name}"
        ) from error


class TrackerOutput(KVWriter):
    """Sends log lines to Weights & Biases or Trackio, which have one interface.

    A run of the library that is already open gets them; otherwise one is opened, and closed at the end.

    Args:
        name: "wandb" or "trackio".
        run_name: Name of the run.

    Raises:
        ValueError: The library is not installed.
    """

    def __init__(self, name: str, run_name: str) -> None:
        self._library = _imported(name)
        self._opened = getattr(self._library, "run", None) is None  # wandb.run is the open run
        if self._opened:
            self._library.init(project="llm-envs", name=run_name)

    def write(
        self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0
    ) -> None:
        """Sends numbers as numbers, and a SampleTable as a table."""
        sent: dict[str, Any] = {}
        for key, value in key_values.items():
            if isinstance(value, SampleTable):
                sent[key] = self._library.Table(dataframe=_frame(value))
            elif isinstance(value, int | float | np.integer | np.floating):
                sent[key] = float(value)
        if sent:
            self._library.log(sent, step=step)

    def close(self) -> None:
        """Closes the run if this writer opened it."""
        if self._opened:
            self._library.finish()


class SamplesFile(KVWriter):
    """Appends the rows of every SampleTable to a file, one JSON object a line.

    Args:
        path: The file. It is made with the first table.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(
        self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0
    ) -> None:
        """Writes the rows, with the step."""
        for table in key_values.values():
            if isinstance(table, SampleTable):
                with self._path.open("a", encoding="utf-8") as file:
                    for row in table.rows:
                        cells = dict(zip(table.columns, row, strict=True))
                        file.write(json.dumps({"timesteps": step, **cells}) + "\n")

    def close(self) -> None:
        """Does nothing: the file is closed after each table."""


def _frame(table: SampleTable) -> Any:
    import pandas

    return pandas.DataFrame(table.rows, columns=table.columns)
