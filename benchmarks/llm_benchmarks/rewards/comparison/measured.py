"""The measured part of a comparison: the runs of its designs, every text scored by everything."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from llm_benchmarks.records.additions import Kind
from llm_benchmarks.records.record import Record
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.rewards.comparison.plan import HeldOut, Plan
from llm_benchmarks.rewards.rescoring import rescore
from llm_benchmarks.run.resolve import resolve
from llm_benchmarks.run.suite import Suite
from llm_benchmarks.verification.findings import NotVerifiable
from llm_benchmarks.verification.ground import Grounds
from llm_envs.foreign import allowing_code
from llm_envs.rewards.cards import CARDS


@dataclass(frozen=True)
class Column:
    """What texts are scored by.

    Attributes:
        name: Its name.
        design: True for a design, False for a held-out value.
        lower_is_better: True for a penalty.
    """

    name: str
    design: bool
    lower_is_better: bool = False


@dataclass(frozen=True)
class Point:
    """One evaluation on validation.

    Attributes:
        timesteps: Environment steps.
        distance: Square root of the sequence KL from the start, in nats; NaN where the agent measures none.
        values: Mean of each column that was measured, by name.
    """

    timesteps: int
    distance: float
    values: dict[str, float]


@dataclass(frozen=True)
class DesignRun:
    """One training on one design.

    Attributes:
        design: The design's name.
        seed: The training seed.
        record: Id of the record.
        means: Mean of each column over the test texts, by name.
        scores: Values of each column by text; none for a metric of the whole evaluation.
        texts, sources, lengths: Of the test texts, in the order of the examples.
        curve: The evaluations while training.
    """

    design: str
    seed: int
    record: str
    means: dict[str, float]
    scores: dict[str, list[float]] = field(repr=False)
    texts: list[str] = field(repr=False)
    sources: list[str] = field(repr=False)
    lengths: list[int] = field(repr=False)
    curve: list[Point] = field(repr=False)


def columns_of(plan: Plan, held: Sequence[HeldOut]) -> list[Column]:
    """Returns the columns: the designs, then the held-out values."""
    columns = [Column(design.name, design=True) for design in plan.designs]
    for one in held:
        target = (
            one.spec if isinstance(one.spec, str) else one.spec.get("id") if hasattr(one.spec, "get") else ""
        )
        card = CARDS.get(str(target))
        columns.append(
            Column(one.name, design=False, lower_is_better=card is not None and card.direction == "lower")
        )
    return columns


def measure(
    plan: Plan,
    suite: Suite,
    held: Sequence[HeldOut],
    store: RecordStore,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[DesignRun]:
    """Returns the runs that the store has, scored by every design and held-out value.

    Args:
        plan: The plan.
        suite: From `make_suite`.
        held: From `held_out`.
        store: The records.
        progress: Called with the number of scored runs.

    Raises:
        ValueError: A reward is no function of the episode alone, so old texts cannot be scored.
    """
    grounds, runs = Grounds(), list[DesignRun]()
    names = [design.name for design in plan.designs] * len(plan.seeds)
    for done, (cell, name) in enumerate(zip(suite.cells, names, strict=True), 1):
        with allowing_code(cell.own_code()):
            records = store.find(resolve(cell).spec.identity())
            if records:
                runs.append(_scored(records[-1], name, plan, held, grounds))
        progress(done, len(suite.cells))
    return runs


def _scored(record: Record, design: str, plan: Plan, held: Sequence[HeldOut], grounds: Grounds) -> DesignRun:
    try:
        ground = grounds.of(record)
        wanted: list[tuple[str, Any, Kind]] = [(one.name, one.spec, "reward") for one in plan.designs]
        wanted += [(one.name, one.spec, "metric" if one.kind == "metric" else "reward") for one in held]
        added = {name: rescore(record, ground, spec, kind) for name, spec, kind in wanted}
    except NotVerifiable as error:
        raise ValueError(f"record {record.id[:12]}: {error}") from error
    rows = sorted(record.episodes(), key=lambda row: (row["example"], row["index"]))
    order = [row["index"] for row in rows]
    return DesignRun(
        design=design,
        seed=record.training_seed or 0,
        record=record.id,
        means={name: scores.mean for name, scores in added.items()},
        scores={name: [scores.values[i] for i in order] for name, scores in added.items() if scores.values},
        texts=[row["text"] for row in rows],
        sources=[row["source"] for row in rows],
        lengths=[row["length"] for row in rows],
        curve=_points(record, design, plan, held),
    )


def _points(record: Record, design: str, plan: Plan, held: Sequence[HeldOut]) -> list[Point]:
    """Returns the points of the curve. At step 0 the distance from the start is 0."""
    keys = {one.name: f"eval/{one.metric}" for one in plan.designs} | {
        one.name: one.curve_key for one in held
    }
    points = []
    for row in record.curve():
        values = {name: float(row[key]) for name, key in keys.items() if key in row}
        if design not in values and "eval/mean_reward" in row:
            values[design] = float(row["eval/mean_reward"])  # the environment's reward is the design
        kl = 0.0 if row["timesteps"] == 0 else row.get("rollout/kl", math.nan)
        points.append(Point(int(row["timesteps"]), math.sqrt(max(0.0, kl)), values))
    return points
