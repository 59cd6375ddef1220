"""Prints the report of a file of judgements."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from llm_benchmarks.console.fitting_table import Column, Row, print_table, print_wrapped
from llm_benchmarks.console.report import plain, report_console
from llm_benchmarks.leaderboard.statistics import Interval
from llm_benchmarks.rewards.rating.agreement import Agreement
from llm_benchmarks.rewards.rating.judgements import read_judgements
from llm_benchmarks.rewards.rating.report import AgentRow, Report, make_report
from llm_envs.foreign import shown

_WIDTH = 100


def show_report(file: Path, *, json_output: bool) -> None:
    """Prints the report.

    Raises:
        ValueError: The file holds no judgements.
        OSError: It cannot be read.
    """
    report = make_report(read_judgements(file))
    if json_output:
        print(json.dumps(report.to_dict(), indent=2))
        return
    console = report_console(_WIDTH)
    judged = sum(row.judged for row in report.raters)
    raters = sum(row.judged > 0 for row in report.raters)
    title = (
        f"{report.question} {judged} answers of {_count(raters, 'rater')} to {_count(report.items, 'item')}"
    )
    print_wrapped(console, shown(title, 400), "bold")
    for line in (_agreed(report.agreement), _sides(report)):
        print_wrapped(console, line)
    console.print()
    _print_agents(console, report)
    _print_raters(console, report)


def _agreed(found: Agreement) -> str:
    if not found.items:
        return "agreement: no item has answers of two raters"
    over = f"{_count(found.items, 'item')} with two raters or more"
    if found.alpha is None:
        return f"agreement: all answers are the same, on {over}; alpha is undefined"
    reach = "" if found.low is None else f", 95 % interval {found.low:.2f} to {found.high:.2f}"
    return f"agreement: Krippendorff's alpha {found.alpha:.2f}{reach}, on {over}"


def _sides(report: Report) -> str:
    if report.scale == "absolute":
        return "order: one text at a time"
    if report.left is None:
        return "order: nobody has chosen a text"
    side = report.left.side_of(0.5)
    verdict = {"above": "the first was preferred", "below": "the second was preferred"}.get(
        side, "neither place was preferred for certain"
    )
    return f"order: the text in the first place won {_share(report.left)}; {verdict}"


def _print_agents(console: Console, report: Report) -> None:
    pairs = report.scale == "pairs"
    columns = [
        Column("agent"),
        *([Column("against")] if report.pairs else []),
        Column("answers", right=True),
        *([Column("wins", right=True, rank=1), Column("ties", right=True, rank=1)] if pairs else []),
        Column("win rate [95 % interval]" if pairs else "rating [95 % interval]", right=True),
    ]

    def cells(row: AgentRow) -> Row:
        return Row(
            [
                plain(row.name or "(unknown)"),
                *([plain(row.against or "all others")] if report.pairs else []),
                plain(row.judged),
                *([plain(row.wins), plain(row.ties)] if pairs else []),
                plain(_share(row.score)),
            ]
        )

    rows = [cells(row) for row in (*report.agents, *report.pairs)]
    if not rows:
        print_wrapped(console, "the file does not say which agents wrote the texts, or has no answers")
    else:
        print_table(console, columns, rows, all_in="--json has all")
    console.print()


def _print_raters(console: Console, report: Report) -> None:
    columns = [
        Column("rater"),
        *(Column(name, right=True) for name in ("answers", "skipped", "ties", "first", "median seconds")),
    ]
    rows = [
        Row(
            [
                plain(row.name),
                plain(row.judged),
                plain(row.skipped),
                plain(row.ties),
                plain("" if row.left is None else f"{row.left:.2f}"),
                plain("" if row.seconds is None else f"{row.seconds:.1f}"),
            ]
        )
        for row in report.raters
    ]
    print_table(console, columns, rows)


def _share(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return f"{interval.estimate:.2f}"
    return f"{interval.estimate:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
