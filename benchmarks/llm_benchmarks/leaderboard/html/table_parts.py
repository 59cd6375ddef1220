"""The parts of a table that the page shows without scripts: columns, interval drawings and bars of ties."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from llm_benchmarks.leaderboard.columns import NOTHING, SCORE, columns
from llm_benchmarks.leaderboard.html.definitions import DEFINITIONS, METRIC
from llm_benchmarks.leaderboard.rows import Row
from llm_benchmarks.leaderboard.scores import Scores
from llm_benchmarks.leaderboard.tables import Table
from llm_envs.foreign import shown

WIDTH, HEIGHT = 240, 22
_MARGIN = 8
_BEYOND = 0.15  # intervals are cut where they reach further beyond all scores, as a share of their range

_VALUES: Mapping[str, Callable[[Row], float | None]] = {
    "seeds": lambda row: row.seeds,
    "norm.": lambda row: row.normalized,
    "steps": lambda row: row.training_steps,
    "time": lambda row: row.training_seconds,
    "failed": lambda row: row.failed_runs,
}
_HIDDEN = ("failed",)


@dataclass(frozen=True)
class PageColumn:
    """A column with plain text.

    Attributes:
        key: Its name in the address of the page.
        title: Its title.
        definition: What it means.
        number: Whether it is aligned as a number.
        hidden: Whether it is hidden until the reader asks for it.
        text: Returns the text for a row.
        value: Returns what a row is sorted by; an empty text sorts last.
    """

    key: str
    title: str
    definition: str
    number: bool
    hidden: bool
    text: Callable[[Row], str]
    value: Callable[[Row], str]


def page_columns(table: Table) -> list[PageColumn]:
    """Returns the columns of the terminal's table, without rank and score, which are drawn."""
    metrics = {shown(name.replace("_", " "), 40): name for name in table.main_metrics}
    made = []
    verified = any(row.verified for row in table.rows)
    for column in columns(table.main_metrics, verified=verified):
        title = column.column.name
        if title not in ("rank", SCORE):
            sort = _sorter(title, metrics, column.text)
            made.append(
                PageColumn(
                    key=title.replace(" ", "_").strip("."),
                    title=title,
                    definition=METRIC if title in metrics else DEFINITIONS.get(title, ""),
                    number=column.column.right,
                    hidden=title in _HIDDEN and not any(row.failed_runs for row in table.rows),
                    text=column.text,
                    value=sort,
                )
            )
    return made


def _sorter(title: str, metrics: Mapping[str, str], text: Callable[[Row], str]) -> Callable[[Row], str]:
    if title in metrics:
        name = metrics[title]
        return lambda row: _sortable(row.metrics.get(name))
    if title in _VALUES:
        value = _VALUES[title]
        return lambda row: _sortable(value(row))
    return lambda row: text(row).replace(NOTHING, "")


def _sortable(value: float | None) -> str:
    return "" if value is None else repr(float(value))


@dataclass(frozen=True)
class Drawn:
    """One interval in the coordinates of its drawing.

    Attributes:
        score: Where the mean lies, in pixels.
        low: Where the interval begins; None if it is open.
        high: Where it ends; None likewise.
        cut_low: The interval begins further to the left.
        cut_high: The interval ends further to the right.
        seeds: Where the score of each seed lies.
    """

    score: float
    low: float | None
    high: float | None
    cut_low: bool
    cut_high: bool
    seeds: tuple[float, ...]


class IntervalAxis:
    """The common axis of the intervals of a table.

    Args:
        table: The table.
        scores: The scores of its rows.
    """

    def __init__(self, table: Table, scores: Sequence[Scores]) -> None:
        seeds = [seed for row_scores in scores for seed in row_scores.by_seed.values()]
        known = [row.score for row in table.rows if row.score is not None] + seeds + [*(table.scale or ())]
        low, high = min(known, default=0.0), max(known, default=1.0)
        beyond = _BEYOND * ((high - low) or 1.0)
        lows = [row.low for row in table.rows if row.low is not None]
        highs = [row.high for row in table.rows if row.high is not None]
        self.low = max(low - beyond, min([low, *lows]))
        self.high = min(high + beyond, max([high, *highs]))
        if self.high == self.low:
            self.low, self.high = self.low - 0.5, self.high + 0.5
        self.anchors = {
            name: self.place(value)
            for name, value in zip(("random", "reference"), table.scale or (), strict=False)
        }

    def place(self, value: float) -> float:
        """Returns where a value lies, in pixels; values beyond the axis lie at its ends."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(_MARGIN + share * (WIDTH - 2 * _MARGIN), 1)

    def ticks(self) -> list[tuple[float, str]]:
        """Returns place and label of two to six round numbers."""
        width = self.high - self.low
        size = 10.0 ** math.floor(math.log10(width / 2))
        step = next(size * m for m in (1, 2, 5, 10) if width / (size * m) <= 5)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [(self.place(i * step), f"{i * step:.3g}") for i in range(first, last + 1)]

    def draw(self, row: Row, scores: Scores) -> Drawn | None:
        """Returns the drawing of a row; None if it has no score."""
        if row.score is None:
            return None
        return Drawn(
            score=self.place(row.score),
            low=None if row.low is None else self.place(row.low),
            high=None if row.high is None else self.place(row.high),
            cut_low=row.low is not None and row.low < self.low,
            cut_high=row.high is not None and row.high > self.high,
            seeds=tuple(map(self.place, scores.by_seed.values())),
        )


def lanes(table: Table) -> list[list[str]]:
    """Returns for each row the pieces of the bars that join tied rows, one for each lane.

    Returns:
        "start", "mid", "end" or "" (no bar) for each row and lane.
    """
    taken: list[int] = []  # last row of each lane
    placed = []
    for first, last in table.tie_groups:
        lane = next((i for i, end in enumerate(taken) if end < first), len(taken))
        taken[lane : lane + 1] = [last]
        placed.append((lane, first, last))
    pieces = [["" for _ in taken] for _ in table.rows]
    for lane, first, last in placed:
        for i in range(first, last + 1):
            pieces[i][lane] = "start" if i == first else "end" if i == last else "mid"
    return pieces
