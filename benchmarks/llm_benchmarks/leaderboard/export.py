"""Writes the tables of a leaderboard for other programs: CSV, Markdown, LaTeX, model-index, pandas.

Names and labels come from records, so they are somebody else's text. Each format escapes what acts in it:
markup, and in CSV the signs that make a spreadsheet read a cell as a formula.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from llm_benchmarks.console.report import figure
from llm_benchmarks.leaderboard.baselines import to_json, trimmed
from llm_benchmarks.leaderboard.columns import NOTHING, score_text
from llm_benchmarks.leaderboard.rows import Row
from llm_benchmarks.leaderboard.tables import Table
from llm_benchmarks.leaderboard.view import Leaderboard
from llm_envs.checks.suggestions import did_you_mean
from llm_envs.foreign import shown

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = ("=", "+", "-", "@")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~])")
_LATEX: Mapping[str, str] = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
_TASKS = {"Translation": "translation", "Dialogue": "text-generation", "TextGen": "text-generation"}
"""Beginning of an environment's id -> the task's type on the Hugging Face Hub."""


def flat_rows(tables: Iterable[Table]) -> list[dict[str, Any]]:
    """Returns one dict for each row of each table, all with the same keys in the same order.

    Metrics have the keys "metric/NAME"; None where a row does not have one. Other None stand for an open
    interval or a number that was not measured.
    """
    tables = list(tables)
    metrics = dict.fromkeys(name for table in tables for row in table.rows for name in row.metrics)
    return [
        {
            "env": table.env,
            "dataset": table.dataset,
            "split": table.evaluation_split,
            "reward": table.evaluation_reward,
            "agent": row.agent,
            "variant": row.label,
            "score": row.score,
            "low": row.low,
            "high": row.high,
            "interval": row.interval,
            "seeds": row.seeds,
            "runs": row.runs,
            "normalized": row.normalized,
            "training_steps": row.training_steps,
            "training_seconds": row.training_seconds,
            "beats_random": row.beats_random,
            "verified": row.verified,
            "records": " ".join(row.records),
            **{f"metric/{name}": row.metrics.get(name) for name in metrics},
        }
        for table in tables
        for row in table.rows
    ]


def to_frame(tables: Iterable[Table]) -> pd.DataFrame:
    """Returns the rows of all tables as a pandas DataFrame; see `flat_rows`.

    Raises:
        ModuleNotFoundError: pandas is not installed.
    """
    import pandas as pd

    return pd.DataFrame(flat_rows(tables))


def to_csv(tables: Iterable[Table]) -> str:
    """Returns the rows of all tables as CSV with a header. Numbers have all their digits."""
    rows = flat_rows(tables)
    text = io.StringIO()
    if rows:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([_csv_cell(name) for name in rows[0]])
        writer.writerows([_csv_cell(value) for value in row.values()] for row in rows)
    return text.getvalue()


def to_markdown(tables: Iterable[Table]) -> str:
    """Returns a heading and a table for each table."""
    return "\n".join(
        f"## {_markdown(_title(table))}\n\n" + _grid(table, _markdown, "| ", " | ", " |", rule=True)
        for table in tables
    )


def to_latex(tables: Iterable[Table]) -> str:
    r"""Returns a `tabular` for each table, with the rules of the package booktabs."""
    parts = []
    for table in tables:
        columns = "l" + "r" * (len(_heads(table)) - 1)
        head, *rows = _grid(table, _latex, "", " & ", r" \\").splitlines()
        body = "\n".join(rows)
        parts.append(
            f"% {shown(_title(table), None)}\n\\begin{{tabular}}{{{columns}}}\n\\toprule\n{head}\n\\midrule\n"
            f"{body}\n\\bottomrule\n\\end{{tabular}}\n"
        )
    return "\n".join(parts)


def to_model_index(tables: Iterable[Table]) -> str:
    """Returns YAML in the form of the Hugging Face Hub's `model-index`, one model for each row's name."""
    models: dict[str, list[dict[str, Any]]] = {}
    for table in tables:
        kind = next(
            (task for start, task in _TASKS.items() if table.env.startswith(start)), "text-generation"
        )
        for row in table.rows:
            if row.score is None:
                continue
            metrics = {"mean_reward": row.score, **row.metrics}
            result = {
                "task": {"type": kind, "name": table.env},
                "dataset": {
                    "type": str(table.dataset),
                    "name": str(table.dataset),
                    "split": table.evaluation_split,
                },
                "metrics": [
                    {"type": name, "name": name, "value": round(value, 6)} for name, value in metrics.items()
                ],
            }
            models.setdefault(f"{row.agent} {row.label}".strip(), []).append(result)
    index = [{"name": name, "results": results} for name, results in models.items()]
    return str(yaml.safe_dump({"model-index": index}, sort_keys=False, allow_unicode=False))


FOLDERS = ("every-eval-ever", "eval-results")
"""Formats of many files: --out names a folder."""

FORMATS: Mapping[str, Callable[[Leaderboard], str]] = {
    "baselines": lambda board: to_json(trimmed(board.tables)),
    "json": lambda board: board.to_json() + "\n",
    "csv": lambda board: to_csv(board.tables),
    "markdown": lambda board: to_markdown(board.tables),
    "latex": lambda board: to_latex(board.tables),
    "model-index": lambda board: to_model_index(board.tables),
}
"""Name of a format -> the function that writes it."""

SUFFIXES: Mapping[str, str] = {
    ".json": "baselines",
    ".csv": "csv",
    ".md": "markdown",
    ".tex": "latex",
    ".yaml": "model-index",
}
"""Suffix of a file -> its format."""


def exported(path: Path, form: str | None = None) -> Callable[[Leaderboard], str]:
    """Returns the function that writes a leaderboard in a format.

    Args:
        path: The file; its suffix chooses the format if none is named.
        form: One of `FORMATS`.

    Raises:
        ValueError: The format or the suffix is unknown.
    """
    if form is None:
        if path.suffix.lower() not in SUFFIXES:
            raise ValueError(
                f"--out: the suffix {path.suffix!r} names no format; there are {', '.join(SUFFIXES)}; "
                f"or name the format: --format {'|'.join((*FORMATS, *FOLDERS))}"
            )
        form = SUFFIXES[path.suffix.lower()]
    if form not in FORMATS:
        known = (*FORMATS, *FOLDERS)
        raise ValueError(f"unknown --format {form!r}{did_you_mean(form, known)} there are {', '.join(known)}")
    return FORMATS[form]


def _title(table: Table) -> str:
    differences = ", ".join(f"{name} {value}" for name, value in table.differences.items())
    return f"{table.env}: {table.dataset}, {table.evaluation_split} split" + (
        f" ({differences})" if differences else ""
    )


def _heads(table: Table) -> list[str]:
    return ["agent", "score [95 % interval]", "seeds", *table.main_metrics, "steps", "verified"]


def _cells(table: Table, row: Row) -> list[str]:
    metrics = (row.metrics.get(name) for name in table.main_metrics)
    return [
        f"{row.agent} ({row.label})" if row.label else row.agent,
        score_text(row.score, row.low, row.high),
        str(row.seeds or NOTHING),
        *(NOTHING if value is None else figure(value) for value in metrics),
        NOTHING if not row.training_steps else f"{row.training_steps:,.0f}",
        row.verified or NOTHING,
    ]


def _grid(
    table: Table, escaped: Callable[[str], str], before: str, between: str, after: str, *, rule: bool = False
) -> str:
    """Returns the head and the rows of a table, one a line."""
    lines: list[Sequence[str]] = [_heads(table), *(_cells(table, row) for row in table.rows)]
    texts = [before + between.join(map(escaped, cells)) + after for cells in lines]
    if rule:
        texts.insert(1, before + between.join(["---", *["---:"] * (len(lines[0]) - 1)]) + after)
    return "\n".join(texts) + "\n"


def _csv_cell(value: Any) -> Any:
    if not isinstance(value, str):
        return "" if value is None else value
    text = shown(value, None)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", shown(text, None)).replace("&", "&amp;")


def _latex(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in shown(text, None))
