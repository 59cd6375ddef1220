"""Prints texts of evaluations: source, text, reward."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from llm_benchmarks.console.fitting_table import print_wrapped
from llm_benchmarks.console.report import figure, report_console, say, tell_problems
from llm_benchmarks.leaderboard.badges import badge, verdicts_of
from llm_benchmarks.leaderboard.compare import apart
from llm_benchmarks.leaderboard.tables import leaderboard_tables
from llm_benchmarks.records.index import summaries
from llm_benchmarks.records.store import RecordStore
from llm_envs.checks.suggestions import did_you_mean
from llm_envs.foreign import shown, shown_lines

WIDTH = 100
_LONGEST = 600  # characters of a text that are printed
_MARGIN = " " * 10


@dataclass(frozen=True)
class Sampled:
    """Texts of one row of a table.

    Attributes:
        table: How the table differs from others of the environment; often empty.
        agent: The row's agent.
        label: How the row differs from others of the agent; often empty.
        score: The row's mean reward.
        record: Id of the row's first run, which wrote the texts.
        verified: The badge of that record; empty if it was not verified.
        episodes: Episodes of that record.
    """

    table: str
    agent: str
    label: str
    score: float
    record: str
    verified: str
    episodes: Sequence[Mapping[str, Any]]


def spread(rows: Sequence[Mapping[str, Any]], n: int) -> list[Mapping[str, Any]]:
    """Returns n episodes at even distances, so that every row of a table shows the same examples."""
    n = min(n, len(rows))
    return [rows[i * len(rows) // n] for i in range(n)]


def print_samples(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints episodes, each with its source, its text and its reward."""
    for row in rows:
        for name in ("source", "text"):
            text = shown_lines(_cut(row[name].strip("\n")), _MARGIN) or "(nothing)"
            console.print(f"  {name:<8}{text}", soft_wrap=True, markup=False, highlight=False, emoji=False)
        say(console, f"  reward  {figure(row['reward'])}")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ... ({len(text):,} characters)"


def show_samples(
    store: Path, env: str, agent: str | None, n: int, *, json_output: bool, experiment: str | None = None
) -> int:
    """Prints texts of every row of an environment, for `llm-envs leaderboard samples`.

    Args:
        store: Folder of the records.
        env: Environment id.
        agent: Only this agent's rows.
        n: Texts of each row.
        json_output: Print JSON.
        experiment: Only the runs of this experiment, and the anchors of their tables.

    Returns:
        The exit status.

    Raises:
        ValueError: No completed record matches the environment, agent and experiment.
    """
    problems: dict[str, str] = {}
    records = RecordStore(store)
    tables = leaderboard_tables(summaries(records, problems), env, experiment)
    verdicts = verdicts_of(records, problems)
    tell_problems(problems)
    samples = [
        Sampled(
            table=apart(table),
            agent=row.agent,
            label=row.label,
            score=row.score,
            record=row.records[0],
            verified=badge(row.records[:1], verdicts),
            episodes=spread(records.read(row.records[0]).episodes(), n),
        )
        for table in tables
        for row in table.rows
        if row.records and row.score is not None and agent in (None, row.agent)
    ]
    if not samples:
        agents = sorted({row.agent for table in tables for row in table.rows})
        who = "no record" if agent is None else f"no record of agent {agent!r}"
        near = did_you_mean(agent, agents) if agent is not None and agents else ""
        there = f"{near} there are {', '.join(map(shown, agents))}" if agents else ""
        raise ValueError(f"{who} on {env} was completed in '{store}'{there}")
    status = 1 if problems else 0
    if json_output:
        print(json.dumps([asdict(sampled) for sampled in samples], indent=2))
        return status
    console = report_console(WIDTH)
    for sampled in samples:
        where = f" ({shown(sampled.table)})" if sampled.table else ""
        name = shown(f"{sampled.agent} {sampled.label}".strip(), 400)
        title = f"{shown(env)}{where}: {name}, score {figure(sampled.score)}, record {sampled.record[:12]}"
        title += f", {sampled.verified}" if sampled.verified else ""
        print_wrapped(console, title, "bold")
        print_samples(console, sampled.episodes)
        console.print()
    return status
