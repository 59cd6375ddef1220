"""The plan of a comparison: its cells, and the values that are held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import gymnasium as gym

import llm_envs  # noqa: F401  registers the ids
from llm_baselines.registry import factory_of
from llm_benchmarks.rewards.comparison.designs import Design
from llm_benchmarks.run.agent_defaults import timesteps
from llm_benchmarks.run.cells import Cell
from llm_benchmarks.run.suite import Run, Suite
from llm_envs.envs.ids import bare_id
from llm_envs.envs.task import Task

_POINTS = 12  # evaluations while training, for a figure
DEFAULT = "default"
"""The name of the environment's default reward among the held-out values."""
_HELD = "held out/"  # before names of metrics, which then differ from the id's own


@dataclass(frozen=True)
class Plan:
    """What is compared.

    Attributes:
        env: Environment id.
        agent: Name of the agent that is trained on every design.
        designs: The designs.
        seeds: Training seeds.
        total_timesteps: Steps of each training; a size or None as for a cell.
        config: Options of the agent.
        env_kwargs: Arguments of the environment.
        metrics: Held-out values besides the environment's default reward and metrics.
        experiment: The name under which the records stand.
        device: A torch device, or "auto".
        warm_starts: Folder in which agents keep warm starts, which are equal for all designs; empty for none.
    """

    env: str
    agent: str
    designs: tuple[Design, ...]
    seeds: tuple[int, ...]
    total_timesteps: int | str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    metrics: tuple[Design, ...] = ()
    experiment: str = ""
    device: str = "auto"
    warm_starts: str = ""

    @property
    def name(self) -> str:
        """The name of the experiment."""
        return self.experiment or f"reward designs on {bare_id(self.env)}"


@dataclass(frozen=True)
class HeldOut:
    """A value that texts are judged by.

    Attributes:
        name: Its name.
        spec: The specification; a metric of the id may have `score_corpus`.
        kind: "reward" or "metric", as for `rescore`.
        curve_key: Its key in training curves.
    """

    name: str
    spec: Any
    kind: str
    curve_key: str


def task_of(plan: Plan) -> Task:
    """Returns the task of the plan's environment.

    Raises:
        ValueError: The id or an argument is unknown.
    """
    env = gym.make(plan.env, **plan.env_kwargs)
    try:
        task: Task = env.unwrapped.task  # type: ignore[attr-defined]
        return task
    finally:
        env.close()


def held_out(plan: Plan, task: Task) -> list[HeldOut]:
    """Returns what texts are judged by besides the designs.

    It is the environment's default reward, its metrics, and those of the plan.

    A value that is one of the designs is left out, as the design's own column has it.

    Args:
        plan: The plan.
        task: From `task_of`.
    """
    designs = {task.make_reward(design.spec).signature for design in plan.designs}
    found: list[HeldOut] = []
    own = task.reward.to_spec()
    if own is not None and task.reward.signature not in designs:
        found.append(HeldOut(DEFAULT, own, "reward", f"eval/{_HELD}{DEFAULT}"))
    for spec in task.default_metrics():
        name = spec if isinstance(spec, str) else str(spec.get("name", spec["id"]))
        found.append(HeldOut(name, {"id": spec} if isinstance(spec, str) else spec, "metric", f"eval/{name}"))
    for metric in plan.metrics:
        found.append(HeldOut(metric.name, metric.spec, "metric", f"eval/{_HELD}{metric.name}"))
    known: set[str] = set()
    kept = []
    for one in found:
        signature = task.make_reward(one.spec).signature
        if signature not in designs and signature not in known:
            kept.append(one)
        known.add(signature)
    names = [design.name for design in plan.designs] + [one.name for one in kept]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"a design and a held-out value are both named {name!r}; write NAME=SPEC")
    return kept


def make_suite(plan: Plan, task: Task) -> Suite:
    """Returns the suite of the plan: a cell for each design and seed, the seeds of a design together.

    Evaluations on validation measure every design and every held-out value, if the agent can do that.

    Args:
        plan: The plan.
        task: From `task_of`.

    Raises:
        ValueError: A design cannot be made, or two designs are the same reward.
    """
    signatures: dict[str, str] = {}
    for design in plan.designs:
        signature = task.make_reward(design.spec).signature
        if signature in signatures:
            raise ValueError(f"the designs {signatures[signature]!r} and {design.name!r} are the same reward")
        signatures[signature] = design.name
    config = {**_measuring(plan, task), **plan.config}
    cells = [
        Cell(
            env=plan.env,
            agent=plan.agent,
            seed=seed,
            reward=design.spec,
            total_timesteps=plan.total_timesteps,
            config=config,
            env_kwargs=plan.env_kwargs,
            experiment=plan.name,
            variant=f"trained on {design.name}",
        )
        for seed in plan.seeds
        for design in plan.designs
    ]
    return Suite(plan.name, "", Run(processes=1, device=plan.device), tuple(cells))


def _measuring(plan: Plan, task: Task) -> dict[str, Any]:
    """Returns the options that make the curve measure everything, if the agent has them."""
    config_class = factory_of(plan.agent).config_class
    known = {entry.name for entry in fields(config_class)} if config_class is not None else set()
    options: dict[str, Any] = {}
    if plan.warm_starts and "warm_start_folder" in known:
        options["warm_start_folder"] = plan.warm_starts
    if "eval_metrics" in known:
        own = task.reward.to_spec()
        wanted = [design for design in plan.designs if design.spec != "default" or own is not None]
        ours = [one for one in held_out(plan, task) if one.curve_key.startswith(f"eval/{_HELD}")]
        options["eval_metrics"] = [
            *(design.as_metric(own) for design in wanted),
            *(_named(one) for one in ours),
        ]
    if "eval_freq" in known:
        steps = timesteps(plan.agent, bare_id(plan.env), plan.total_timesteps)
        options["eval_freq"] = max(1, steps // _POINTS)
    return options


def _named(one: HeldOut) -> dict[str, Any]:
    """Returns a held-out value as one metric of its name; a metric of a whole evaluation stays one."""
    name = f"{_HELD}{one.name}"
    if isinstance(one.spec, str):
        return {"id": one.spec, "name": name}
    if isinstance(one.spec, Mapping) and "id" in one.spec and float(one.spec.get("weight", 1.0)) == 1.0:
        return {**one.spec, "name": name}
    return {"id": "sum", "name": name, "rewards": one.spec}
