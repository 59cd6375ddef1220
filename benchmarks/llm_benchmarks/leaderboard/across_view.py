"""Prints statistics over several environments, for `llm-envs leaderboard across`."""

from __future__ import annotations

import json
from pathlib import Path

from rich.text import Text

from llm_benchmarks.console.fitting_table import Column, Row, print_table, print_wrapped
from llm_benchmarks.console.report import plain, report_console, tell_problems
from llm_benchmarks.leaderboard.across import LEAST_SEEDS, across
from llm_benchmarks.leaderboard.columns import score_text
from llm_benchmarks.leaderboard.scores import Scores
from llm_benchmarks.leaderboard.tables import leaderboard_tables
from llm_benchmarks.records.index import summaries
from llm_benchmarks.records.store import RecordStore
from llm_envs.foreign import shown

WIDTH = 120


def show_across(store: Path, *, json_output: bool, experiment: str | None = None) -> int:
    """Prints IQM, median, mean and optimality gap of agents that share environments.

    Args:
        store: Folder of the records.
        json_output: Print JSON, with the performance profiles.
        experiment: Only the runs of this experiment, and the anchors of their tables.

    Returns:
        The exit status.

    Raises:
        ValueError: No two trained agents share two environments.
    """
    problems: dict[str, str] = {}
    records = {record.id: record for record in summaries(RecordStore(store), problems)}
    tables = leaderboard_tables(records.values(), None, experiment)
    tell_problems(problems)
    scores = [[Scores.of(records[id] for id in row.records) for row in table.rows] for table in tables]
    found = across(tables, scores)
    if found is None:
        raise ValueError(
            f"no two trained agents in '{store}' share two environments with {LEAST_SEEDS} seeds each"
        )
    names = [f"{tables[t].env} ({tables[t].dataset})" for t in found["tables"]]
    if json_output:
        print(json.dumps({**found, "tables": names}, indent=2, allow_nan=False))
        return 1 if problems else 0
    console = report_console(WIDTH)
    print_wrapped(console, shown(f"normalised scores over {', '.join(names)}", None), "bold")
    statistics = list(found["agents"][0]["statistics"])
    columns = [Column("agent", least=14)]
    columns += [Column(name, least=22, rank=rank) for rank, name in enumerate(statistics)]
    rows = [
        Row([plain(agent["name"]), *(Text(score_text(*agent["statistics"][name])) for name in statistics)])
        for agent in found["agents"]
    ]
    print_table(console, columns, rows, indent=2, all_in="--json has all")
    return 1 if problems else 0
