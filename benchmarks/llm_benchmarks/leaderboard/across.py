"""What the page says about several environments together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from llm_benchmarks.leaderboard.aggregates import (
    STATISTICS,
    aggregate_interval,
    normalized_score,
    performance_profile,
)
from llm_benchmarks.leaderboard.compare import row_name
from llm_benchmarks.leaderboard.rows import ANCHORS
from llm_benchmarks.leaderboard.scores import Scores
from llm_benchmarks.leaderboard.tables import Table

LEAST_SEEDS = 3
_POINTS = 81

Normalized = Mapping[str, Mapping[int, list[float]]]
"""Agent with its label -> index of a table -> normalised score of each seed."""


class Shared(NamedTuple):
    """Tables that several agents have in common."""

    tables: tuple[int, ...]
    agents: tuple[str, ...]


def across(tables: Sequence[Table], scores: Sequence[Sequence[Scores]]) -> dict[str, Any] | None:
    """Returns the statistics over the environments that trained agents have in common.

    Args:
        tables: The tables of a store.
        scores: The scores of the rows of each table.

    Returns:
        The tables, and for each agent its statistics with intervals and its performance profile. None if no
        two trained agents share two tables with `LEAST_SEEDS` seeds each.
    """
    normalized = normalized_scores(tables, scores)
    shared = most_shared(normalized)
    if shared is None:
        return None
    columns = {agent: [normalized[agent][t] for t in shared.tables] for agent in shared.agents}
    values = [value for agent in columns.values() for column in agent for value in column]
    thresholds = np.linspace(min(0.0, *values), max(1.0, *values), _POINTS)
    agents = []
    for agent, its in columns.items():
        intervals = {name: aggregate_interval(its, statistic) for name, statistic in STATISTICS.items()}
        share, low, high = (np.round(line, 4).tolist() for line in performance_profile(its, thresholds))
        agents.append(
            {
                "name": agent,
                "seeds": min(map(len, its)),
                "statistics": {n: [i.estimate, i.low, i.high] for n, i in intervals.items()},
                "share": share,
                "low": low,
                "high": high,
            }
        )
    agents.sort(key=lambda agent: -agent["statistics"]["IQM"][0])
    return {
        "tables": list(shared.tables),
        "thresholds": np.round(thresholds, 4).tolist(),
        "agents": agents,
    }


def normalized_scores(tables: Sequence[Table], scores: Sequence[Sequence[Scores]]) -> Normalized:
    """Returns the normalised scores of trained agents with `LEAST_SEEDS` seeds or more."""
    found: dict[str, dict[int, list[float]]] = {}
    for t, (table, its_scores) in enumerate(zip(tables, scores, strict=True)):
        if table.scale is None:
            continue
        for row, row_scores in zip(table.rows, its_scores, strict=False):
            if row.agent not in ANCHORS and len(row_scores.by_seed) >= LEAST_SEEDS:
                values = normalized_score(list(row_scores.by_seed.values()), *table.scale)
                found.setdefault(row_name(row), {})[t] = values.tolist()
    return found


def most_shared(normalized: Normalized) -> Shared | None:
    """Returns the tables and agents with the most scores, where every agent has a score in every table.

    Args:
        normalized: The scores; agents need two tables, and tables two agents.
    """
    sets = {agent: frozenset(tables) for agent, tables in normalized.items()}
    candidates = {a & b for a, b in combinations(sets.values(), 2)}
    best: Shared | None = None
    for candidate in sorted(candidates, key=lambda tables: (-len(tables), sorted(tables))):
        agents = tuple(agent for agent, tables in sets.items() if candidate <= tables)
        size = len(candidate) * len(agents)
        if len(candidate) > 1 and (best is None or size > len(best.tables) * len(best.agents)):
            best = Shared(tuple(sorted(candidate)), agents)
    return best
