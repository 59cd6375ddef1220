"""One agent beside the others of its tables: differences with intervals."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.text import Text

from llm_benchmarks.console.fitting_table import Column, print_table, print_wrapped
from llm_benchmarks.console.fitting_table import Row as FittingRow
from llm_benchmarks.console.report import figure, plain, report_console, signed, tell_problems
from llm_benchmarks.leaderboard.rows import Row
from llm_benchmarks.leaderboard.scores import Scores, difference
from llm_benchmarks.leaderboard.statistics import Interval
from llm_benchmarks.leaderboard.tables import Table, leaderboard_tables
from llm_benchmarks.records.store import RecordStore
from llm_envs.checks.suggestions import did_you_mean
from llm_envs.foreign import shown

WIDTH = 110
_COLUMNS = (
    Column("against"),
    Column("score", rank=2),
    Column("difference [95 % interval]", least=len("difference [95 % interval]")),
    Column("judged", rank=3),
    Column("pairs", rank=4),
    Column("verdict", rank=1),
)
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
    store: RecordStore,
    agent: str,
    env: str | None = None,
    problems: dict[str, str] | None = None,
    experiment: str | None = None,
) -> list[Compared]:
    """Every row of an agent beside every other row of its table.

    Args:
        store: The records.
        agent: The agent's name.
        env: Only this environment id.
        problems: Is filled with id -> what is wrong, for each record that cannot be read.
        experiment: Only the runs of this experiment, beside the anchors of their tables.

    Raises:
        ValueError: No row of that name has a score, or no record belongs to the experiment.
    """
    records = {record.id: record for record in store.records(problems)}
    found, agents = [], set[str]()
    for table in leaderboard_tables(records.values(), env, experiment):
        scores = {id(row): Scores.of(records[i] for i in row.records) for row in table.rows if row.records}
        rows = [row for row in table.rows if id(row) in scores]
        agents.update(row.agent for row in rows)
        for mine in (row for row in rows if row.agent == agent):
            for other in (row for row in rows if row is not mine):
                a, b = scores[id(mine)], scores[id(other)]
                by, judged = difference(a, b)
                found.append(
                    Compared(
                        table.env, apart(table), row_name(mine), row_name(other), a.mean, b.mean, by, judged
                    )
                )
    if not found:
        near = "" if agent in agents or not agents else did_you_mean(agent, agents)
        there = f"{near} there are {', '.join(map(shown, sorted(agents)))}" if near else ""
        raise ValueError(f"no completed runs of {agent!r} beside others in '{store.path}'{there}")
    return found


def show_comparison(
    store: Path, agent: str, env: str | None, json_output: bool, experiment: str | None = None
) -> int:
    """Prints the comparison; returns the exit status."""
    problems: dict[str, str] = {}
    try:
        found = compare(RecordStore(store), agent, env, problems, experiment)
    finally:
        tell_problems(problems)
    status = 1 if problems else 0
    if json_output:
        print(json.dumps([asdict(one) for one in found], indent=2, allow_nan=False))
        return status
    console = report_console(WIDTH)
    for key in dict.fromkeys((one.env, one.table, one.agent, one.score) for one in found):
        told = f" ({shown(key[1])})" if key[1] else ""
        print_wrapped(console, f"{shown(key[0])}{told}: {shown(key[2])} {figure(key[3])}", "bold")
        rows = []
        for one in (one for one in found if (one.env, one.table, one.agent, one.score) == key):
            by = one.difference
            ends = "open" if by.low is None or by.high is None else f"[{signed(by.low)}, {signed(by.high)}]"
            verdict = _VERDICTS[by.side_of(0.0)]
            values = figure(one.other_score), f"{signed(by.estimate)} {ends}", one.judged, str(by.n), verdict
            rows.append(FittingRow([plain(one.other, limit=400), *map(Text, values)]))
        print_table(console, _COLUMNS, rows, all_in="--json has all")
        console.print()
    return status


def apart(table: Table) -> str:
    """What sets a table apart from others of its environment, in a line."""
    return ", ".join(f"{name} {value}" for name, value in table.differences.items())


def row_name(row: Row) -> str:
    """An agent's name, and what sets its row apart from others of that name."""
    return f"{row.agent} {row.label}".strip()
