"""Learning curves: validation scores during training, by steps and by wall clock.

A validation score uses the reward of the environment that the agent trained in. Scores in different rewards
have different units, so each reward has its own panels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from llm_benchmarks.leaderboard.compare import apart, row_name
from llm_benchmarks.leaderboard.tables import leaderboard_tables
from llm_benchmarks.records.record import Record
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.trained_on import reward_label
from llm_envs.foreign import shown

_ACROSS = {"timesteps": "steps", "seconds": "seconds of training, warm start included"}
_OWN = "the environment's default reward"


@dataclass(frozen=True)
class Unit:
    """The reward that validation scores use.

    Attributes:
        title: The reward in words.
        signature: The signature of the reward.
    """

    title: str
    signature: str


@dataclass(frozen=True)
class Curve:
    """The learning curves of the runs of one row.

    Attributes:
        name: Its name in the legend.
        unit: The reward of its scores.
        values: "timesteps", "seconds" and "score", each of shape (runs, points).
    """

    name: str
    unit: Unit
    values: dict[str, np.ndarray]


def unit_of(record: Record) -> Unit:
    """Returns the reward of the scores in a record's curve: that of the environment it trained in.

    If the agent's configuration names a training reward, the environment still has its own.
    """
    evaluation, training = record.evaluation.reward, record.spec.training
    if training is None or record.spec.agent.config.get("reward") is not None:
        is_default = evaluation.spec == "default"
        return Unit(_OWN, str(evaluation.signature) if is_default else "")
    spec = training.reward.spec
    return Unit(_OWN if spec == "default" else reward_label(spec), str(training.reward.signature))


def read_curves(
    store: RecordStore, env: str, problems: dict[str, str] | None = None, experiment: str | None = None
) -> list[Curve]:
    """Returns the curves of an environment's rows, best row first; rows without a curve are left out.

    A training that was evaluated in several ways has one curve.

    Args:
        store: The records.
        env: Environment id.
        problems: Receives id -> what is wrong, for each record that cannot be read.
        experiment: Only the runs of this experiment, and the anchors of their tables.

    Raises:
        ValueError: No record belongs to the experiment.
    """
    records = {record.id: record for record in store.records(problems)}
    curves: list[tuple[str, Curve]] = []  # with the name that also tells the table
    for table in leaderboard_tables(records.values(), env, experiment):
        for row in table.rows:
            runs = [records[i] for i in row.records if records[i].spec.training is not None]
            values = stacked(runs)
            if values is None:
                continue
            curve = Curve(row_name(row), unit_of(runs[0]), values)
            if not any(_is_same(curve, other) for _, other in curves):
                curves.append((f"{apart(table)} {curve.name}".strip(), curve))
    names = [curve.name for _, curve in curves]
    return [
        curve if names.count(curve.name) == 1 else replace(curve, name=long_name)
        for long_name, curve in curves
    ]


def _is_same(one: Curve, other: Curve) -> bool:
    return (one.name, one.unit) == (other.name, other.unit) and all(
        np.array_equal(one.values[name], other.values[name]) for name in one.values
    )


def plot_curves(
    store: RecordStore,
    env: str,
    out: Path,
    problems: dict[str, str] | None = None,
    experiment: str | None = None,
) -> None:
    """Draws the validation scores of agents during training, by steps and by wall clock.

    Lines are means over seeds and bands the range. The k-th points of a row's runs are averaged. A curve
    starts with the training on rewards; its seconds include the warm start. Each reward has its own panels,
    with the reward as their title.

    Args:
        store: The records.
        env: Environment id.
        out: The picture; its suffix decides the format (.svg, .png, .pdf).
        problems: Receives id -> what is wrong, for each record that cannot be read.
        experiment: Only the runs of this experiment, and the anchors of their tables.

    Raises:
        ValueError: No run has a curve, or the suffix is unknown.
    """
    if out.suffix not in (".svg", ".png", ".pdf"):
        raise ValueError(f"--out {str(out)!r} must end in .svg, .png or .pdf")
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    curves = read_curves(store, env, problems, experiment)
    if not curves:
        raise ValueError(f"no run of {env} in '{store.path}' has a curve")
    units = list(dict.fromkeys(curve.unit for curve in curves))
    matplotlib.rcParams["svg.hashsalt"] = "llm-envs"
    picture, panels = pyplot.subplots(
        len(units), 2, figsize=(11, 1 + 4 * len(units)), sharey="row", layout="constrained", squeeze=False
    )
    for unit, axes in zip(units, panels, strict=True):
        _draw(axes, {f"C{i}": curve for i, curve in enumerate(curves) if curve.unit == unit})
        if len(units) > 1:
            axes[0].set_title(f"measured in {_drawn(_title(unit, units))}", loc="left")
    lines = [line for axes in panels for line in axes[0].get_lines()]
    picture.legend(handles=lines, loc="outside lower center", ncols=2, fontsize="small")
    picture.suptitle(_drawn(env))
    metadata = {"Date": None} if out.suffix == ".svg" else None
    picture.savefig(out, metadata=metadata, dpi=120)
    pyplot.close(picture)


def _draw(axes: Any, curves: dict[str, Curve]) -> None:
    """Draws the curves of one unit, colour -> curve: a panel by steps and a panel by wall clock."""
    for axis, (across, axis_label) in zip(axes, _ACROSS.items(), strict=True):
        for colour, curve in curves.items():
            x, y = curve.values[across].mean(axis=0), curve.values["score"]
            label = f"{_drawn(curve.name)} ({len(y)})"
            axis.plot(x, y.mean(axis=0), color=colour, label=label, marker=".")
            axis.fill_between(x, y.min(axis=0), y.max(axis=0), color=colour, alpha=0.15)
        axis.set_xlabel(axis_label)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("mean reward on validation")


def _title(unit: Unit, units: list[Unit]) -> str:
    """Returns a unit in words, with its signature if other units have the same words."""
    ambiguous = sum(other.title == unit.title for other in units) > 1
    return f"{unit.title} ({unit.signature or 'not recorded'})" if ambiguous else unit.title


def stacked(runs: list[Record]) -> dict[str, np.ndarray] | None:
    """Returns steps, seconds and scores, each (runs, points), cut to the shortest run; None if empty."""
    curves = [points for points in map(list, map(_points, runs)) if points]
    if not curves:
        return None
    length = min(map(len, curves))
    values = np.array([points[:length] for points in curves])
    return {name: values[:, :, i] for i, name in enumerate(("timesteps", "seconds", "score"))}


def _points(record: Record) -> Iterator[tuple[float, float, float]]:
    for row in record.curve():
        point = tuple(float(row.get(k, math.nan)) for k in ("timesteps", "seconds", "eval/mean_reward"))
        if not any(map(math.isnan, point)):
            yield point[0], point[1], point[2]


def _drawn(name: str) -> str:
    """Returns a name for matplotlib: `$` is no formula, and a leading underscore does not hide the label."""
    text = shown(name).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
