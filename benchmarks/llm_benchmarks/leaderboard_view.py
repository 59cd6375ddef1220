"""Prints the leaderboard: tables for a person, or JSON with the same numbers for a program."""

from __future__ import annotations

import json as json_library
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from llm_benchmarks.leaderboard import ANCHORS, Row, Table, leaderboard_tables
from llm_benchmarks.report_console import figure, plain, report_console, say, tell_problems
from llm_benchmarks.store import RecordStore
from llm_envs.foreign import shown

WIDTH = 100
NOTHING = "-"
_DIFFERENCES = 20  # lines of them above one table


@dataclass(frozen=True)
class Leaderboard:
    """What a store shows.

    Attributes:
        tables: One for each set of comparable scores.
        problems: Id of each record that cannot be read -> what is wrong with it.
    """

    tables: tuple[Table, ...]
    problems: Mapping[str, str]

    def to_json(self) -> str:
        """The same numbers for a program."""
        tables = [table.to_dict() for table in self.tables]
        value = {"tables": tables, "problems": dict(self.problems)}
        return json_library.dumps(value, indent=2, allow_nan=False)


def read_leaderboard(store: RecordStore | str | os.PathLike[str], env: str | None = None) -> Leaderboard:
    """Make the tables of a store; records that cannot be read are left out, and stand in `problems`."""
    store = store if isinstance(store, RecordStore) else RecordStore(store)
    problems: dict[str, str] = {}
    return Leaderboard(tuple(leaderboard_tables(store.records(problems), env)), problems)


def show(
    store: RecordStore | str | os.PathLike[str],
    env: str | None = None,
    json: bool = False,
    console: Console | None = None,
) -> Leaderboard:
    """Print a store's leaderboard, and on standard error a line for each record that cannot be read.

    Args:
        store: The store or its folder.
        env: Only this environment id.
        json: Print JSON instead of tables.
        console: Where to print; standard output if omitted, 100 columns wide if it is no terminal.

    Returns:
        What was printed; `problems` tells whether every record could be read.
    """
    board = read_leaderboard(store, env)
    tell_problems(board.problems)
    if console is None:
        console = report_console(WIDTH)
    if json:
        console.file.write(board.to_json() + "\n")
        return board
    if not board.tables:
        which = "no records" if env is None else f"no records of {env}"
        say(console, f"{which} in {getattr(store, 'path', store)}")
    for table in board.tables:
        print_table(table, console)
    return board


def print_table(table: Table, console: Console) -> None:
    """Print one table and, below it, the meaning of the marks it uses."""
    # Lines are not wrapped: a word of somebody's would begin the next as if it were a line of ours.
    console.print(plain(table.env, "bold"), plain(_subtitle(table), "dim"), soft_wrap=True)
    for name, value in list(table.differences.items())[:_DIFFERENCES]:
        say(console, shown(f"  {name}: {value}"), "cyan")
    if len(table.differences) > _DIFFERENCES:
        console.print(Text(f"  and {len(table.differences) - _DIFFERENCES} more", style="cyan"))
    grid = RichTable(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    grid.add_column("agent", overflow="fold", min_width=14)
    grid.add_column("score [95 % interval]", no_wrap=True)
    right = ["seeds", "norm.", *table.main_metrics, "steps", "time", "failed"]
    for name in right:
        header = plain(name.replace("_", " "), limit=40)
        grid.add_column(header, justify="right", overflow="fold", max_width=8)
    grid.add_column("beats random", overflow="fold", max_width=9)
    marks = _Marks()
    for row in table.rows:
        style = "dim" if row.agent in ANCHORS else ""
        grid.add_row(*_cells(row, table.main_metrics, marks), style=style)
    console.print(Padding(grid, (0, 0, 0, 2)))
    for line in marks.meanings():
        console.print(Padding(Text(line, style="dim"), (0, 0, 0, 2)))
    console.print()


class _Marks:
    """Numbers notes in the order in which the rows need them."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def of(self, notes: Sequence[str]) -> str:
        numbers = [self._numbers.setdefault(note, len(self._numbers) + 1) for note in notes]
        return "".join(f" [{number}]" for number in numbers)

    def meanings(self) -> list[str]:
        return [f"[{number}] {note}" for note, number in self._numbers.items()]


def _cells(row: Row, metrics: Sequence[str], marks: _Marks) -> list[str | Text]:
    notes = list(row.notes)
    if row.not_above_constant:
        notes.insert(0, "not above the best constant text")
    if row.interval == "cluster t":
        notes.append("not trained: its interval is over the examples played")
    if row.retried_runs:
        notes.append("runs that failed were completed when tried again")
    agent = plain(row.agent).append(marks.of(notes))
    if row.label:
        agent.append("\n").append_text(plain(row.label, "dim", limit=200))
    return [
        agent,
        _interval(row),
        str(row.seeds) if row.seeds else NOTHING,
        _number(row.normalized, 2),
        *(_number(row.metrics.get(name), 3) for name in metrics),
        _count(row.training_steps),
        _duration(row.training_seconds),
        str(row.failed_runs) if row.failed_runs else NOTHING,
        row.beats_random or NOTHING,
    ]


def _subtitle(table: Table) -> str:
    if table.signature is None:
        return "runs that failed before their environment was made"
    return f"{table.dataset}, {table.evaluation_split} split"


def _interval(row: Row) -> Text:
    if row.score is None:
        return Text(NOTHING)
    if row.low is None or row.high is None:
        return Text(f"{figure(row.score)} [  open  ]")
    return Text(f"{figure(row.score)} [{figure(row.low)}, {figure(row.high)}]")


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
