"""Writes a record of a result of `llm_envs.evaluate`, for users who train and evaluate in Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import gymnasium as gym
from gymnasium.vector import VectorEnv

from llm_baselines.agent import TrainingReport
from llm_baselines.registry import AGENTS
from llm_baselines.spec import AgentSpec, RewardSpec, TrainingSpec
from llm_baselines.storage.sealed_folder import json_able
from llm_benchmarks.records.base_model import base_model
from llm_benchmarks.records.provenance import collect_provenance
from llm_benchmarks.records.record import NO_COST, new_record
from llm_benchmarks.records.results import summarize
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.cells import RESERVED, Cell, Evaluation
from llm_benchmarks.run.environments import evaluation_arguments
from llm_benchmarks.run.resolve import resolve_given
from llm_envs import EvaluationResult
from llm_envs.envs.ids import make_vec


def record_evaluation(
    result: EvaluationResult,
    policy: Any,
    env: str | gym.Env[Any, Any] | VectorEnv[Any, Any, Any],
    store: RecordStore,
    *,
    name: str,
    seed: int | None = None,
    total_timesteps: int | None = None,
    reward: Any = "default",
    config: Mapping[str, Any] | None = None,
    track: str | None = None,
) -> str:
    """Writes a record of an evaluation, so that the leaderboard shows it as a row.

    Only the caller knows how the policy was trained, so the record states the training as it is given here.
    The episodes are compared with the environment: the sources must be those of its examples, and the episode
    seeds must follow from `result.seed`.

    Args:
        result: From `llm_envs.evaluate(policy, env, ...)`.
        policy: The evaluated policy. If its `report` is a TrainingReport, it gives the cost of the training.
        env: The `env` that `evaluate` was called with: an id, or an environment that gymnasium made from one.
        store: The record is written here.
        name: The policy's name in tables.
        seed: The training seed; None for a policy that was not trained.
        total_timesteps: Steps of the training; by default those of the report.
        reward: The specification of the training reward.
        config: The policy's options; by default its attribute `config`, if that is a dataclass.
        track: "scratch", "demonstrations" or "pretrained"; "scratch" by default.

    Returns:
        The record's id.

    Raises:
        ValueError: The result is not of this environment, the name belongs to an agent of the package, or
            a value cannot stand in a record.
    """
    report = getattr(policy, "report", None)
    report = report if isinstance(report, TrainingReport) else TrainingReport()
    steps = report.environment_steps or report.tokens if total_timesteps is None else total_timesteps
    _check_policy(policy, name, seed, steps)
    if config is None:
        options = getattr(policy, "config", None)
        config = asdict(options) if is_dataclass(options) and not isinstance(options, type) else {}
    cell = _cell(result, env, name=name, seed=seed, reward=reward, config=json_able(dict(config)))
    agent = AgentSpec(
        name=name,
        entry_point=f"{type(policy).__module__}:{type(policy).__qualname__}",
        config=cell.config,
        base_model=base_model(cell.config, named=False),
        track=track or "scratch",
    )
    timing = cell.env_kwargs.get("reward_timing")
    training = TrainingSpec(
        reward=RewardSpec(spec=reward), reward_timing=timing, total_timesteps=steps, seed=seed or 0
    )
    resolved = resolve_given(cell, agent, None if seed is None else training)
    _check_played(result, cell)
    metrics = list(resolved.facts["metrics"])
    named = {metric["name"] for metric in metrics}
    metrics[:0] = [{"name": m, "signature": None} for m in result.metrics if m not in named]
    ended = datetime.now(UTC)
    rows = result.to_dicts()
    record = new_record(
        resolved.spec,
        {**resolved.facts, "metrics": metrics, "parameters": report.parameters or None},
        status="completed",
        provenance=collect_provenance(
            started_at=_moment(ended - timedelta(seconds=result.seconds)), finished_at=_moment(ended)
        ),
        cost={
            **NO_COST,
            "wall_clock_seconds": {"training": report.seconds, "evaluation": result.seconds},
            "environment_steps": report.environment_steps if seed is not None else 0,
            "gradient_steps": report.gradient_steps,
            "tokens": report.tokens,
            "reward_calls": report.reward_calls,
        },
        results=summarize(rows),
        curve=json_able(report.curve),
    )
    return store.write(record, rows)


def _check_policy(policy: Any, name: str, seed: int | None, steps: int) -> None:
    """Raises if the name belongs to an agent of the package, or a trained policy has no seed."""
    if name in AGENTS and not type(policy).__module__.startswith("llm_baselines."):
        raise ValueError(f"name={name!r} is an agent of the package, and {policy!r} is not: choose another")
    if seed is None and steps:
        raise ValueError(
            f"{name!r} was trained for {steps:,} steps: say with which seed (seed=...), and on which reward"
        )


def _cell(
    result: EvaluationResult,
    env: str | gym.Env[Any, Any] | VectorEnv[Any, Any, Any],
    *,
    name: str,
    seed: int | None,
    reward: Any,
    config: Mapping[str, Any],
) -> Cell:
    """Returns the cell with which a suite would have requested this evaluation."""
    if isinstance(env, str):
        env_id, kwargs, split = env, {"metrics": "default"}, "test"
    elif env.spec is None:
        raise ValueError(f"{env!r} does not say from which id it was made: give the id instead")
    else:
        env_id, kwargs = env.spec.id, dict(env.spec.kwargs)
        split = env.unwrapped.task.split  # type: ignore[union-attr]
    return Cell(
        env=env_id,
        agent=name,
        seed=seed or 0,
        reward=reward,
        config=config,
        env_kwargs={k: v for k, v in kwargs.items() if k not in (*RESERVED, "vectorization_mode")},
        evaluation=Evaluation(
            # `resolve` adds the seed of an untrained agent to this one. Here that seed is 0.
            seed=result.seed,
            split=split,
            episodes=len(result.rows),
            deterministic=result.deterministic,
            reward=kwargs.get("reward", "default"),
            metrics=kwargs.get("metrics", ()),
        ),
    )


def _check_played(result: EvaluationResult, cell: Cell) -> None:
    """Raises if a row's source is not that of the environment's example."""
    envs = make_vec(cell.env, 1, autoreset_mode="Disabled", **evaluation_arguments(cell))
    examples = envs.unwrapped.task.examples  # type: ignore[attr-defined]
    envs.close()
    for row in result.rows:
        source = examples[row.example].source if row.example < len(examples) else None
        if source != row.source:
            raise ValueError(
                f"row {row.index} of the result has the source {row.source!r}, and example {row.example} of "
                f"{cell.env}, {cell.evaluation.split} split, has {source!r}: give what evaluate() was given"
            )


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
