"""One agent beside the others of its tables: differences with intervals, and learning curves."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.table import Table as RichTable
from rich.text import Text

from llm_benchmarks.comparison import Scores, difference
from llm_benchmarks.leaderboard import Row, Table, leaderboard_tables
from llm_benchmarks.record_folder import Record
from llm_benchmarks.report_console import figure, plain, report_console, say, signed, tell_problems
from llm_benchmarks.statistics import Interval
from llm_benchmarks.store import RecordStore
from llm_envs.foreign import shown

WIDTH = 110
_VERDICTS = {"above": "better", "below": "worse", "unclear": "unclear"}


@dataclass(frozen=True)
class Compared:
    """A row beside another of the same table.

    Attributes:
        env: The environment's id.
        table: What sets its table apart from others of the environment, such as a data set; often empty.
        agent: The row's name.
        other: The other row's name.
        score: The row's mean reward.
        other_score: The other's.
        difference: score - other_score, with its interval.
        judged: "paired by seed", "welch" or "by example".
    """

    env: str
    table: str
    agent: str
    other: str
    score: float
    other_score: float
    difference: Interval
    judged: str


def compare(
    store: RecordStore, agent: str, env: str | None = None, problems: dict[str, str] | None = None
) -> list[Compared]:
    """Every row of an agent beside every other row of its table.

    Args:
        store: The records.
        agent: The agent's name.
        env: Only this environment id.
        problems: Is filled with id -> what is wrong, for each record that cannot be read.

    Raises:
        ValueError: No row of that name has a score.
    """
    records = {record.id: record for record in store.records(problems)}
    found = []
    for table in leaderboard_tables(records.values(), env):
        scores = {id(row): Scores.of(records[i] for i in row.records) for row in table.rows if row.records}
        rows = [row for row in table.rows if id(row) in scores]
        for mine in (row for row in rows if row.agent == agent):
            for other in (row for row in rows if row is not mine):
                a, b = scores[id(mine)], scores[id(other)]
                by, judged = difference(a, b)
                found.append(
                    Compared(table.env, _apart(table), _name(mine), _name(other), a.mean, b.mean, by, judged)
                )
    if not found:
        raise ValueError(f"no completed runs of {agent!r} beside others in '{store.path}'")
    return found


def show_comparison(store: Path, agent: str, env: str | None, json_output: bool) -> int:
    """Prints the comparison; returns the exit status."""
    problems: dict[str, str] = {}
    try:
        found = compare(RecordStore(store), agent, env, problems)
    finally:
        tell_problems(problems)
    status = 1 if problems else 0
    if json_output:
        print(json.dumps([asdict(one) for one in found], indent=2, allow_nan=False))
        return status
    console = report_console(WIDTH)
    for key in dict.fromkeys((one.env, one.table, one.agent, one.score) for one in found):
        told = f" ({shown(key[1])})" if key[1] else ""
        say(console, f"{shown(key[0])}{told}: {shown(key[2])} {figure(key[3])}", "bold")
        grid = RichTable(box=None, pad_edge=False, header_style="bold")
        for name in ("against", "score", "difference [95 % interval]", "judged", "pairs", ""):
            grid.add_column(name)
        for one in (one for one in found if (one.env, one.table, one.agent, one.score) == key):
            by = one.difference
            ends = "open" if by.low is None or by.high is None else f"[{signed(by.low)}, {signed(by.high)}]"
            verdict = _VERDICTS[by.side_of(0.0)]
            values = figure(one.other_score), f"{signed(by.estimate)} {ends}", one.judged, str(by.n), verdict
            grid.add_row(plain(one.other, limit=200), *map(Text, values))
        console.print(grid)
        console.print()
    return status


def plot_curves(store: RecordStore, env: str, out: Path, problems: dict[str, str] | None = None) -> None:
    """Draws what was measured on validation while agents trained, by steps and by wall clock.

    Lines are means over seeds, bands the range; the points of a row's runs are averaged in order. A curve
    begins where the training on rewards does: what a warm start took is in its seconds.

    Args:
        store: The records.
        env: Environment id.
        out: The picture; its suffix decides the format (.svg, .png, .pdf).
        problems: Is filled with id -> what is wrong, for each record that cannot be read.

    Raises:
        ValueError: There are no curves, or the suffix is none of these.
    """
    if out.suffix not in (".svg", ".png", ".pdf"):
        raise ValueError(f"--out {str(out)!r} must end in .svg, .png or .pdf")
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    records = {record.id: record for record in store.records(problems)}
    curves = [
        (f"{_apart(table)} {_name(row)}".strip(), _stacked([records[i] for i in row.records]))
        for table in leaderboard_tables(records.values(), env)
        for row in table.rows
    ]
    curves = [(name, curve) for name, curve in curves if curve is not None]
    if not curves:
        raise ValueError(f"no run of {env} in '{store.path}' has a curve")
    matplotlib.rcParams["svg.hashsalt"] = "llm-envs"
    picture, axes = pyplot.subplots(1, 2, figsize=(11, 5), sharey=True, layout="constrained")
    for axis, across in zip(axes, ("timesteps", "seconds"), strict=True):
        for name, curve in curves:
            assert curve is not None
            x, y = curve[across].mean(axis=0), curve["score"]
            axis.plot(x, y.mean(axis=0), label=f"{_drawn(name)} ({len(y)})", marker=".")
            axis.fill_between(x, y.min(axis=0), y.max(axis=0), alpha=0.15)
        axis.set_xlabel({"timesteps": "steps", "seconds": "seconds of training, warm start included"}[across])
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("mean reward on validation")
    picture.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize="small"
    )
    picture.suptitle(_drawn(env))
    metadata = {"Date": None} if out.suffix == ".svg" else None
    picture.savefig(out, metadata=metadata, dpi=120)
    pyplot.close(picture)


def _stacked(runs: list[Record]) -> dict[str, np.ndarray] | None:
    """Steps, seconds and scores of runs, (runs, points) each, cut to the shortest; None without any."""
    found = [points for points in map(list, map(_points, runs)) if points]
    if not found:
        return None
    length = min(map(len, found))
    values = np.array([points[:length] for points in found])
    return {name: values[:, :, i] for i, name in enumerate(("timesteps", "seconds", "score"))}


def _points(record: Record) -> Iterator[tuple[float, float, float]]:
    for row in record.curve():
        point = tuple(float(row.get(k, math.nan)) for k in ("timesteps", "seconds", "eval/mean_reward"))
        if not any(map(math.isnan, point)):
            yield point[0], point[1], point[2]


def _drawn(name: str) -> str:
    """A name as matplotlib draws it: no formula, and no leading underscore, which hides a line's label."""
    text = shown(name).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def _apart(table: Table) -> str:
    return ", ".join(f"{name} {value}" for name, value in table.differences.items())


def _name(row: Row) -> str:
    return f"{row.agent} {row.label}".strip()
