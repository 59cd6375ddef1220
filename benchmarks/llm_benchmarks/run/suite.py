"""Suites: a TOML file names environments, agents, rewards and seeds; their product is the cells.

name = "example"
description = "what it is for"

[evaluation]            # see Evaluation
seed = 1000000

[run]                   # see Run
processes = 2

[[cells]]               # see Block; as many as are wanted
envs = ["TextGen-v0"]
agents = ["sb3_dqn"]
seeds = [0, 1, 2, 3, 4]
total_timesteps = "bench"
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from llm_baselines.configuration.options import check_values, make_config, option
from llm_baselines.configuration.tables import TUNED
from llm_benchmarks.console.input import is_folder, read_toml
from llm_benchmarks.records.record import RecordError, plain
from llm_envs.checks.types import fits
from llm_envs.data import SPLITS
from llm_envs.envs.ids import bare_id, env_class, find_spec
from llm_envs.foreign import code_names
from llm_envs.rewards.specs import parse_spec

EVALUATION_SEED = 1_000_000
SIZES = ("demo", "bench")
RESERVED = ("split", "reward", "metrics", "num_envs", "autoreset_mode", "render_mode")
TRACKS = ("scratch", "demonstrations", "pretrained")


class SuiteError(ValueError):
    """A suite, or a cell of one, that cannot be run as it is written."""


def _is_tuned(reward: Any) -> bool:
    return isinstance(reward, str) and reward == TUNED


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How every cell is judged."""

    seed: int = option(EVALUATION_SEED, "evaluation seed; above all training and tuning seeds", at_least=0)
    split: str = option("test", "split that is played")
    episodes: int | None = option(None, "episodes; by default one for each example of the split", at_least=1)
    num_envs: int = option(32, "environments that step together; changes no result", at_least=1)
    deterministic: bool = option(True, "passed to the agent's predict")
    reward: Any = option("default", "reward that scores; the id's own by default")
    metrics: Any = option(
        "default", 'what is only recorded: a list of specs, "default" (the id\'s own) among them'
    )

    def __post_init__(self) -> None:
        check_values(self)
        if self.split not in SPLITS:
            raise ValueError(f"split={self.split!r} is none of {', '.join(SPLITS)}")
        _check_reward("reward", self.reward)
        if self.metrics != "default":
            if not isinstance(self.metrics, list | tuple):
                raise ValueError(f"metrics={self.metrics!r} must be a list of specs, or 'default'")
            for spec in self.metrics:
                _check_reward("metrics", spec)


@dataclass(frozen=True, kw_only=True)
class Run:
    """How the cells are run."""

    processes: int = option(2, "cells at a time", at_least=1)
    threads: int = option(1, "threads of each process", at_least=1)
    device: str = option("auto", "torch device")
    keep_checkpoints: bool = option(False, "keep trained agents beside their records")


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


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run: an agent trained on one reward of an environment with one seed, and evaluated.

    Attributes:
        env: Environment id, with the module that registers it where that is one's own: "module:Id-v0".
        agent: Name, folder of a trained agent, or module:factory.
        seed: Training seed; for an agent that does not train, added to the evaluation seed.
        reward: What is trained on; "tuned" for the design of the agent's table.
        total_timesteps: Steps of training; "demo" or "bench" or None for the agent's own budget.
        config: What differs from the agent's defaults.
        env_kwargs: Arguments of the environment.
        track: None for the agent's own.
        trials: Configurations tried before this one was chosen.
        tuning_seeds: Seeds they were tried with.
        evaluation: How it is judged.
    """

    env: str
    agent: str
    seed: int = option(0, "training seed", at_least=0)
    reward: Any = "default"
    total_timesteps: int | str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    track: str | None = None
    trials: int = option(0, "configurations tried", at_least=0)
    tuning_seeds: tuple[int, ...] = ()
    evaluation: Evaluation = field(default_factory=Evaluation)

    def __post_init__(self) -> None:
        try:
            check_values(self)
        except ValueError as error:
            raise SuiteError(str(error)) from None
        object.__setattr__(self, "env", self.env.removeprefix("llm_envs:"))
        check_timesteps(self.total_timesteps, "a cell")
        _check_track(self.track, "a cell")
        for seed in self.tuning_seeds:
            _check_seed(seed, "a cell: tuning_seeds")
        _check_reward("reward", self.reward)
        for name in ("config", "env_kwargs"):
            for key, value in getattr(self, name).items():
                try:
                    plain(value, name, key)
                except RecordError as error:
                    raise SuiteError(
                        f"{name}: {key}={value!r} is nothing a record could keep, only finite numbers, "
                        f"texts, lists and tables of them: {error}"
                    ) from None

    def __str__(self) -> str:
        reward = "" if self.reward == "default" else f" {json.dumps(self.reward)}"
        return f"{self.env} {self.agent}{reward} seed {self.seed}"

    @property
    def env_reward(self) -> Any:
        """The reward of the environment it is trained in: the id's own where a tuned design is trained on."""
        return "default" if _is_tuned(self.reward) else self.reward

    @property
    def agent_options(self) -> Mapping[str, Any]:
        """The agent's options, a tuned design of its training reward among them."""
        return {**self.config, "reward": TUNED} if _is_tuned(self.reward) else self.config

    @property
    def env_id(self) -> str:
        """The id as tables and records have it, without a module."""
        return bare_id(self.env)

    def own_code(self) -> list[str]:
        """The code that the cell itself names, "package.module:name": it is the person's who wrote it."""
        judged = self.evaluation
        named = [self.agent, self.reward, judged.reward, judged.metrics, self.config, self.env_kwargs]
        return [name for _, name in code_names(named)]

    def to_dict(self) -> dict[str, Any]:
        """The cell as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Cell:
        """The inverse of `to_dict`."""
        given = dict(values)
        given["evaluation"] = Evaluation(**given["evaluation"])
        given["tuning_seeds"] = tuple(given["tuning_seeds"])
        return cls(**given)


@dataclass(frozen=True)
class Suite:
    """A named list of cells and how they are run."""

    name: str
    description: str
    run: Run
    cells: tuple[Cell, ...]

    @property
    def env_ids(self) -> list[str]:
        """The environments, in order."""
        return list(dict.fromkeys(cell.env_id for cell in self.cells))


def find_suite(name: str) -> Path:
    """The file of a suite: a path, or the name of one that comes with the package.

    Raises:
        SuiteError: There is none.
    """
    from llm_envs.checks.suggestions import did_you_mean

    with suppress(OSError):  # a name too long is no file's
        if Path(name).is_file():
            return Path(name)
    here = Path(__file__).resolve().parent.parent  # the package
    folders = [here / "suites", here.parent / "suites"]
    known = {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}
    if name not in known:
        raise SuiteError(
            f"there is no file {name!r} and no suite of that name"
            f"{did_you_mean(name, known)} suites that come along: {', '.join(sorted(known))}"
        )
    return known[name]


def load_suite(path: str | Path) -> Suite:
    """Reads a suite.

    Raises:
        SuiteError: It is unreadable or says something it cannot mean; the nearest name is given.
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
    file = _made(_File, values, "the top level")
    evaluation = _made(Evaluation, file.evaluation, "[evaluation]")
    if not file.cells:
        raise SuiteError("it has no [[cells]]")
    blocks = [_made(Block, table, f"[[cells]] {i}") for i, table in enumerate(file.cells, start=1)]
    for i, block in enumerate(blocks, start=1):
        if "seed" in block.evaluation:
            raise SuiteError(f"[[cells]] {i}: evaluation: the seed is the suite's, in [evaluation]")
        _check(block, evaluation, f"[[cells]] {i}")
    cells = [
        cell
        for i, block in enumerate(blocks, start=1)
        for cell in _cells(
            block, _made(Evaluation, {**file.evaluation, **block.evaluation}, f"[[cells]] {i}")
        )
    ]
    return Suite(file.name or name, file.description, _made(Run, file.run, "[run]"), tuple(cells))


def _cells(block: Block, evaluation: Evaluation) -> Iterator[Cell]:
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
        )


def _made(cls: type[Any], values: Any, where: str) -> Any:
    if not isinstance(values, Mapping):
        raise SuiteError(f"{where} must be a table, got {values!r}")
    try:
        return make_config(cls, values)
    except ValueError as error:
        raise SuiteError(f"{where}: {str(error).replace(f' of {cls.__name__}', '')}") from None


def _check(block: Block, evaluation: Evaluation, where: str) -> None:
    """Everything that can be told wrong before anything is made."""
    for name in ("envs", "agents", "seeds", "rewards"):
        if not getattr(block, name):
            raise SuiteError(f"{where}: {name} must name at least one")
    for name in ("envs", "agents"):
        if not all(isinstance(item, str) for item in getattr(block, name)):
            raise SuiteError(f"{where}: {name} must be a list of strings")
    for name in ("seeds", "tuning_seeds"):
        for seed in getattr(block, name):
            _check_seed(seed, f"{where}: {name}")
            if seed >= evaluation.seed:
                raise SuiteError(
                    f"{where}: {name}: {seed} is not below the evaluation seed {evaluation.seed}; "
                    "training, tuning and evaluation must not share seeds"
                )
    check_names(block.envs, block.agents, where)
    check_timesteps(block.total_timesteps, where)
    if block.total_timesteps:
        _check_trains(block.agents, where)
    _check_track(block.track, where)
    for reward in block.rewards:
        _check_reward(f"{where}: rewards", reward)
    for name in block.env_kwargs:
        if name in RESERVED:
            raise SuiteError(f"{where}: env_kwargs: {name!r} is set by the suite itself")


def _check_trains(agents: list[str], where: str) -> None:
    from llm_baselines.registry import AGENTS, load_factory

    for agent in agents:
        if agent in AGENTS and not hasattr(load_factory(agent), "learn"):
            raise SuiteError(
                f"{where}: agent {agent!r} does not train; give it a [[cells]] of its own, without "
                "total_timesteps"
            )


def _check_seed(seed: Any, where: str) -> None:
    if not fits(seed, int) or seed < 0:
        raise SuiteError(f"{where}: {seed!r} is no seed; seeds are 0 or above")


def _check_track(track: str | None, where: str) -> None:
    if track is not None and track not in TRACKS:
        raise SuiteError(f"{where}: track {track!r} is none of {', '.join(TRACKS)}")


def _check_reward(where: str, reward: Any) -> None:
    """Refuses a reward whose specification cannot be kept, or has a wrong form or weight."""
    try:
        plain(reward, "the specification")
    except RecordError as error:
        raise SuiteError(
            f"{where}={reward!r} is nothing a record could keep: {error}; register a function with "
            "llm_envs.register_reward and name it"
        ) from None
    try:
        parse_spec(reward)
    except ValueError as error:
        raise SuiteError(f"{where}: {error}") from None


def check_timesteps(value: Any, where: str) -> None:
    """Refuses a budget that is neither a number of steps nor one of the sizes agents have.

    Raises:
        SuiteError: It is not.
    """
    whole = fits(value, int) and value >= 0
    if value is not None and value not in SIZES and not whole:
        raise SuiteError(f"{where}: total_timesteps must be steps, 'demo' or 'bench', not {value!r}")


def check_ours(envs: list[str], where: str) -> None:
    """Refuses environments that are not made by this package: nothing is known of their texts.

    Raises:
        SuiteError: There is one.
    """
    for env in envs:
        spec = find_spec(env)
        if spec is None or env_class(spec) is None:
            raise SuiteError(
                f"{where}: {bare_id(env)!r} is no environment of this package; `llm-envs list` shows all"
            )


def check_names(envs: list[str], agents: list[str], where: str) -> None:
    """Refuses unknown environment ids and agent names, naming the nearest.

    Raises:
        SuiteError: There is one.
    """
    import llm_envs
    from llm_baselines.registry import list_agents
    from llm_envs.checks.suggestions import did_you_mean

    for env in (env.removeprefix("llm_envs:") for env in envs):
        try:
            found = find_spec(env)
        except Exception as error:  # the module is the person's own, and may raise anything
            raise SuiteError(f"{where}: environment {env!r}: {type(error).__name__}: {error}") from error
        if found is None:
            near = did_you_mean(bare_id(env), llm_envs.list_envs())
            own = (
                ""
                if ":" in env
                else "; one of your own is 'module:Id-v0', after the module that registers it"
            )
            raise SuiteError(f"{where}: unknown environment {env!r}{near} `llm-envs list` shows all{own}")
    for agent in agents:
        if agent not in list_agents() and ":" not in agent and not is_folder(agent):
            near = did_you_mean(agent, list_agents())
            raise SuiteError(
                f"{where}: unknown agent {agent!r}{near} there are {', '.join(list_agents())}, "
                "folders of trained agents, and package.module:factory"
            )
