"""From a cell to the plan of its record: everything that is known before the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import gymnasium as gym

import llm_envs  # noqa: F401  registers the ids
from llm_baselines.configuration.tables import chosen_design, fitting_options
from llm_baselines.registry import AGENTS, agent_defaults, check_config, complete_config, factory_of
from llm_benchmarks.records.own_data import base_model
from llm_benchmarks.records.record import RecordError
from llm_benchmarks.run.planned_record import check_plan
from llm_benchmarks.run.suite import RESERVED, Cell, SuiteError, check_timesteps
from llm_envs.data import DataError
from llm_envs.envs.ids import find_spec, own_argument
from llm_envs.envs.task import Task
from llm_envs.episode import Episode
from llm_envs.rewards import RewardError

_TRIED = 16  # examples on which lazily loaded rewards are tried before a run


@dataclass(frozen=True, kw_only=True)
class AgentPlan:
    """What is known of an agent before the run.

    Attributes:
        name: As the record has it: a name, or "module:factory".
        make: What `make_agent` is asked for: the same, or the folder of a trained agent.
        entry_point: "package.module:name".
        options: What `make_agent` is given.
        config: The whole configuration, defaults written out.
        reward: What it is trained on.
        reward_timing: When that is paid; None for the environment's own.
        total_timesteps: Steps it is trained for.
        trained: Whether it is trained at all.
        seed: What it is made with.
        training: Facts of a training that lies behind it (see training.py); None if it is to be trained.
        track: What it learns from.
    """

    name: str
    make: str
    entry_point: str
    options: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    reward: Any = "default"
    reward_timing: Any = None
    total_timesteps: int = 0
    trained: bool = False
    seed: int = 0
    training: Mapping[str, Any] | None = None
    track: str = "scratch"


def plan_agent(cell: Cell) -> AgentPlan:
    """Finds out what a cell's agent is.

    Raises:
        ValueError: There is no such agent or it cannot be run as asked.
    """
    from llm_benchmarks.run.training import check_own_agent, read_training

    if cell.agent not in AGENTS and Path(cell.agent).is_dir():
        facts = read_training(Path(cell.agent))
        if facts["agent"] not in AGENTS:
            check_own_agent(Path(cell.agent), facts)
        return AgentPlan(
            name=facts["agent"],
            make=cell.agent,
            entry_point=facts["entry_point"],
            config=facts["config"],
            reward=facts["reward"],
            reward_timing=facts["reward_timing"],
            total_timesteps=facts["total_timesteps"],
            trained=True,
            seed=facts["seed"],
            training=facts,
            track=facts["track"],
        )
    factory = factory_of(cell.agent)
    find_spec(cell.env)  # what it fixes by default decides which of the agent's options fit
    asked = cell.total_timesteps
    trained = bool(asked) if factory.trains is None else factory.trains
    if not trained and asked and cell.agent in AGENTS:
        raise SuiteError(f"agent {cell.agent!r} does not train; leave total_timesteps out")
    kwargs = {**cell.env_kwargs, "reward": cell.env_reward}
    options = cell.agent_options
    design = chosen_design(options, cell.env_id, kwargs)
    defaults = fitting_options(agent_defaults(cell.agent, cell.env_id, design, options), cell.env_id, kwargs)
    differing = {k: v for k, v in options.items() if design is None or k != "reward"}
    config = {**defaults, **differing}
    check_config(cell.agent, differing, defaults)
    config = complete_config(cell.agent, cell.env_id, config)
    reward = config.get("reward") if config.get("reward") is not None else cell.env_reward
    return AgentPlan(
        name=cell.agent,
        make=cell.agent,
        entry_point=AGENTS[cell.agent].target if cell.agent in AGENTS else cell.agent,
        options=options,
        config=config,
        reward=reward,
        reward_timing=reward_timing_of(config, cell.env_kwargs),
        total_timesteps=timesteps(cell.agent, cell.env_id, asked) if trained else 0,
        trained=trained,
        seed=cell.seed if trained else cell.evaluation.seed + cell.seed,
        track=cell.track or track_of(cell.agent, config),
    )


def reward_timing_of(config: Mapping[str, Any], env_kwargs: Mapping[str, Any]) -> Any:
    """When a training reward is paid: as the agent's configuration says, else as the environment's does."""
    own = config.get("reward_timing")
    return env_kwargs.get("reward_timing") if own is None else own


def settled(cell: Cell, agent: AgentPlan) -> Cell:
    """The cell with what the training of its agent fixes, where that is a folder: environment, seed.

    Args:
        cell: The cell.
        agent: From `plan_agent`; it is that of the settled cell, too.

    Raises:
        SuiteError: The agent was trained on another id.
    """
    facts = agent.training
    if facts is None:
        return cell
    if facts["env"] != cell.env_id:
        raise SuiteError(f"'{cell.agent}' was trained on {facts['env']}, not on {cell.env_id}")
    return replace(cell, env_kwargs={**facts["env_kwargs"], **cell.env_kwargs}, seed=facts["seed"])


def track_of(agent: str, config: Mapping[str, Any]) -> str:
    """What an agent learns from: the registry's word, unless its configuration says otherwise."""
    if config.get("demonstrations"):
        return "demonstrations"
    usual = AGENTS[agent].track if agent in AGENTS else "scratch"
    if usual == "demonstrations" and isinstance(model := config.get("model"), str):
        from llm_baselines.lm.build import PRESETS

        if model not in PRESETS:
            return "pretrained"
    return "scratch" if config.get("warm_start") is False else usual


def timesteps(agent: str, env_id: str, asked: int | str | None) -> int:
    """Steps to train for: those asked for, or the agent's own budget on the id.

    Args:
        agent: A name of the registry, or "module:factory".
        env_id: Environment id.
        asked: A number; "demo" or "bench" (also None) for the agent's own.

    Raises:
        SuiteError: It has none.
    """
    check_timesteps(asked, f"{env_id} {agent}")
    if isinstance(asked, int):
        return asked
    suggested = factory_of(agent).suggested_timesteps(env_id, asked or "bench")
    if suggested is not None:
        return suggested
    raise SuiteError(f"agent {agent!r} has no budget of its own; say how many total_timesteps")


def training_env(cell: Cell) -> gym.Env[Any, Any]:
    """The environment the cell's agent is made with."""
    kwargs = _checked(cell.env_kwargs)
    return gym.make(cell.env, split="train", reward=own_reward(cell, cell.env_reward), **kwargs)


def evaluation_arguments(cell: Cell) -> dict[str, Any]:
    """The arguments of the environments the cell is judged on; the reward is paid at the end there."""
    kwargs = {k: v for k, v in _checked(cell.env_kwargs).items() if k != "reward_timing"}
    given = cell.evaluation
    metrics = own_argument(cell.env, "metrics", given.metrics)
    return {"split": given.split, "reward": own_reward(cell, given.reward), "metrics": metrics, **kwargs}


def own_reward(cell: Cell, reward: Any) -> Any:
    """A reward as it is; "default" as the cell's id was registered, where that was with a reward."""
    return own_argument(cell.env, "reward", reward)


def _checked(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    for name in RESERVED:
        if name in kwargs:
            raise SuiteError(f"{name!r} is no argument to give an environment here; it is set by itself")
    return dict(kwargs)


def make_plan(cell: Cell, agent: AgentPlan | None = None) -> dict[str, Any]:
    """The plan of a cell's record (see records/record.py). Makes the environments, not the agent.

    So whatever an environment, a reward, a data set's splits or a record's form would refuse after hours of
    training is refused here.

    Args:
        cell: The cell.
        agent: From `plan_agent`, where it is at hand.

    Raises:
        ValueError: The cell cannot be run as it is written, or no record could hold it.
    """
    agent = plan_agent(cell) if agent is None else agent
    env = gym.make(cell.env, **evaluation_arguments(cell))
    task = env.unwrapped.task  # type: ignore[attr-defined]
    described = task.describe()
    plan = draft_plan(cell, agent)
    plan["env"] |= {"signature": task.signature, "context_length": described["context_length"]}
    plan["dataset"] |= {
        "name": described["dataset"],
        "hash": described["dataset_hash"],
        "sizes": described["dataset_sizes"],
    }
    plan["tokenizer"] = {
        "spec": described["tokenizer"],
        "hash": described["tokenizer_hash"],
        "vocabulary_size": described["vocabulary_size"],
    }
    plan["reward"] |= {
        "evaluation": {"spec": cell.evaluation.reward, "signature": described["reward_signature"]},
        "metrics": _metrics(task),
    }
    _check_lazy(task)
    if agent.training is not None:
        plan["reward"]["training"] = agent.training["training_reward"]
    elif agent.trained:
        kwargs = _checked(cell.env_kwargs)
        if agent.reward_timing is not None:
            kwargs["reward_timing"] = agent.reward_timing
        trained = gym.make(cell.env, split="train", **{**kwargs, "reward": own_reward(cell, agent.reward)})
        signature = trained.unwrapped.task.reward.signature  # type: ignore[attr-defined]
        plan["reward"]["training"] = {"spec": agent.reward, "signature": signature}
        trained.close()
        if agent.name in AGENTS and agent.config.get("eval_freq"):
            _check_validation(cell)
    if cell.evaluation.episodes is None:
        plan["budget"]["evaluation_episodes"] = len(task.examples)
    env.close()
    try:
        check_plan(plan)
    except RecordError as error:
        raise SuiteError(f"{cell}: no record could be written of this: {error}") from error
    return plan


def _metrics(task: Task) -> list[dict[str, Any]]:
    single, whole = task.metrics, task.corpus_metrics
    return [
        *({"name": n, "signature": s} for n, s in (single.signatures if single else {}).items()),
        *(
            {"name": n, "signature": s, "level": "corpus"}
            for n, s in (whole.signatures if whole else {}).items()
        ),
    ]


def _check_lazy(task: Task) -> None:
    """Scores a few references with what would else be loaded, and perhaps refused, after the training."""
    few = islice(task.examples, _TRIED)
    episodes = [Episode(e, e.references[0] if e.references else e.source, (), "stop") for e in few]
    try:
        for rewards in (task.reward, task.metrics):
            if rewards is not None and rewards.lazy:
                rewards.score_batch(episodes)
        if task.corpus_metrics is not None and task.corpus_metrics.lazy:
            task.corpus_metrics.score_corpus(episodes)
    except RewardError as error:
        raise SuiteError(str(error)) from error


def _check_validation(cell: Cell) -> None:
    """Makes the environment that the learning curve is measured on, as `rows.validation_envs` does."""
    kwargs = {**_checked(cell.env_kwargs), "reward_timing": "terminal", "metrics": "default"}
    try:
        gym.make(
            cell.env, **{**kwargs, "split": "validation", "reward": own_reward(cell, cell.env_reward)}
        ).close()
    except DataError as error:
        raise SuiteError(f"{error}; or train without a learning curve: eval_freq=0") from error


def draft_plan(cell: Cell, agent: AgentPlan | None = None) -> dict[str, Any]:
    """The part of a plan for which nothing need be made: for runs that fail before anything is."""
    budget = cell.total_timesteps if isinstance(cell.total_timesteps, int) else 0
    if agent is None:
        reach = budget > 0
        agent = AgentPlan(
            name=cell.agent,
            make=cell.agent,
            entry_point=AGENTS[cell.agent].target if cell.agent in AGENTS else cell.agent,
            config=cell.config,
            reward=cell.reward,
            total_timesteps=budget,
            trained=reach,
            seed=cell.seed,
            track=cell.track or "scratch",
        )
    judged = cell.evaluation
    return {
        "env": {
            "id": cell.env_id,
            "kwargs": dict(cell.env_kwargs),
            "signature": None,
            "context_length": None,
        },
        "dataset": {
            "name": None,
            "hash": None,
            "training_split": "train" if agent.trained else None,
            "evaluation_split": judged.split,
            "sizes": {},
        },
        "tokenizer": {"spec": None, "hash": None, "vocabulary_size": None},
        "reward": {
            "training": {"spec": agent.reward, "signature": None} if agent.trained else None,
            "evaluation": {"spec": judged.reward, "signature": None},
            "metrics": [],
            **({} if judged.metrics == "default" else {"metrics_spec": list(judged.metrics)}),
        },
        "track": agent.track,
        "agent": {
            "name": agent.name,
            "entry_point": agent.entry_point,
            "config": dict(agent.config),
            "base_model": base_model(agent.config),
            "checkpoint_hash": None,
            "parameters": None,
            "tuning": {"trials": cell.trials, "seeds": list(cell.tuning_seeds)},
        },
        "seeds": {
            "training": agent.seed if agent.trained else None,
            "evaluation": judged.seed if agent.trained else judged.seed + cell.seed,
        },
        "budget": {
            "total_timesteps": agent.total_timesteps,
            "evaluation_episodes": judged.episodes or 1,
        },
        "decoding": {
            "deterministic": judged.deterministic,
            "options": {},
            "num_envs": judged.num_envs,
        },
    }
