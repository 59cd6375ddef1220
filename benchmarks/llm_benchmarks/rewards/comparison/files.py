"""Writes a comparison: the page, its data as JSON and CSV, and each figure as a file of its own."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path

from llm_baselines.storage.exchange import replace_file
from llm_benchmarks.rewards.comparison.figures import curves_figure, standalone
from llm_benchmarks.rewards.comparison.found import Found
from llm_benchmarks.rewards.comparison.markdown import summary
from llm_benchmarks.rewards.comparison.page import render

PAGE, DATA, MATRIX, CURVES = "comparison.html", "comparison.json", "matrix.csv", "curves.csv"
SUMMARY = "summary.md"


def write(found: Found, folder: Path) -> list[Path]:
    """Writes the page, the data and the figures into a folder; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        PAGE: render(found),
        DATA: json.dumps(found.to_dict(), indent=1, allow_nan=False, ensure_ascii=False) + "\n",
        MATRIX: _matrix(found),
        CURVES: _curves(found),
        SUMMARY: summary(found),
    }
    for column in found.columns:
        for kind, over_distance in (("steps", False), ("distance", True)):
            svg = curves_figure(column.name, found.designs, found.runs, over_distance=over_distance)
            if svg is not None and (found.has_distance or not over_distance):
                name = re.sub(r"[^A-Za-z0-9_-]+", "-", column.name)
                contents[f"{kind}-{name}.svg"] = standalone(svg)
    for name, text in contents.items():
        replace_file(folder / name, text.encode("utf-8", "backslashreplace").decode())
    return [folder / name for name in contents]


def _matrix(found: Found) -> str:
    header = ["trained_on", "scored_on", "design", "mean", "low", "high", "seeds"]
    header += ["difference", "difference_low", "difference_high"]
    rows = []
    for name, row in found.table.items():
        for column in found.columns:
            entry = row[column.name]
            one, other = entry.interval, entry.difference
            apart = ["", "", ""] if other is None else [other.estimate, other.low, other.high]
            rows.append([name, column.name, column.design, one.estimate, one.low, one.high, one.n, *apart])
    return _csv(header, rows)


def _curves(found: Found) -> str:
    names = [column.name for column in found.columns]
    rows = [
        [run.design, run.seed, p.timesteps, p.distance if p.distance == p.distance else "",
         *(p.values.get(name, "") for name in names)]
        for run in found.runs
        for p in run.curve
    ]  # fmt: skip
    return _csv(["trained_on", "seed", "timesteps", "sqrt_kl", *names], rows)


def _csv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()
