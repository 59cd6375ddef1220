"""Writes scores as `.eval_results` files of the Hugging Face Hub, a folder for each agent's model repository.

    OUT/<agent>/.eval_results/llm-envs.yaml

The form is that of https://huggingface.co/docs/hub/eval-results. Each result names a benchmark, which is a
data set of the Hub with an `eval.yaml`; its tasks are the environments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from llm_baselines.storage.exchange import replace_file
from llm_benchmarks.console.report import figure
from llm_benchmarks.leaderboard.every_eval_ever import newest, path_name
from llm_benchmarks.leaderboard.rows import Row
from llm_benchmarks.leaderboard.tables import Table
from llm_benchmarks.records.store import RecordStore
from llm_envs import __version__
from llm_envs.foreign import shown

FILE = "llm-envs.yaml"
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_LONGEST_NOTE = 400


def check_dataset(name: str | None) -> str:
    """Returns the name of a benchmark on the Hub.

    Raises:
        ValueError: None is given, or it is not of the form OWNER/NAME.
    """
    if name is None or not _HUB_NAME.fullmatch(name):
        given = "is missing" if name is None else f"{name!r} is not OWNER/NAME"
        raise ValueError(
            f"--hub-dataset {given}; an .eval_results file names the data set on the Hub whose leaderboard "
            "it belongs to, such as --hub-dataset my-team/my-benchmark"
        )
    return name


def write_results(tables: Iterable[Table], store: RecordStore, out: Path, dataset: str) -> list[Path]:
    """Writes a file for each agent and variant, with a result for each table that has a score of it.

    Args:
        tables: The tables of the store.
        store: Its records, which say when they were played.
        out: The folder; created if absent. Other files stay.
        dataset: The benchmark on the Hub, OWNER/NAME.

    Returns:
        The files.

    Raises:
        RecordError: A record has changed since the tables were made.
        OSError: A file cannot be written.
    """
    by_model: dict[str, list[dict[str, Any]]] = {}
    for table in tables:
        for row in table.rows:
            if row.score is not None:
                model = path_name(f"{row.agent} {row.label}".strip())
                by_model.setdefault(model, []).append(_entry(table, row, store, dataset))
    written = []
    for model, entries in by_model.items():
        path = out / model / ".eval_results" / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, yaml.safe_dump(entries, sort_keys=False, allow_unicode=False))
        written.append(path)
    return written


def task_id(table: Table) -> str:
    """Returns the task that the benchmark's eval.yaml must have: environment and what sets a table apart."""
    differences = [f"{name}-{value}" for name, value in table.differences.items()]
    return path_name("-".join([table.env, *map(str, differences)]))


def _entry(table: Table, row: Row, store: RecordStore, dataset: str) -> dict[str, Any]:
    assert row.score is not None
    interval = "" if row.low is None or row.high is None else f" [{figure(row.low)}, {figure(row.high)}]"
    notes = [
        f"mean reward {figure(row.score)}{interval}, 95 % interval",
        f"{table.dataset}, {table.evaluation_split} split",
        f"reward {table.evaluation_reward}",
        *([f"{row.seeds} training seeds"] if row.seeds else []),
        *([f"verified {row.verified}"] if row.verified else []),
        f"llm-envs {__version__}",
        f"records {' '.join(id[:12] for id in row.records)}",
    ]
    note = shown("; ".join(notes), _LONGEST_NOTE)
    return {
        "dataset": {"id": dataset, "task_id": task_id(table)},
        "value": row.score,
        "date": newest([store.load(id, rows=False) for id in row.records]),
        "notes": note,
    }
