"""Prints the leaderboard: tables for a person, or JSON with the same numbers for a program."""

from __future__ import annotations

import json as json_library
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from llm_benchmarks.console import fitting_table
from llm_benchmarks.console.fitting_table import Column, print_wrapped
from llm_benchmarks.console.fitting_table import Row as FittingRow
from llm_benchmarks.console.report import figure, plain, report_console, say, tell_problems
from llm_benchmarks.leaderboard.tables import ANCHORS, Row, Table, leaderboard_tables
from llm_benchmarks.records.store import RecordStore
from llm_envs.foreign import shown

WIDTH = 100
NOTHING = "-"
_SCORE = "score [95 % interval]"
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
    metrics = [
        Column(shown(name.replace("_", " "), 40), right=True, rank=5 + place)
        for place, name in enumerate(table.main_metrics)
    ]
    columns = [
        Column("agent", least=14),
        Column(_SCORE, least=len(_SCORE)),
        Column("seeds", right=True, rank=2),
        Column("norm.", right=True, rank=3),
        *metrics,
        Column("steps", right=True, rank=4),
        Column("time", right=True, rank=9),
        Column("failed", right=True, rank=10),
        Column("beats random", rank=1),
    ]
    marks = _Marks()
    rows = [
        FittingRow(
            _cells(row, table.main_metrics, marks),
            below=plain(row.label, "dim", limit=200),
            style="dim" if row.agent in ANCHORS else "",
        )
        for row in table.rows
    ]
    fitting_table.print_table(console, columns, rows, indent=2, all_in="--json has all")
    for line in (*marks.meanings(), *(shown(line, None) for line in trained_lines(table))):
        print_wrapped(console, line, "dim", indent=2)
    console.print()


def trained_lines(table: Table) -> list[str]:
    """What the rows of a table were trained on, a line for those that were trained on the same.

    Returns:
        Lines such as "sb3_dqn: trained on 10*bleu+5*chrf, dense, discount 0.6"; a row is told by its label,
        too, where other rows of its agent were trained on something else.
    """
    told: dict[str, list[str]] = {}
    for row in table.rows:
        if row.trained_on:
            told.setdefault("; ".join(row.trained_on.values()), []).append(_told_apart(row, table.rows))
    return [f"{', '.join(dict.fromkeys(names))}: trained on {what}" for what, names in told.items()]


def _told_apart(row: Row, rows: Sequence[Row]) -> str:
    others = [other.trained_on for other in rows if other.agent == row.agent and other.trained_on]
    same = all(other == row.trained_on for other in others)
    return row.agent if same or not row.label else f"{row.agent} {row.label}"


class _Marks:
    """Numbers notes in the order in which the rows need them."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def of(self, notes: Sequence[str]) -> str:
        numbers = [self._numbers.setdefault(note, len(self._numbers) + 1) for note in notes]
        return "".join(f" [{number}]" for number in numbers)

    def meanings(self) -> list[str]:
        return [f"[{number}] {note}" for note, number in self._numbers.items()]


def _cells(row: Row, metrics: Sequence[str], marks: _Marks) -> list[Text]:
    notes = list(row.notes)
    if row.not_above_constant:
        notes.insert(0, "not above the best constant text")
    if row.interval == "cluster t":
        notes.append("not trained: its interval is over the examples played")
    if row.retried_runs:
        notes.append("runs that failed were completed when tried again")
    values = [
        str(row.seeds) if row.seeds else NOTHING,
        _number(row.normalized, 2),
        *(_number(row.metrics.get(name), 3) for name in metrics),
        _count(row.training_steps),
        _duration(row.training_seconds),
        str(row.failed_runs) if row.failed_runs else NOTHING,
        row.beats_random or NOTHING,
    ]
    return [plain(row.agent, limit=200).append(marks.of(notes)), _interval(row), *map(Text, values)]


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
