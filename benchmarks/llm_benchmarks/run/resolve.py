"""From a cell to its `RunSpec`: the one place that writes out the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gymnasium as gym

import llm_envs  # noqa: F401  registers the ids
from llm_baselines.registry import (
    AGENTS,
    decoding_options,
    entry_point_of,
    factory_of,
    make_agent,
    split_settings,
    track_of,
)
from llm_baselines.spec import AgentSpec, EnvironmentSpec, EvaluationSpec, RewardSpec, RunSpec, TrainingSpec
from llm_baselines.storage.training_spec import contents_of
from llm_benchmarks.records.base_model import base_model
from llm_benchmarks.records.record import NO_FACTS
from llm_benchmarks.records.values import RecordError
from llm_benchmarks.run.agent_defaults import reward_timing_of, timesteps, with_defaults
from llm_benchmarks.run.cells import Cell, SuiteError
from llm_benchmarks.run.environments import evaluation_arguments, own_kwargs, own_reward, training_env
from llm_benchmarks.run.preflight import check_lazy_rewards, check_record_of, check_validation
from llm_benchmarks.run.trained_folder import TrainedFolder, check_own_agent, load_trained, read_training
from llm_envs.envs.ids import bare_id, find_spec
from llm_envs.envs.task import Task


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """A cell with its defaults written out. It makes the environment and the agent of the run.

    Attributes:
        cell: The request. A trained folder sets its environment arguments and its seed.
        spec: The run.
        facts: The environment's facts, as in a record; `NO_FACTS` before the environment is made.
        options: The options that the agent is made with.
        trained: The training of the folder that `cell.agent` names; None for any other agent.
        seed: The seed that the agent is made with.
    """

    cell: Cell
    spec: RunSpec
    facts: Mapping[str, Any] = field(default_factory=lambda: dict(NO_FACTS))
    options: Mapping[str, Any] = field(default_factory=dict)
    trained: TrainedFolder | None = None
    seed: int = 0

    @property
    def evaluation(self) -> EvaluationSpec:
        """The evaluation of the run."""
        assert self.spec.evaluation is not None  # a cell has one
        return self.spec.evaluation

    @property
    def training(self) -> TrainingSpec | None:
        """The training that the run still has to do; None for a trained or an untrainable agent."""
        return None if self.trained is not None else self.spec.training

    def training_env(self) -> gym.Env[Any, Any]:
        """Returns the environment that the agent is made with."""
        return training_env(self.cell)

    def make_agent(self, env: gym.Env[Any, Any], *, device: str) -> Any:
        """Returns a new agent, or the trained agent of a folder."""
        if self.trained is not None:
            return load_trained(Path(self.cell.agent), self.trained, env, device=device)
        return make_agent(self.cell.agent, env, seed=self.seed, device=device, config=self.options)


def resolve(cell: Cell) -> Resolved:
    """Returns the run of a cell, with every default written out.

    It makes the environments, but not the agent. So an error of an environment, a reward, a data set or the
    record's schema shows here, and not after hours of training.

    Raises:
        ValueError: The cell cannot be run as it is written, or no record could hold it.
    """
    return with_environment(resolve_agent(cell))


def resolve_agent(cell: Cell) -> Resolved:
    """Returns the run of a cell without what only its environment knows: signatures and facts.

    Raises:
        ValueError: The agent is unknown, or cannot run as the cell says.
    """
    if cell.agent not in AGENTS and Path(cell.agent).is_dir():
        return _of_folder(cell)
    factory = factory_of(cell.agent)
    find_spec(cell.env)  # registers the id: its arguments decide which of the agent's options fit
    budget = cell.total_timesteps
    trains = bool(budget) if factory.trains is None else factory.trains
    if not trains and budget and cell.agent in AGENTS:
        raise SuiteError(f"agent {cell.agent!r} does not train; leave total_timesteps out")
    config = with_defaults(cell)
    reward = config.get("reward") if config.get("reward") is not None else cell.env_reward
    training = None
    if trains:
        training = TrainingSpec(
            reward=RewardSpec(spec=reward),
            reward_timing=reward_timing_of(config, cell.env_kwargs),
            total_timesteps=timesteps(cell.agent, cell.env_id, budget),
            seed=cell.seed,
        )
    affecting, settings = split_settings(cell.agent, config)
    agent = AgentSpec(
        name=cell.agent,
        entry_point=entry_point_of(cell.agent),
        config=affecting,
        settings=settings,
        base_model=base_model(config, named=cell.agent in AGENTS),
        track=cell.track or track_of(cell.agent, config),
        trials=cell.trials,
        tuning_seeds=cell.tuning_seeds,
    )
    return Resolved(
        cell=cell,
        spec=_spec(cell, agent, training),
        options=cell.agent_options,
        seed=cell.seed if trains else cell.evaluation.seed + cell.seed,
    )


def resolve_given(cell: Cell, agent: AgentSpec, training: TrainingSpec | None) -> Resolved:
    """Resolves a cell whose agent was made, and trained, elsewhere.

    Args:
        cell: The environment and the evaluation.
        agent: The agent, as far as it is known.
        training: Its training, as far as it is known; None for an agent that is not trained.

    Raises:
        ValueError: The environment cannot be made, or no record could hold the run.
    """
    return with_environment(Resolved(cell=cell, spec=_spec(cell, agent, training)))


def draft(cell: Cell) -> RunSpec:
    """Returns the run as far as the cell alone describes it, for a cell that cannot be resolved."""
    steps = cell.total_timesteps if isinstance(cell.total_timesteps, int) else 0
    agent = AgentSpec(
        name=cell.agent,
        entry_point=entry_point_of(cell.agent),
        config=cell.config,
        track=cell.track or "scratch",
        trials=cell.trials,
        tuning_seeds=cell.tuning_seeds,
    )
    reward = RewardSpec(spec=cell.reward)
    trained = TrainingSpec(reward=reward, total_timesteps=steps, seed=cell.seed)
    return _spec(cell, agent, trained if steps else None)


def with_environment(resolved: Resolved) -> Resolved:
    """Adds the signatures and facts of the run's environments, and checks that the run is possible.

    Raises:
        ValueError: The run is impossible, or no record could hold it.
    """
    cell, spec = resolved.cell, resolved.spec
    evaluation, agent = resolved.evaluation, spec.agent
    env = gym.make(cell.env, **evaluation_arguments(cell))
    task: Task = env.unwrapped.task  # type: ignore[attr-defined]
    described = task.describe()
    check_lazy_rewards(task)
    training = spec.training
    if resolved.training is not None:
        training = _with_signature(cell, resolved.training)
        if agent.name in AGENTS and agent.config.get("eval_freq"):
            check_validation(cell.env, {**own_kwargs(cell), "reward": own_reward(cell, cell.env_reward)})
    environment = replace(
        spec.environment, signature=task.signature, contents=contents_of(spec.environment.kwargs, described)
    )
    reward = replace(evaluation.reward, signature=described["reward_signature"])
    episodes = len(task.examples) if evaluation.episodes is None else evaluation.episodes
    spec = replace(
        spec,
        environment=environment,
        training=training,
        evaluation=replace(evaluation, reward=reward, episodes=episodes),
    )
    facts = {**NO_FACTS, **_facts(task, described)}
    env.close()
    try:
        check_record_of(spec, facts)
    except RecordError as error:
        raise SuiteError(f"{cell}: no record could be written of this: {error}") from error
    return replace(resolved, spec=spec, facts=facts)


def _of_folder(cell: Cell) -> Resolved:
    """Returns the run of a trained folder, which takes environment, seed and agent from its training.

    Raises:
        SuiteError: The agent was trained on another id.
    """
    trained = read_training(Path(cell.agent))
    environment, agent = trained.spec.environment, trained.spec.agent
    if agent.name not in AGENTS:
        check_own_agent(Path(cell.agent), trained)
    if environment.id != cell.env_id:
        raise SuiteError(f"'{cell.agent}' was trained on {environment.id}, not on {cell.env_id}")
    cell = replace(cell, env_kwargs={**environment.kwargs, **cell.env_kwargs}, seed=trained.training.seed)
    config = {**agent.config, **agent.settings}
    agent = replace(
        agent,
        base_model=agent.base_model or base_model(config, named=agent.name in AGENTS),
        trials=cell.trials,
        tuning_seeds=cell.tuning_seeds,
    )
    return Resolved(
        cell=cell, spec=_spec(cell, agent, trained.training), trained=trained, seed=trained.training.seed
    )


def _spec(cell: Cell, agent: AgentSpec, training: TrainingSpec | None) -> RunSpec:
    evaluation = cell.evaluation
    decoding: dict[str, Any] = {}
    if agent.name in AGENTS:
        decoding = decoding_options(agent.name, agent.config, evaluation.deterministic)
    return RunSpec(
        environment=EnvironmentSpec(
            id=cell.env_id,
            module=cell.env.removesuffix(bare_id(cell.env)).removesuffix(":"),
            kwargs=dict(cell.env_kwargs),
        ),
        agent=agent,
        training=training,
        evaluation=EvaluationSpec(
            split=evaluation.split,
            seed=evaluation.seed if training is not None else evaluation.seed + cell.seed,
            episodes=evaluation.episodes,
            reward=RewardSpec(spec=evaluation.reward),
            metrics=evaluation.metrics if evaluation.metrics == "default" else list(evaluation.metrics),
            deterministic=evaluation.deterministic,
            decoding=decoding,
            num_envs=evaluation.num_envs,
        ),
        experiment=cell.experiment,
        variant=cell.variant,
    )


def _with_signature(cell: Cell, training: TrainingSpec) -> TrainingSpec:
    """Returns the training with the signature of its reward."""
    kwargs = own_kwargs(cell)
    if training.reward_timing is not None:
        kwargs["reward_timing"] = training.reward_timing
    env = gym.make(cell.env, split="train", **{**kwargs, "reward": own_reward(cell, training.reward.spec)})
    signature = env.unwrapped.task.reward.signature  # type: ignore[attr-defined]
    env.close()
    return replace(training, reward=replace(training.reward, signature=signature))


def _facts(task: Task, described: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the environment's facts as a record holds them."""
    metrics, corpus_metrics = task.metrics, task.corpus_metrics
    return {
        "context_length": described["context_length"],
        "dataset": {
            "name": described["dataset"],
            "hash": described["dataset_hash"],
            "sizes": described["dataset_sizes"],
        },
        "tokenizer": {
            "spec": described["tokenizer"],
            "hash": described["tokenizer_hash"],
            "vocabulary_size": described["vocabulary_size"],
        },
        "metrics": [
            *({"name": n, "signature": s} for n, s in (metrics.signatures if metrics else {}).items()),
            *(
                {"name": n, "signature": s, "level": "corpus"}
                for n, s in (corpus_metrics.signatures if corpus_metrics else {}).items()
            ),
        ],
    }
