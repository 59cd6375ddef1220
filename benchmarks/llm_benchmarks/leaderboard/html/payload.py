"""Collects everything that the page shows, as JSON values."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llm_benchmarks.leaderboard.across import across
from llm_benchmarks.leaderboard.aggregates import probability_of_improvement
from llm_benchmarks.leaderboard.badges import with_badges
from llm_benchmarks.leaderboard.compare import apart
from llm_benchmarks.leaderboard.curves import stacked, unit_of
from llm_benchmarks.leaderboard.html.samples import read_played, samples
from llm_benchmarks.leaderboard.html.token_rewards import TokenReplay
from llm_benchmarks.leaderboard.rows import ANCHORS, Row
from llm_benchmarks.leaderboard.scores import Scores
from llm_benchmarks.leaderboard.tables import Table, leaderboard_tables
from llm_benchmarks.records.record import Record
from llm_benchmarks.records.store import RecordStore

_DIGITS = 6
_COSTS: Mapping[str, Callable[[Record], float | None]] = {
    "steps": lambda record: record.cost["environment_steps"],
    "calls": lambda record: record.cost["reward_calls"],
    "seconds": lambda record: record.cost["wall_clock_seconds"]["training"],
    "parameters": lambda record: record.facts["parameters"],
    "memory": lambda record: record.cost["peak_memory_bytes"],
}


@dataclass(frozen=True)
class Page:
    """What the page is made of.

    Attributes:
        tables: The tables, for the parts that need no script.
        scores: The scores of the rows of each table.
        data: JSON values for the scripts; "tables" has one entry for each of `tables`.
        records: Records that could be read.
        episodes: Episodes of these records.
        newest: When the newest record was finished, in ISO 8601; empty without records.
        problems: Id of each record that cannot be read -> what is wrong with it.
    """

    tables: tuple[Table, ...]
    scores: tuple[tuple[Scores, ...], ...]
    data: Mapping[str, Any]
    records: int
    episodes: int
    newest: str
    problems: Mapping[str, str]


def collect(
    store: RecordStore | str | os.PathLike[str],
    *,
    env: str | None = None,
    experiment: str | None = None,
    n_samples: int = 24,
    token_rewards: bool = True,
) -> Page:
    """Reads a store.

    Args:
        store: The store or its folder.
        env: Only this environment id.
        experiment: Only the runs of this experiment, and the anchors of their tables.
        n_samples: Texts of each row.
        token_rewards: Play the texts again for the rewards of their tokens.

    Raises:
        ValueError: No record belongs to the experiment.
    """
    store = store if isinstance(store, RecordStore) else RecordStore(store)
    problems: dict[str, str] = {}
    records = {record.id: record for record in store.records(problems)}
    tables = with_badges(leaderboard_tables(records.values(), env, experiment), store, problems)
    scores = [[Scores.of(records[id] for id in row.records) for row in table.rows] for table in tables]
    entries = [
        {
            **_table(table, its_scores),
            "samples": _samples(table, records, n_samples, token_rewards),
        }
        for table, its_scores in zip(tables, scores, strict=True)
    ]
    used = [records[id] for table in tables for row in table.rows for id in row.records]
    return Page(
        tables=tuple(tables),
        scores=tuple(map(tuple, scores)),
        data={"tables": entries, "across": across(tables, scores)},
        records=len(used),
        episodes=sum(record.results["episodes"] for record in used if record.results is not None),
        newest=max((str(record.provenance["finished_at"]) for record in used), default=""),
        problems=problems,
    )


def _table(table: Table, scores: Sequence[Scores]) -> dict[str, Any]:
    ranked = [row_scores for row_scores in scores if row_scores.completed]
    runs = [row_scores.per_run for row_scores in ranked]
    units = list(dict.fromkeys(filter(None, map(_unit, ranked))))
    return {
        "env": table.env,
        "name": apart(table),
        "pValues": [[_round(p) for p in row] for row in table.p_values],
        "improvement": [[_round(probability_of_improvement([a], [b])) for b in runs] for a in runs],
        "units": [unit.title for unit in units],
        "rows": [
            {
                "agent": row.agent,
                "label": row.label,
                "anchor": row.agent in ANCHORS,
                "score": _round(row.score),
                "low": _round(row.low),
                "high": _round(row.high),
                "costs": {name: _round(row_scores.mean_of(cost)) for name, cost in _COSTS.items()},
                "curve": _curve(row_scores, units),
            }
            for row, row_scores in zip(table.rows, scores, strict=True)
        ],
    }


def _unit(scores: Scores) -> Any:
    trained = [record for record in scores.completed if record.spec.training is not None]
    return unit_of(trained[0]) if trained and stacked(trained) is not None else None


def _curve(scores: Scores, units: Sequence[Any]) -> dict[str, Any] | None:
    """Returns the validation scores during training; None if the runs have none.

    Reward calls are recorded for the whole training, so a point has a share in proportion to its steps.
    """
    trained = [record for record in scores.completed if record.spec.training is not None]
    values = stacked(trained)
    if values is None:
        return None
    steps, score = values["timesteps"].mean(axis=0), values["score"]
    calls = scores.mean_of(_COSTS["calls"])
    share = steps / steps[-1] if steps[-1] > 0 else np.zeros_like(steps)
    return {
        "unit": units.index(unit_of(trained[0])),
        "runs": len(score),
        "steps": _rounded(steps),
        "calls": None if calls is None else _rounded(calls * share),
        "seconds": _rounded(values["seconds"].mean(axis=0)),
        "mean": _rounded(score.mean(axis=0)),
        "low": _rounded(score.min(axis=0)),
        "high": _rounded(score.max(axis=0)),
    }


def _samples(table: Table, records: Mapping[str, Record], n: int, token_rewards: bool) -> dict[str, Any]:
    played = [read_played(i, records[row.records[0]]) for i, row in _with_records(table)]
    replay = TokenReplay(played[0].record) if played and token_rewards and n else None
    return samples(played, n, replay)


def _with_records(table: Table) -> list[tuple[int, Row]]:
    return [(i, row) for i, row in enumerate(table.rows) if row.records]


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")


def _rounded(values: Any) -> list[float]:
    return [float(f"{value:.{_DIGITS}g}") for value in values.tolist()]
