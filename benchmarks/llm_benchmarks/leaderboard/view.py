"""Prints the leaderboard: tables to read, or JSON with the same numbers for a program."""

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
from llm_benchmarks.console.report import plain, report_console, say, tell_problems
from llm_benchmarks.leaderboard.badges import LEGEND, with_badges
from llm_benchmarks.leaderboard.baselines import beside
from llm_benchmarks.leaderboard.columns import columns
from llm_benchmarks.leaderboard.rows import ANCHORS, Row
from llm_benchmarks.leaderboard.tables import Table, leaderboard_tables
from llm_benchmarks.records.additions import with_additions
from llm_benchmarks.records.index import summaries
from llm_benchmarks.records.store import RecordStore
from llm_envs.foreign import shown

WIDTH = 100
_DIFFERENCES = 20  # lines with differences above one table


@dataclass(frozen=True)
class Leaderboard:
    """The leaderboard of a store.

    Attributes:
        tables: One table for each set of comparable scores.
        problems: Id of each record that cannot be read -> what is wrong with it.
    """

    tables: tuple[Table, ...]
    problems: Mapping[str, str]

    def to_json(self) -> str:
        """Returns the tables as JSON for a program."""
        tables = [table.to_dict() for table in self.tables]
        value = {"tables": tables, "problems": dict(self.problems)}
        return json_library.dumps(value, indent=2, allow_nan=False)


def read_leaderboard(
    store: RecordStore | str | os.PathLike[str],
    env: str | None = None,
    experiment: str | None = None,
    score: str | None = None,
) -> Leaderboard:
    """Returns the tables of a store. Records that cannot be read are left out and listed in `problems`.

    Args:
        store: The store or its folder.
        env: Only this environment id.
        experiment: Only the runs of this experiment, and the anchors of their tables.
        score: An added reward that scores instead of the records' own. The badges, which prove those, are
            left out then.

    Raises:
        ValueError: No record belongs to the experiment, or the score is a metric.
        KeyError: No such score was added.
    """
    store = store if isinstance(store, RecordStore) else RecordStore(store)
    problems: dict[str, str] = {}
    records = with_additions(store, summaries(store, problems), problems, score)
    tables = leaderboard_tables(records, env, experiment)
    shown_tables = with_badges(tables, store, problems) if score is None else tuple(tables)
    return Leaderboard(shown_tables, problems)


def show(
    store: RecordStore | str | os.PathLike[str],
    env: str | None = None,
    json: bool = False,
    console: Console | None = None,
    experiment: str | None = None,
    score: str | None = None,
) -> Leaderboard:
    """Prints a store's leaderboard, and on standard error a line for each record that cannot be read.

    Args:
        store: The store or its folder.
        env: Only this environment id.
        json: Print JSON instead of tables.
        console: Where to print; standard output if omitted, 100 columns wide if it is no terminal.
        experiment: Only the runs of this experiment, and the anchors of their tables.
        score: An added reward that scores instead of the records' own.

    Returns:
        The leaderboard that was printed; `problems` is empty if every record could be read.

    Raises:
        ValueError: No record belongs to the experiment.
    """
    board = read_leaderboard(store, env, experiment, score)
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
        with console:  # a write for each table, not for each line
            print_table(table, console)
    return board


def print_table(table: Table, console: Console) -> None:
    """Prints one table and, below it, the notes of its rows."""
    # Lines are not wrapped: a wrapped text from a record could pass for a line of this program.
    console.print(plain(table.env, "bold"), plain(_subtitle(table), "dim"), soft_wrap=True)
    for name, value in list(table.differences.items())[:_DIFFERENCES]:
        say(console, shown(f"  {name}: {value}"), "cyan")
    if len(table.differences) > _DIFFERENCES:
        console.print(Text(f"  and {len(table.differences) - _DIFFERENCES} more", style="cyan"))
    verified = any(row.verified for row in table.rows)
    shown_columns = columns(table.main_metrics, verified=verified)
    marks = _Marks()
    rows = [
        FittingRow(
            [_name(row, marks), *(Text(column.text(row)) for column in shown_columns)],
            below=plain(row.label, "dim", limit=200),
            style="dim" if row.agent in ANCHORS else "",
        )
        for row in table.rows
    ]
    heads = [Column("agent", least=14), *(column.column for column in shown_columns)]
    fitting_table.print_table(console, heads, rows, indent=2, all_in="--json has all")
    legend = [LEGEND] if verified else []
    trained = [shown(line, None) for line in trained_lines(table)]
    shipped = [line] if (line := beside(table)) else []
    for line in (*ranks_lines(table), *marks.meanings(), *legend, *trained, *shipped):
        print_wrapped(console, line, "dim", indent=2)
    console.print()


def ranks_lines(table: Table) -> list[str]:
    """Returns a line that says how many neighbours can be told apart, if there are neighbours."""
    neighbours = len(table.p_values) - 1
    if neighbours < 1:
        return []
    return [f"ranks: {table.neighbours_apart} of {neighbours} rows can be told apart from the next one"]


def trained_lines(table: Table) -> list[str]:
    """Returns one line for each set of rows that were trained on the same.

    Returns:
        Lines such as "sb3_dqn: trained on 10*bleu+5*chrf, dense, discount 0.6". The label of a row is added
        if other rows of its agent were trained on something else.
    """
    names_by_training: dict[str, list[str]] = {}
    for row in table.rows:
        if row.trained_on:
            training = "; ".join(row.trained_on.values())
            names_by_training.setdefault(training, []).append(_distinct_name(row, table.rows))
    return [
        f"{', '.join(dict.fromkeys(names))}: trained on {training}"
        for training, names in names_by_training.items()
    ]


def _distinct_name(row: Row, rows: Sequence[Row]) -> str:
    others = [other.trained_on for other in rows if other.agent == row.agent and other.trained_on]
    same = all(other == row.trained_on for other in others)
    return row.agent if same or not row.label else f"{row.agent} {row.label}"


class _Marks:
    """Numbers the notes in the order of the rows that have them."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def of(self, notes: Sequence[str]) -> str:
        numbers = [self._numbers.setdefault(note, len(self._numbers) + 1) for note in notes]
        return "".join(f" [{number}]" for number in numbers)

    def meanings(self) -> list[str]:
        return [f"[{number}] {note}" for note, number in self._numbers.items()]


def _name(row: Row, marks: _Marks) -> Text:
    """Returns the agent's name with the numbers of its notes."""
    notes = list(row.notes)
    if row.not_above_constant:
        notes.insert(0, "not above the best constant text")
    if row.interval == "cluster t":
        notes.append("not trained: its interval is over the examples played")
    if row.retried_runs:
        notes.append("runs that failed were completed when tried again")
    return plain(row.agent, limit=200).append(marks.of(notes))


def _subtitle(table: Table) -> str:
    if table.signature is None:
        return "runs that failed before their environment was made"
    return f"{table.dataset}, {table.evaluation_split} split"
