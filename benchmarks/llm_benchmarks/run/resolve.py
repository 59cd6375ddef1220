"""From a cell to its run: the one place where everything that a person left out is written out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gymnasium as gym

import llm_envs  # noqa: F401  registers the ids
from llm_baselines.configuration.tables import chosen_design, fitting_options
from llm_baselines.registry import (
    AGENTS,
    agent_defaults,
    check_config,
    complete_config,
    decoding_options,
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
from llm_benchmarks.run.cells import Cell, SuiteError, check_timesteps
from llm_benchmarks.run.checked_before import check_lazy_rewards, check_record_of, check_validation
from llm_benchmarks.run.environments import evaluation_arguments, own_kwargs, own_reward, training_env
from llm_benchmarks.run.trained_folder import TrainedFolder, check_own_agent, load_trained, read_training
from llm_envs.envs.ids import bare_id, find_spec
from llm_envs.envs.task import Task


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """A cell with everything written out, and what makes its environments and its agent.

    Attributes:
        cell: What was asked for, with what the training of a folder fixes: environment arguments, seed.
        spec: The run.
        facts: What is known of the environment, as a record has it; `NO_FACTS` before it was made.
        options: What the agent is made with.
        trained: The training behind the folder that `cell.agent` names; None for any other agent.
        seed: What the agent is made with.
    """

    cell: Cell
    spec: RunSpec
    facts: Mapping[str, Any] = field(default_factory=lambda: dict(NO_FACTS))
    options: Mapping[str, Any] = field(default_factory=dict)
    trained: TrainedFolder | None = None
    seed: int = 0

    @property
    def evaluation(self) -> EvaluationSpec:
        """How the run is judged."""
        assert self.spec.evaluation is not None  # a cell has one
        return self.spec.evaluation

    @property
    def training(self) -> TrainingSpec | None:
        """The training that is still to be done; None where there is none."""
        return None if self.trained is not None else self.spec.training

    def training_env(self) -> gym.Env[Any, Any]:
        """The environment that the agent is made with."""
        return training_env(self.cell)

    def make_agent(self, env: gym.Env[Any, Any], *, device: str) -> Any:
        """The agent: a new one, or the trained one of a folder."""
        if self.trained is not None:
            return load_trained(Path(self.cell.agent), self.trained, env, device=device)
        return make_agent(self.cell.agent, env, seed=self.seed, device=device, config=self.options)


def resolve(cell: Cell) -> Resolved:
    """Writes out everything that decides the result of a cell. Makes the environments, not the agent.

    So whatever an environment, a reward, a data set's splits or a record's form would refuse after hours of
    training is refused here.

    Raises:
        ValueError: The cell cannot be run as it is written, or no record could hold it.
    """
    return with_environment(resolve_agent(cell))


def resolve_agent(cell: Cell) -> Resolved:
    """Writes out everything that is known before an environment is made: no signatures, no facts.

    Raises:
        ValueError: There is no such agent, or it cannot be run as asked.
    """
    if cell.agent not in AGENTS and Path(cell.agent).is_dir():
        return _of_folder(cell)
    factory = factory_of(cell.agent)
    find_spec(cell.env)  # what it fixes by default decides which of the agent's options fit
    asked = cell.total_timesteps
    trains = bool(asked) if factory.trains is None else factory.trains
    if not trains and asked and cell.agent in AGENTS:
        raise SuiteError(f"agent {cell.agent!r} does not train; leave total_timesteps out")
    config = _whole_config(cell)
    reward = config.get("reward") if config.get("reward") is not None else cell.env_reward
    training = None
    if trains:
        training = TrainingSpec(
            reward=RewardSpec(spec=reward),
            reward_timing=reward_timing_of(config, cell.env_kwargs),
            total_timesteps=timesteps(cell.agent, cell.env_id, asked),
            seed=cell.seed,
        )
    affecting, settings = split_settings(cell.agent, config)
    agent = AgentSpec(
        name=cell.agent,
        entry_point=AGENTS[cell.agent].target if cell.agent in AGENTS else cell.agent,
        config=affecting,
        settings=settings,
        base_model=base_model(config, named=cell.agent in AGENTS),
        track=cell.track or track_of(cell.agent, config),
        trials=cell.trials,
        tuning_seeds=cell.tuning_seeds,
    )
    return Resolved(
        cell=cell,
        spec=_run(cell, agent, training),
        options=cell.agent_options,
        seed=cell.seed if trains else cell.evaluation.seed + cell.seed,
    )


def resolve_given(cell: Cell, agent: AgentSpec, training: TrainingSpec | None) -> Resolved:
    """Resolves a cell whose agent was made, and trained, elsewhere.

    Args:
        cell: Says the environment and the evaluation.
        agent: What is known of the agent.
        training: What is known of its training; None for an agent that is not trained.

    Raises:
        ValueError: The environment cannot be made, or no record could hold the run.
    """
    return with_environment(Resolved(cell=cell, spec=_run(cell, agent, training)))


def draft(cell: Cell) -> RunSpec:
    """The run of a cell that cannot be resolved, from what the cell says alone."""
    steps = cell.total_timesteps if isinstance(cell.total_timesteps, int) else 0
    agent = AgentSpec(
        name=cell.agent,
        entry_point=AGENTS[cell.agent].target if cell.agent in AGENTS else cell.agent,
        config=cell.config,
        track=cell.track or "scratch",
        trials=cell.trials,
        tuning_seeds=cell.tuning_seeds,
    )
    reward = RewardSpec(spec=cell.reward)
    trained = TrainingSpec(reward=reward, total_timesteps=steps, seed=cell.seed)
    return _run(cell, agent, trained if steps else None)


def with_environment(resolved: Resolved) -> Resolved:
    """Makes the environments of a run, for their signatures and facts, and checks that it can be done.

    Raises:
        ValueError: The run cannot be done, or no record could hold it.
    """
    cell, spec = resolved.cell, resolved.spec
    judged, agent = resolved.evaluation, spec.agent
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
    reward = replace(judged.reward, signature=described["reward_signature"])
    episodes = len(task.examples) if judged.episodes is None else judged.episodes
    spec = replace(
        spec,
        environment=environment,
        training=training,
        evaluation=replace(judged, reward=reward, episodes=episodes),
    )
    facts = {**NO_FACTS, **_facts(task, described)}
    env.close()
    try:
        check_record_of(spec, facts)
    except RecordError as error:
        raise SuiteError(f"{cell}: no record could be written of this: {error}") from error
    return replace(resolved, spec=spec, facts=facts)


def _of_folder(cell: Cell) -> Resolved:
    """The run of a trained folder: its training fixes the environment's arguments, the seed and the agent.

    Raises:
        SuiteError: The agent was trained on another id.
    """
    trained = read_training(Path(cell.agent))
    was, agent = trained.spec.environment, trained.spec.agent
    if agent.name not in AGENTS:
        check_own_agent(Path(cell.agent), trained)
    if was.id != cell.env_id:
        raise SuiteError(f"'{cell.agent}' was trained on {was.id}, not on {cell.env_id}")
    cell = replace(cell, env_kwargs={**was.kwargs, **cell.env_kwargs}, seed=trained.training.seed)
    whole = {**agent.config, **agent.settings}
    agent = replace(
        agent,
        base_model=agent.base_model or base_model(whole, named=agent.name in AGENTS),
        trials=cell.trials,
        tuning_seeds=cell.tuning_seeds,
    )
    return Resolved(
        cell=cell, spec=_run(cell, agent, trained.training), trained=trained, seed=trained.training.seed
    )


def _run(cell: Cell, agent: AgentSpec, training: TrainingSpec | None) -> RunSpec:
    asked = cell.evaluation
    decoding: dict[str, Any] = {}
    if agent.name in AGENTS:
        decoding = decoding_options(agent.name, agent.config, asked.deterministic)
    return RunSpec(
        environment=EnvironmentSpec(
            id=cell.env_id,
            module=cell.env.removesuffix(bare_id(cell.env)).removesuffix(":"),
            kwargs=dict(cell.env_kwargs),
        ),
        agent=agent,
        training=training,
        evaluation=EvaluationSpec(
            split=asked.split,
            seed=asked.seed if training is not None else asked.seed + cell.seed,
            episodes=asked.episodes,
            reward=RewardSpec(spec=asked.reward),
            metrics=asked.metrics if asked.metrics == "default" else list(asked.metrics),
            deterministic=asked.deterministic,
            decoding=decoding,
            num_envs=asked.num_envs,
        ),
        experiment=cell.experiment,
        variant=cell.variant,
    )


def _whole_config(cell: Cell) -> dict[str, Any]:
    """The agent's configuration with its defaults, checked."""
    kwargs = {**cell.env_kwargs, "reward": cell.env_reward}
    options = cell.agent_options
    design = chosen_design(options, cell.env_id, kwargs)
    defaults = fitting_options(agent_defaults(cell.agent, cell.env_id, design, options), cell.env_id, kwargs)
    differing = {k: v for k, v in options.items() if design is None or k != "reward"}
    check_config(cell.agent, differing, defaults)
    return complete_config(cell.agent, cell.env_id, {**defaults, **differing})


def reward_timing_of(config: Mapping[str, Any], env_kwargs: Mapping[str, Any]) -> Any:
    """When a training reward is paid: as the agent's configuration says, else as the environment's does."""
    own = config.get("reward_timing")
    return env_kwargs.get("reward_timing") if own is None else own


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


def _with_signature(cell: Cell, training: TrainingSpec) -> TrainingSpec:
    """The training with the signature of its reward."""
    kwargs = own_kwargs(cell)
    if training.reward_timing is not None:
        kwargs["reward_timing"] = training.reward_timing
    env = gym.make(cell.env, split="train", **{**kwargs, "reward": own_reward(cell, training.reward.spec)})
    signature = env.unwrapped.task.reward.signature  # type: ignore[attr-defined]
    env.close()
    return replace(training, reward=replace(training.reward, signature=signature))


def _facts(task: Task, described: Mapping[str, Any]) -> dict[str, Any]:
    single, whole = task.metrics, task.corpus_metrics
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
            *({"name": n, "signature": s} for n, s in (single.signatures if single else {}).items()),
            *(
                {"name": n, "signature": s, "level": "corpus"}
                for n, s in (whole.signatures if whole else {}).items()
            ),
        ],
    }
