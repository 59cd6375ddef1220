"""The lines and the table of the throughput report."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

ROUNDS, WIDTH = 7, 150
Work = Callable[[], float]
"""Does the work once; returns its figure, such as seconds or steps per second."""


@dataclass(frozen=True)
class Comparison:
    """One line of the report.

    Attributes:
        name: The work of this project that was measured.
        ours: Its median, in `unit`.
        against: The work of another library.
        theirs: Its median, in the same unit.
        ratio: Median over rounds of ours / theirs.
        low: The lowest ratio of a round.
        high: The highest ratio of a round.
        unit: "steps/s", "tokens/s", "s" or "bytes/transition".
    """

    name: str
    ours: float
    against: str
    theirs: float
    ratio: float
    low: float
    high: float
    unit: str = "steps/s"


def in_turn(name: str, ours: Work, against: str, theirs: Work, unit: str = "steps/s") -> Comparison:
    """Measures two works in turn, round by round. The first round warms up and is not counted.

    A machine whose speed drifts slows both works, so the ratio stays comparable.
    """
    return of_rounds(name, against, [(ours(), theirs()) for _ in range(ROUNDS + 1)], unit)


def of_rounds(name: str, against: str, rounds: Sequence[tuple[float, float]], unit: str) -> Comparison:
    """Returns the line of (our figure, their figure) of each round; the first warms up and is not counted."""
    pairs = rounds[1:]
    ratios = [a / b for a, b in pairs]
    mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Comparison(
        name, mine, against, other, statistics.median(ratios), min(ratios), max(ratios), unit=unit
    )


def show(title: str, comparisons: Sequence[Comparison]) -> None:
    """Prints a table of comparisons."""
    from rich.text import Text

    from llm_benchmarks.console.fitting_table import Column, Row, print_table
    from llm_benchmarks.console.report import report_console, say

    columns = [
        Column("measured"),
        Column("ours", right=True),
        Column("against", rank=2),
        Column("theirs", right=True, rank=1),
        Column("ratio", right=True),
        Column("lowest to highest", right=True, rank=3, least=len("lowest to highest")),
    ]
    rows = []
    for c in comparisons:
        spread = f"{c.low:.2f} to {c.high:.2f}"
        cells = (
            c.name,
            figure(c.ours, c.unit),
            c.against,
            figure(c.theirs, c.unit),
            f"{c.ratio:.2f}",
            spread,
        )
        rows.append(Row([Text(cell) for cell in cells]))
    console = report_console(WIDTH)
    say(console, title, "bold")
    print_table(console, columns, rows, all_in="--json has all")


def figure(value: float, unit: str) -> str:
    """Returns a figure with its unit."""
    if unit == "s":
        return f"{value * 1e6:,.0f} us" if value < 1e-3 else f"{value:.3f} s"
    return f"{value:,.0f} {unit}" if unit != "bytes/transition" else f"{value:.1f} bytes/transition"
