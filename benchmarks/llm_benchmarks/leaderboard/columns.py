"""The columns of a printed table. A new column is one more entry of `columns`.

Each entry has a title, the text for a row, and a rank: a narrow terminal drops the highest ranks first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from llm_benchmarks.console.fitting_table import Column
from llm_benchmarks.console.report import figure
from llm_benchmarks.leaderboard.rows import Row
from llm_envs.foreign import shown

NOTHING = "-"
SCORE = "score [95 % interval]"


@dataclass(frozen=True)
class ShownColumn:
    """One column.

    Attributes:
        column: Its title, width and rank.
        text: Returns its text for a row.
    """

    column: Column
    text: Callable[[Row], str]


def columns(metrics: Sequence[str], *, verified: bool = False) -> list[ShownColumn]:
    """Returns the columns of a table after the first, which holds the agent's name.

    Args:
        metrics: The metrics that get a column each.
        verified: Add the badges of `leaderboard verify`.
    """
    badges = ShownColumn(Column("verified", rank=1), lambda row: row.verified or NOTHING)
    return [
        ShownColumn(Column("rank", right=True), rank_text),
        ShownColumn(Column(SCORE, least=len(SCORE)), _interval),
        *([badges] if verified else []),
        ShownColumn(Column("seeds", right=True, rank=2), lambda row: str(row.seeds or NOTHING)),
        ShownColumn(Column("norm.", right=True, rank=3), lambda row: _number(row.normalized, 2)),
        *(
            ShownColumn(
                Column(shown(name.replace("_", " "), 40), right=True, rank=5 + place), partial(_metric, name)
            )
            for place, name in enumerate(metrics)
        ),
        ShownColumn(Column("steps", right=True, rank=4), lambda row: _count(row.training_steps)),
        ShownColumn(Column("time", right=True, rank=9), lambda row: _duration(row.training_seconds)),
        ShownColumn(Column("failed", right=True, rank=10), lambda row: str(row.failed_runs or NOTHING)),
        ShownColumn(Column("beats random", rank=1), lambda row: row.beats_random or NOTHING),
    ]


def _metric(name: str, row: Row) -> str:
    return _number(row.metrics.get(name), 3)


def rank_text(row: Row) -> str:
    """Returns the ranks that a row may have, such as "1" or "2–4"."""
    if row.rank is None:
        return NOTHING
    return str(row.rank) if row.rank == row.rank_last else f"{row.rank}–{row.rank_last}"


def _interval(row: Row) -> str:
    return score_text(row.score, row.low, row.high)


def score_text(score: float | None, low: float | None, high: float | None) -> str:
    """Returns a score with its interval. A single seed leaves the interval open: low and high are None."""
    if score is None:
        return NOTHING
    if low is None or high is None:
        return f"{figure(score)} [  open  ]"
    return f"{figure(score)} [{figure(low)}, {figure(high)}]"


def _number(value: float | None, digits: int) -> str:
    return NOTHING if value is None else figure(value, digits)


def _count(value: float | None) -> str:
    if not value:
        return NOTHING
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if float(f"{value:.3g}") >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.0f}"


def _duration(seconds: float | None) -> str:
    if not seconds:
        return NOTHING
    if seconds < 100:
        return f"{seconds:.0f}s"
    if seconds < 6000:
        return f"{seconds / 60:.0f}min"
    return f"{seconds / 3600:.1f}h"
