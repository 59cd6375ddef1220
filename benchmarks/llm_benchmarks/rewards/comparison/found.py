"""Found: everything that a comparison found, as its page, its data and the terminal show it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from llm_benchmarks.leaderboard.statistics import Interval
from llm_benchmarks.rewards.comparison.analysis import (
    Course,
    Entry,
    Variety,
    course,
    equal_distance,
    matrix,
    reading,
    variety,
)
from llm_benchmarks.rewards.comparison.measured import Column, DesignRun
from llm_benchmarks.rewards.comparison.plan import Plan
from llm_benchmarks.rewards.comparison.samples import SampledExample, sampled

_STANDARDISED = ("token_dqn",)
"""Agents that divide every reward by its running spread."""


@dataclass(frozen=True)
class Found:
    """The results of a comparison.

    Attributes:
        plan: What was compared.
        command: The command line that made it.
        designs: Names of the designs that have a run, in order.
        columns: What texts are scored by.
        runs: All runs.
        table: From `matrix`.
        courses: Column -> design -> its course; None where a curve does not have the column.
        distance: From `equal_distance`.
        varieties: Design -> length and variety.
        samples: Texts side by side.
    """

    plan: Plan
    command: str
    designs: list[str]
    columns: list[Column]
    runs: list[DesignRun] = field(repr=False)
    table: dict[str, dict[str, Entry]]
    courses: dict[str, dict[str, Course | None]]
    distance: float
    varieties: dict[str, Variety]
    samples: list[SampledExample] = field(repr=False)

    @classmethod
    def of(cls, plan: Plan, columns: Sequence[Column], runs: Sequence[DesignRun], command: str = "") -> Found:
        """Analyses runs.

        Raises:
            ValueError: There is no run.
        """
        if not runs:
            raise ValueError("no design has a completed training")
        names = [design.name for design in plan.designs]
        table, distance = matrix(names, columns, runs), equal_distance(names, runs)
        own = {name: [run for run in runs if run.design == name] for name in table}
        return cls(
            plan=plan,
            command=command,
            designs=list(table),
            columns=list(columns),
            runs=list(runs),
            table=table,
            courses={c.name: {name: course(c, own[name], distance) for name in table} for c in columns},
            distance=distance,
            varieties={name: variety(own[name]) for name in table},
            samples=sampled(list(table), columns, runs),
        )

    @property
    def held_out(self) -> list[Column]:
        """The columns that are no design."""
        return [column for column in self.columns if not column.design]

    @property
    def seeds(self) -> list[int]:
        """The training seeds that ran."""
        return sorted({run.seed for run in self.runs})

    @property
    def has_distance(self) -> bool:
        """True if every training measured its distance from the start, and one that all reach is known."""
        return math.isfinite(self.distance)

    @property
    def standardised(self) -> bool:
        """True if the agent divides each reward by its spread, so that the designs' scales do not matter."""
        return self.plan.agent in _STANDARDISED and self.plan.config.get("reward_scale", 0.0) == 0.0

    def readings(self) -> dict[str, list[str]]:
        """Returns for each design a sentence for each held-out value."""
        return {
            name: [reading(name, column, self.table, self.courses[column.name]) for column in self.held_out]
            for name in self.designs
        }

    def to_dict(self) -> dict[str, Any]:
        """Returns everything as JSON values; texts are those of `samples`."""
        return {
            "env": self.plan.env,
            "agent": self.plan.agent,
            "config": dict(self.plan.config),
            "experiment": self.plan.name,
            "command": self.command,
            "designs": {design.name: design.spec for design in self.plan.designs},
            "columns": [
                {"name": c.name, "design": c.design, "lower_is_better": c.lower_is_better}
                for c in self.columns
            ],
            "standardised": self.standardised,
            "equal_distance": _number(self.distance),
            "matrix": {
                name: {
                    column: {
                        **_interval(entry.interval),
                        "difference": None if entry.difference is None else _interval(entry.difference),
                        "standardised": entry.standardised,
                    }
                    for column, entry in row.items()
                }
                for name, row in self.table.items()
            },
            "courses": {
                column: {name: None if one is None else _course(one) for name, one in row.items()}
                for column, row in self.courses.items()
            },
            "variety": {
                name: {
                    "length": _interval(one.length),
                    "different": _interval(one.different),
                    "distinct_2": _interval(one.distinct_2),
                }
                for name, one in self.varieties.items()
            },
            "runs": [
                {
                    "design": run.design,
                    "seed": run.seed,
                    "record": run.record,
                    "means": run.means,
                    "curve": [
                        {"timesteps": p.timesteps, "sqrt_kl": _number(p.distance), "values": p.values}
                        for p in run.curve
                    ],
                }
                for run in self.runs
            ],
            "samples": [
                {
                    "source": one.source,
                    "texts": [
                        {"design": side.design, "text": side.text, "scores": side.scores}
                        for side in one.sides
                    ],
                }
                for one in self.samples
            ],
        }


def _course(one: Course) -> dict[str, Any]:
    return {
        "start": one.start,
        "peak": one.peak,
        "last": one.last,
        "fall": _interval(one.fall),
        "peak_timesteps": one.peak_timesteps,
        "peak_sqrt_kl": _number(one.peak_distance),
        "at_equal_sqrt_kl": _number(one.at_equal_distance),
    }


def _interval(interval: Interval) -> dict[str, Any]:
    return {"mean": interval.estimate, "low": interval.low, "high": interval.high, "seeds": interval.n}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
