"""A comparison in Markdown, for a page of results: the matrix, the course of held-out values, some texts."""

from __future__ import annotations

from collections.abc import Sequence

from llm_benchmarks.console.report import figure
from llm_benchmarks.leaderboard.statistics import Interval
from llm_benchmarks.rewards.comparison.found import Found
from llm_envs.foreign import shown

_LONGEST = 120


def summary(found: Found) -> str:
    """Returns the tables of a comparison as Markdown."""
    names = [column.name for column in found.columns]
    parts = [
        _table(
            ["trained on", *names, "tokens"],
            [
                [
                    name,
                    *(_interval(row[column].interval) for column in names),
                    figure(found.varieties[name].length.estimate, 1),
                ]
                for name, row in found.table.items()
            ],
        )
    ]
    for column in found.held_out:
        rows = [
            [name, figure(one.start), figure(one.peak), f"{one.peak_timesteps:,.0f}", figure(one.last)]
            for name, one in found.courses[column.name].items()
            if one is not None
        ]
        if rows:
            parts.append(_table([f"{column.name} on validation", "start", "peak", "at step", "last"], rows))
    rows = [[shown(one.source, _LONGEST), *(_text(side.text) for side in one.sides)] for one in found.samples]
    parts.append(_table(["source", *found.designs], rows))
    return "\n\n".join(parts) + "\n"


def _interval(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return figure(interval.estimate)
    return f"{figure(interval.estimate)} [{figure(interval.low)}, {figure(interval.high)}]"


def _text(text: str) -> str:
    return shown(" / ".join(text.split("\n")), _LONGEST) or "(empty)"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a table; nothing in a cell can end it."""
    lines = [header, ["---"] * len(header), *rows]
    escaped = [
        [cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;") for cell in line]
        for line in lines
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)
