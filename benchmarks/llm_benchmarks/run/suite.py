"""Suites: a TOML file names environments, agents, rewards and seeds. Their product gives the cells.

name = "example"
description = "which question it answers"

[evaluation]            # see Evaluation
seed = 1000000

[run]                   # see Run
processes = 2

[[cells]]               # see Block; repeat it for more cells
envs = ["TextGen-v0"]
agents = ["sb3_dqn"]
seeds = [0, 1, 2, 3, 4]
total_timesteps = "bench"
rewards = ["default", "bleu - 0.2 * length_penalty"]   # or tables: [{ id = "bleu", max_order = 2 }]
variant = "no warm start"   # what distinguishes the block, in words
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from llm_baselines.configuration.options import make_config, option
from llm_baselines.registry import AGENTS, factory_of
from llm_benchmarks.console.options import read_toml
from llm_benchmarks.run.cells import (
    RESERVED,
    Cell,
    Evaluation,
    SuiteError,
    check_names,
    check_reward,
    check_seed,
    check_timesteps,
    check_track,
)
from llm_benchmarks.run.limits import Limits, parse_duration, parse_memory
from llm_envs.checks.suggestions import did_you_mean
from llm_envs.rewards.expressions import parse_reward


@dataclass(frozen=True, kw_only=True)
class Run:
    """How the cells are run."""

    processes: int = option(2, "cells at a time", at_least=1)
    threads: int = option(1, "threads of each process", at_least=1)
    device: str = option("auto", "torch device")
    keep_checkpoints: bool = option(False, "keep trained agents beside their records")
    retries: int = option(1, "how often a cell whose process dies runs again", at_least=0)
    cell_timeout: str = option("", "longest time of one cell, as 90s, 45m or 2h; empty for any")
    cell_memory: str = option("", "most memory of one cell, as 500MB or 4GB; empty for any")

    @property
    def limits(self) -> Limits:
        """What one cell may use.

        Raises:
            ValueError: A limit cannot be read.
        """
        return Limits(
            parse_duration(self.cell_timeout, "[run] cell_timeout") if self.cell_timeout else None,
            parse_memory(self.cell_memory, "[run] cell_memory") if self.cell_memory else None,
        )


@dataclass(frozen=True, kw_only=True)
class Block:
    """One [[cells]] table: environment x agent x reward x seed."""

    envs: list[str] = option([], "ids")
    agents: list[str] = option([], "names, folders of trained agents, or module:factory")
    seeds: list[int] = option([0], "training seeds; sampling seeds of agents that do not train")
    rewards: list[Any] = option(["default"], "training rewards")
    total_timesteps: Any = option(None, '"demo" or "bench" for the agent\'s own budget, or steps')
    config: dict[str, Any] = option({}, "what differs from the agent's defaults")
    env_kwargs: dict[str, Any] = option({}, "arguments of the environment")
    evaluation: dict[str, Any] = option({}, "what differs in how these cells are judged")
    track: str | None = option(None, "scratch, demonstrations or pretrained; the agent's own if left out")
    trials: int = option(0, "configurations tried before this one was chosen", at_least=0)
    tuning_seeds: list[int] = option([], "seeds they were tried with")
    variant: str = option("", "what sets these cells apart within the suite, in words")


@dataclass(frozen=True)
class Suite:
    """A named list of cells and how they are run."""

    name: str
    description: str
    run: Run
    cells: tuple[Cell, ...]

    @property
    def env_ids(self) -> list[str]:
        """The environment ids without duplicates, in their order."""
        return list(dict.fromkeys(cell.env_id for cell in self.cells))


def bundled_suites() -> dict[str, Path]:
    """Returns the files of the suites of this package by name."""
    here = Path(__file__).resolve().parent.parent  # the package
    folders = [here / "suites", here.parent / "suites"]
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}


def find_suite(name: str) -> Path:
    """Returns the file of a suite.

    Args:
        name: A path, or the name of a suite of this package.

    Raises:
        SuiteError: There is no such file and no such suite.
    """
    with suppress(OSError):  # the name may be too long for a path
        if Path(name).is_file():
            return Path(name)
    known = bundled_suites()
    if name not in known:
        raise SuiteError(
            f"there is no suite {name!r}, and no file of that name"
            f"{did_you_mean(name, known)} suites that come along: {', '.join(sorted(known))}"
        )
    return known[name]


def load_suite(path: str | Path) -> Suite:
    """Reads a suite.

    Raises:
        SuiteError: The file cannot be read, or a key or value is invalid. A typo gets a suggestion.
    """
    path = Path(path)
    try:
        values = read_toml(path, "suite")
    except ValueError as error:
        raise SuiteError(str(error)) from error
    try:
        return _suite(values, path.stem)
    except ValueError as error:
        raise SuiteError(f"{path}: {error}") from error


@dataclass(frozen=True, kw_only=True)
class _File:
    """The top level of a suite."""

    name: str = option("", "name")
    description: str = option("", "what it is for")
    evaluation: dict[str, Any] = option({}, "see Evaluation")
    run: dict[str, Any] = option({}, "see Run")
    cells: list[dict[str, Any]] = option([], "see Block")


def _suite(values: Mapping[str, Any], name: str) -> Suite:
    file = _make(_File, values, "the top level")
    evaluation = _make(Evaluation, file.evaluation, "[evaluation]")
    if not file.cells:
        raise SuiteError("it has no [[cells]]")
    blocks = [_block(table, f"[[cells]] {i}") for i, table in enumerate(file.cells, start=1)]
    for i, block in enumerate(blocks, start=1):
        if "seed" in block.evaluation:
            raise SuiteError(f"[[cells]] {i}: evaluation: the seed is the suite's, in [evaluation]")
        _check(block, evaluation, f"[[cells]] {i}")
    name = file.name or name
    cells = [
        cell
        for i, block in enumerate(blocks, start=1)
        for cell in _cells(
            block, _make(Evaluation, {**file.evaluation, **block.evaluation}, f"[[cells]] {i}"), name
        )
    ]
    run: Run = _make(Run, file.run, "[run]")
    _ = run.limits  # an error in them is one of the suite
    return Suite(name, file.description, run, tuple(cells))


def _block(table: Any, where: str) -> Block:
    """Returns a block, with each reward in one line replaced by the specification that it stands for."""
    block: Block = _make(Block, table, where)
    try:
        written = [parse_reward(reward) if isinstance(reward, str) else reward for reward in block.rewards]
    except ValueError as error:
        raise SuiteError(f"{where}: rewards: {error}") from None
    return replace(block, rewards=written)


def _cells(block: Block, evaluation: Evaluation, experiment: str) -> Iterator[Cell]:
    for env, agent, reward, seed in product(block.envs, block.agents, block.rewards, block.seeds):
        yield Cell(
            env=env,
            agent=agent,
            seed=seed,
            reward=reward,
            total_timesteps=block.total_timesteps,
            config=block.config,
            env_kwargs=block.env_kwargs,
            track=block.track,
            trials=block.trials,
            tuning_seeds=tuple(block.tuning_seeds),
            evaluation=evaluation,
            experiment=experiment,
            variant=block.variant,
        )


def _make(cls: type[Any], values: Any, where: str) -> Any:
    """Returns a dataclass made from a table.

    Raises:
        SuiteError: A key is unknown or a value is invalid.
    """
    if not isinstance(values, Mapping):
        raise SuiteError(f"{where} must be a table, got {values!r}")
    try:
        return make_config(cls, values)
    except ValueError as error:
        raise SuiteError(f"{where}: {str(error).replace(f' of {cls.__name__}', '')}") from None


def _check(block: Block, evaluation: Evaluation, where: str) -> None:
    """Raises if a block names something unknown or invalid."""
    for name in ("envs", "agents", "seeds", "rewards"):
        if not getattr(block, name):
            raise SuiteError(f"{where}: {name} must name at least one")
    for name in ("envs", "agents"):
        if not all(isinstance(item, str) for item in getattr(block, name)):
            raise SuiteError(f"{where}: {name} must be a list of strings")
    for name in ("seeds", "tuning_seeds"):
        for seed in getattr(block, name):
            check_seed(seed, f"{where}: {name}")
            if seed >= evaluation.seed:
                raise SuiteError(
                    f"{where}: {name}: {seed} is not below the evaluation seed {evaluation.seed}; "
                    "training, tuning and evaluation must not share seeds"
                )
    check_names(block.envs, block.agents, where)
    check_timesteps(block.total_timesteps, where)
    if block.total_timesteps:
        _check_trains(block.agents, where)
    check_track(block.track, where)
    for reward in block.rewards:
        check_reward(f"{where}: rewards", reward)
    for name in block.env_kwargs:
        if name in RESERVED:
            raise SuiteError(f"{where}: env_kwargs: {name!r} is set by the suite itself")


def _check_trains(agents: list[str], where: str) -> None:
    for agent in agents:
        if agent in AGENTS and not factory_of(agent).trains:
            raise SuiteError(
                f"{where}: agent {agent!r} does not train; give it a [[cells]] of its own, without "
                "total_timesteps"
            )
