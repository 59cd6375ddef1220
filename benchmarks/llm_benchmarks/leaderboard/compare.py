"""Compares one agent with the others of its tables: differences of scores, with intervals."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.text import Text

from llm_benchmarks.console.fitting_table import Column, print_table, print_wrapped
from llm_benchmarks.console.fitting_table import Row as FittingRow
from llm_benchmarks.console.report import figure, plain, report_console, signed, tell_problems
from llm_benchmarks.leaderboard.aggregates import probability_of_improvement
from llm_benchmarks.leaderboard.badges import with_badges
from llm_benchmarks.leaderboard.rows import Row
from llm_benchmarks.leaderboard.scores import Scores, difference
from llm_benchmarks.leaderboard.statistics import Interval
from llm_benchmarks.leaderboard.tables import Table, leaderboard_tables
from llm_benchmarks.records.additions import with_additions
from llm_benchmarks.records.index import summaries
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
    Column("P(better)", right=True, rank=5),
    Column("verdict", rank=1),
)
_VERDICTS = {"above": "better", "below": "worse", "unclear": "unclear"}


@dataclass(frozen=True)
class Compared:
    """The comparison of two rows of a table.

    Attributes:
        env: The environment's id.
        table: How the table differs from others of the environment, such as in the data set; often empty.
        agent: The row's name.
        other: The other row's name.
        score: The row's mean reward.
        other_score: The other row's mean reward.
        difference: score - other_score, with its interval.
        judged: How the interval was computed: "paired by seed", "welch" or "by example".
        probability_of_improvement: How likely a run of the row is to score higher than a run of the other.
        verified: The badge of the row; empty if one of its records was not verified.
        other_verified: The badge of the other row.
    """

    env: str
    table: str
    agent: str
    other: str
    score: float
    other_score: float
    difference: Interval
    judged: str
    probability_of_improvement: float
    verified: str = ""
    other_verified: str = ""


def compare(
    store: RecordStore,
    agent: str,
    env: str | None = None,
    problems: dict[str, str] | None = None,
    experiment: str | None = None,
    score: str | None = None,
) -> list[Compared]:
    """Compares every row of an agent with every other row of its table.

    Args:
        store: The records.
        agent: The agent's name.
        env: Only this environment id.
        problems: Receives id -> what is wrong, for each record that cannot be read.
        experiment: Only the runs of this experiment, and the anchors of their tables.
        score: An added reward that scores instead of the records' own.

    Raises:
        ValueError: No row of that name has a score, or no record belongs to the experiment.
        KeyError: No such score was added.
    """
    problems = {} if problems is None else problems
    scored = with_additions(store, summaries(store, problems), problems, score)
    records = {record.id: record for record in scored}
    comparisons, agents = [], set[str]()
    tables = leaderboard_tables(records.values(), env, experiment)
    for table in with_badges(tables, store, problems) if score is None else tables:
        scores = {id(row): Scores.of(records[i] for i in row.records) for row in table.rows if row.records}
        rows = [row for row in table.rows if id(row) in scores]
        agents.update(row.agent for row in rows)
        for row in (row for row in rows if row.agent == agent):
            for other in (other for other in rows if other is not row):
                a, b = scores[id(row)], scores[id(other)]
                interval, judged = difference(a, b)
                comparisons.append(
                    Compared(
                        table.env,
                        apart(table),
                        row_name(row),
                        row_name(other),
                        a.mean,
                        b.mean,
                        interval,
                        judged,
                        probability_of_improvement([a.per_run], [b.per_run]),
                        row.verified,
                        other.verified,
                    )
                )
    if not comparisons:
        near = "" if agent in agents or not agents else did_you_mean(agent, agents)
        there = f"{near} there are {', '.join(map(shown, sorted(agents)))}" if near else ""
        raise ValueError(f"no completed runs of {agent!r} beside others in '{store.path}'{there}")
    return comparisons


def show_comparison(
    store: Path,
    agent: str,
    env: str | None,
    json_output: bool,
    experiment: str | None = None,
    score: str | None = None,
) -> int:
    """Prints the comparison; returns the exit status."""
    problems: dict[str, str] = {}
    try:
        comparisons = compare(RecordStore(store), agent, env, problems, experiment, score)
    finally:
        tell_problems(problems)
    status = 1 if problems else 0
    if json_output:
        print(json.dumps([asdict(compared) for compared in comparisons], indent=2, allow_nan=False))
        return status
    console = report_console(WIDTH)
    for key in dict.fromkeys(map(_row_key, comparisons)):
        env_id, table, name, mean, verified = key
        where = f" ({shown(table)})" if table else ""
        proved = f", {verified}" if verified else ""
        print_wrapped(console, f"{shown(env_id)}{where}: {shown(name)} {figure(mean)}{proved}", "bold")
        rows = [_line(compared) for compared in comparisons if _row_key(compared) == key]
        print_table(console, _COLUMNS, rows, all_in="--json has all")
        console.print()
    return status


def _row_key(compared: Compared) -> tuple[str, str, str, float, str]:
    return compared.env, compared.table, compared.agent, compared.score, compared.verified


def _line(compared: Compared) -> FittingRow:
    interval = compared.difference
    ends = "open"
    if interval.low is not None and interval.high is not None:
        ends = f"[{signed(interval.low)}, {signed(interval.high)}]"
    values = (
        figure(compared.other_score),
        f"{signed(interval.estimate)} {ends}",
        compared.judged,
        str(interval.n),
        figure(compared.probability_of_improvement, 2),
        _VERDICTS[interval.side_of(0.0)],
    )
    name = plain(compared.other, limit=400)
    if compared.other_verified:
        name.append(f", {compared.other_verified}")
    return FittingRow([name, *map(Text, values)])


def apart(table: Table) -> str:
    """Returns how a table differs from others of its environment, in one line."""
    return ", ".join(f"{name} {value}" for name, value in table.differences.items())


def row_name(row: Row) -> str:
    """Returns the agent's name and the label of its row."""
    return f"{row.agent} {row.label}".strip()
