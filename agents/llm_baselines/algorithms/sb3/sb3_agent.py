"""SB3Agent: what the Stable-Baselines3 agents share - training, checkpoints, saving and loading."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, ClassVar, Self

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger, configure
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import Schedule
from stable_baselines3.common.utils import LinearSchedule, get_device

from llm_baselines.agent import Env, EvaluationListener, TrainingReport
from llm_baselines.algorithms.sb3.callbacks import RoundCallback
from llm_baselines.algorithms.sb3.checkpoint import (
    cut_episodes,
    read_state,
    restore_checkpoint,
    write_checkpoint,
)
from llm_baselines.algorithms.sb3.settings import SB3Config
from llm_baselines.algorithms.sb3.vec_env import SB3TokenVecEnv
from llm_baselines.configuration.options import make_config, values_of
from llm_baselines.configuration.tables import AGENT_OPTIONS, chosen_design, fitting_options
from llm_baselines.play.rows import training_design, validation_envs
from llm_baselines.storage.agent_folder import (
    AgentFolderError,
    check_described,
    check_origin,
    described_config,
    environment_of,
    json_able,
    kept_config,
    read_agent_folder,
    training_signature,
    write_agent_folder,
)
from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.storage.not_finite import all_finite, check_worth_saving
from llm_baselines.storage.rotation import newest_checkpoint, set_aside
from llm_baselines.training.stopped import not_finite
from llm_envs import vectorize
from llm_envs.envs.ids import is_native

_NEEDED = ("action_space", "config", "observation_space", "report", "seed", "tokenizer_hash")


class SB3Agent:
    """An algorithm of Stable-Baselines3 on a token environment.

    Args:
        env: An id of llm_envs, or what gymnasium.make made of it, without wrappers. Where its
            reward is not the default, that is what is trained on; else the configuration's training reward,
            if it names one.
        seed: Decides weights, exploration, examples.
        device: "auto" or a torch device.
        **config: What differs from the defaults for the id, see `defaults`.

    Raises:
        ValueError: The environment was not made by gymnasium.make, is wrapped, or its spaces are not tokens.

    Attributes:
        config: The whole configuration.
        policy: Stable-Baselines3's policy.
        model: Stable-Baselines3's algorithm, once `learn` has been called.
        report: Cost and curve of the training.
    """

    name: ClassVar[str]
    config_class: ClassVar[type[SB3Config]]
    on_evaluation: EvaluationListener | None = None
    """Called with every evaluation on validation."""

    def __init__(self, env: str | Env, seed: int, device: str = "auto", **config: Any) -> None:
        env = gym.make(env) if isinstance(env, str) else env
        if env.spec is None:
            raise ValueError(f"{env!r} was not made by gymnasium.make")
        self._env = env
        self._spaces()
        if not is_native(env):
            raise ValueError(
                f"{env} {'has a step() of its own' if env is env.unwrapped else 'is wrapped'}, and "
                f"{self.name} trains on vector environments like the one inside: give its options to "
                "gymnasium.make, or take Stable-Baselines3's own class"
            )
        self.seed = seed
        self.device = get_device(device)
        spec = env.spec
        design = chosen_design(config, spec.id, spec.kwargs)
        if design is not None:
            del config["reward"]
        merged = {**fitting_options(self.defaults(spec.id, design), spec.id, spec.kwargs), **config}
        self.config: Any = make_config(self.config_class, merged)
        self.report = TrainingReport()
        self.model: BaseAlgorithm | None = None
        self._best: tuple[float, dict[str, torch.Tensor] | None] = (-np.inf, None)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.policy: BasePolicy = self._make_policy()
        self.report.parameters = self._count_parameters()
        self._exploration = np.random.default_rng(seed)

    @classmethod
    def defaults(cls, env_id: str, design: str | None = None) -> dict[str, Any]:
        """The configuration on an id: the table of hyperparameters over the class's defaults."""
        return asdict(make_config(cls.config_class, AGENT_OPTIONS.options(cls.name, env_id, design)))

    @classmethod
    def check_config(cls, config: Mapping[str, Any]) -> None:
        """Checks a configuration before an agent is made with it."""
        make_config(cls.config_class, config)

    @classmethod
    def suggested_timesteps(cls, env_id: str, size: str = "bench") -> int:
        """How long to train on an id; see `OptionTables.timesteps`."""
        return AGENT_OPTIONS.timesteps(cls.name, env_id, size)

    @property
    def num_timesteps(self) -> int:
        """Environment steps so far; in the middle of a training, too."""
        return self.report.environment_steps if self.model is None else self.model.num_timesteps

    # What the algorithms say.

    def _make_policy(self) -> BasePolicy:
        raise NotImplementedError

    def _make_model(self, venv: SB3TokenVecEnv) -> BaseAlgorithm:
        raise NotImplementedError

    def _outputs(self, observation: torch.Tensor) -> list[torch.Tensor]:
        """What the networks give for observations (n, context_length)."""
        raise NotImplementedError

    def _prepare(self, model: BaseAlgorithm) -> None:
        """What is done once, before the first step of a training."""

    def _policy_kwargs(self) -> dict[str, Any]:
        c = self.config
        names = ("embedding_dim", "body", "layers", "heads", "window", "prompt", "pointer", "copy_bias")
        extractor = {name: getattr(c, name) for name in names}
        return {
            "features_extractor_kwargs": extractor,
            "tied": c.tied,
            "optimizer_kwargs": {"fused": True},
        }

    def _learning_rate(self) -> Schedule:
        return LinearSchedule(self.config.learning_rate, self.config.learning_rate_end, 1.0)

    def _spaces(self) -> tuple[spaces.Box, spaces.Discrete]:
        observation, action = self._env.observation_space, self._env.action_space
        if not isinstance(observation, spaces.Box) or not isinstance(action, spaces.Discrete):
            raise ValueError(
                f"{self.name} acts in plain token environments, got {observation}; under TopKActions take "
                "stable_baselines3.DQN with llm_baselines.algorithms.sb3.candidates.CandidateDQNPolicy"
            )
        return observation, action

    def _count_parameters(self) -> int:
        return sum(p.numel() for p in self.policy.parameters() if p.requires_grad)

    # The agent contract.

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Actions int64 (n,) for observations int32 (n, context_length)."""
        actions, state = self.policy.predict(observation, state, episode_start, deterministic)
        return np.asarray(actions), state

    def learn(
        self,
        total_timesteps: int,
        *,
        run_folder: Path | None = None,
        resume: bool = False,
        progress_bar: bool = False,
    ) -> Self:
        """Trains. See TrainableAgent.learn; `total_timesteps` counts those of earlier calls too.

        Interrupted, it saves a checkpoint (where there is a run folder) and lets the interruption pass on.
        Interruptions come while the rows are stepped or evaluated, never within an update. A resumed run
        goes on with weights, optimizer and replay buffer as they were, and with environments and random
        numbers begun anew from the seed and the step.

        Raises:
            AgentFolderError: The checkpoint to resume from is damaged or of another run.
            NotFinite: The weights have become NaN or infinite; the checkpoint before is kept.
        """
        place = newest_checkpoint(Path(run_folder) / "resume") if run_folder and resume else None
        if run_folder is not None and place is None:
            set_aside(Path(run_folder) / "resume")
        timing = self.config.reward_timing
        timing = self._kwargs().get("reward_timing", "terminal") if timing is None else timing
        with ExitStack() as opened:
            training = SB3TokenVecEnv(self._vector_env(training=True))
            opened.callback(training.close)
            validation = self._vector_env(training=False) if self.config.eval_freq else None
            if validation is not None:
                opened.callback(validation.close)
            model = self._begun_model(training) if place is None else self._restored_model(training, place)
            done = model.num_timesteps
            if place is None and 0 < done >= total_timesteps:
                warnings.warn(
                    f"there is nothing to do: total_timesteps={total_timesteps} counts earlier steps too, "
                    f"and this agent has made {done}",
                    stacklevel=2,
                )
            model.set_random_seed(self.seed + done)
            logger = self._make_logger(run_folder, done)
            opened.callback(logger.close)
            model.set_logger(logger)

            def check() -> None:
                if not self.is_finite():
                    where = f"step {model.num_timesteps}"
                    raise not_finite("a weight, or what the weights give, is nan", where, run_folder)

            def checkpoint() -> None:
                check()
                if run_folder is not None:
                    callback.update_report()
                    self._write_checkpoint(Path(run_folder), model, callback)

            callback = RoundCallback(
                self.report,
                validation,
                eval_freq=self.config.eval_freq,
                n_eval_episodes=self.config.n_eval_episodes,
                checkpoint_freq=self.config.checkpoint_freq if run_folder is not None else 0,
                checkpoint=checkpoint,
                dense=timing not in (None, "terminal"),
                check=check,
                on_evaluation=self.on_evaluation,
            )
            opened.enter_context(_told_as_not_finite(check))
            callback.best_score, callback.best_weights = self._best
            opened.callback(self._note_best, callback)  # of an interrupted training, too
            goes_on = total_timesteps > done
            unmeasured = place is not None and self._last_measured() != done  # it was interrupted at its end
            with deferred_signals():  # an interruption finds weights, optimizer, replay and counters in step
                try:
                    if goes_on:
                        model.learn(
                            total_timesteps - done,
                            callback=callback,
                            log_interval=self._log_interval(),
                            reset_num_timesteps=False,
                            progress_bar=progress_bar,
                        )
                    else:
                        callback.init_callback(model)
                    if validation is not None and (goes_on or unmeasured):
                        callback.measure()
                except KeyboardInterrupt:
                    checkpoint()
                    raise
                if goes_on or unmeasured:
                    callback.update_report()
                    checkpoint()
                if self.config.keep_best and callback.best_weights is not None:
                    self.policy.load_state_dict(callback.best_weights)
        return self

    def save(self, folder: Path) -> None:
        """Writes agent.json, weights.safetensors and manifest.json; nothing is pickled.

        Raises:
            NotFinite: The weights are no numbers.
        """
        check_worth_saving(self, folder)
        observation, action = self._spaces()
        description = {
            "agent": self.name,
            "env_id": self._env.spec.id if self._env.spec else None,
            "env_kwargs": json_able(self._kwargs()),
            "observation_space": {"shape": list(observation.shape), "high": int(observation.high.max())},
            "action_space": int(action.n),
            "tokenizer_hash": self._tokenizer_hash(),
            "seed": self.seed,
            "timesteps": self.report.environment_steps,
            **described_config(self.config),
            "reward_signature": training_signature(self._env, self.config),
            "report": json_able(asdict(self.report)),
        }
        write_agent_folder(Path(folder), description, self.policy.state_dict())

    @classmethod
    def load(cls, folder: Path, env: str | Env, *, seed: int | None = None, device: str = "auto") -> Self:
        """A saved agent, for an environment with the same spaces and tokenizer; `seed`: as it had.

        Raises:
            AgentFolderError: The folder is damaged, another agent's, or does not fit the environment.
        """
        description, weights = read_agent_folder(Path(folder))
        if description.get("agent") != cls.name:
            raise AgentFolderError(f"'{folder}' holds a {description.get('agent')!r}, not a {cls.name!r}")
        check_described(description, Path(folder), _NEEDED)
        chosen = int(description["seed"]) if seed is None else seed
        agent = cls(env, chosen, device, **kept_config(description, Path(folder)))
        observation, action = agent._spaces()
        for what, saved, here in (
            ("context length", description["observation_space"].get("shape"), list(observation.shape)),
            ("number of tokens", description["action_space"], int(action.n)),
            ("tokenizer hash", description["tokenizer_hash"], agent._tokenizer_hash()),
        ):
            if saved != here:
                raise AgentFolderError(f"'{folder}' has {what} {saved}, the environment {here}")
        try:
            agent.policy.load_state_dict(weights)
        except RuntimeError as error:
            raise AgentFolderError(
                f"'{folder}': its weights do not fit its configuration: {error}"
            ) from error
        agent.report = TrainingReport(**description["report"])
        return agent

    @torch.no_grad()
    def is_finite(self) -> bool:
        """Whether all weights are numbers, and so is what they say of a text of one token."""
        observation = torch.full((1, *self._spaces()[0].shape), -1, device=self.policy.device)
        observation[0, 0] = 0
        return all_finite(self.policy.state_dict().values()) and all_finite(self._outputs(observation))

    # Parts of learn.

    def _begun_model(self, training: SB3TokenVecEnv) -> BaseAlgorithm:
        """The algorithm of an earlier call, or a new one."""
        if self.model is not None:
            self.model.set_env(training)
            cut_episodes(self.model)
            return self.model
        self.report = TrainingReport(parameters=self.report.parameters)
        model = self._new_model(training)
        self._prepare(model)
        return model

    def _note_best(self, callback: RoundCallback) -> None:
        self._best = callback.best_score, callback.best_weights

    def _last_measured(self) -> float | None:
        curve = self.report.curve
        return curve[-1]["timesteps"] if curve else None

    def _restored_model(self, training: SB3TokenVecEnv, place: Path) -> BaseAlgorithm:
        state = self._checked_state(place)
        self.report = TrainingReport(**state["report"])
        model = self._new_model(training)
        best = -np.inf if state["best_score"] is None else state["best_score"]
        self._best = best, restore_checkpoint(place, model)
        return model

    def _new_model(self, training: SB3TokenVecEnv) -> BaseAlgorithm:
        model = self.model = self._make_model(training)
        model.policy.load_state_dict(self.policy.state_dict())
        self.policy = model.policy
        return model

    def _kwargs(self) -> dict[str, Any]:
        assert self._env.spec is not None
        return {k: v for k, v in self._env.spec.kwargs.items() if k != "render_mode"}

    def _tokenizer_hash(self) -> str:
        return str(self._env.unwrapped.task.tokenizer.content_hash)  # type: ignore[attr-defined]

    def _vector_env(self, *, training: bool) -> Any:
        if not training:
            return validation_envs(self._env, min(32, self.config.n_eval_episodes))
        design = training_design(self.config)
        return vectorize(self._env, self.config.n_envs, autoreset_mode="SameStep", **design)

    def _make_logger(self, run_folder: Path | None, done: int) -> Logger:
        if run_folder is None:
            return Logger(folder=None, output_formats=[])
        formats = ["csv", "json"]
        try:
            import torch.utils.tensorboard  # noqa: F401

            formats.append("tensorboard")
        except ImportError:
            pass
        return configure(str(Path(run_folder) / "logs" / f"from-{done:012d}"), formats)

    def _log_interval(self) -> int:
        return 200

    def _checked_state(self, place: Path) -> dict[str, Any]:
        state = read_state(place)
        check_origin(place, state, self.seed, self._env)
        mine = json_able(values_of(self.config))
        for known in fields(self.config):
            if state["config"].get(known.name) != mine[known.name]:
                raise AgentFolderError(
                    f"'{place}' was trained with {known.name}={state['config'].get(known.name)!r}, not "
                    f"{mine[known.name]!r}: resume with the same configuration, or train afresh"
                )
        return state

    def _write_checkpoint(self, run_folder: Path, model: BaseAlgorithm, callback: RoundCallback) -> None:
        state = {
            "seed": self.seed,
            "environment": environment_of(self._env),
            "config": json_able(values_of(self.config)),
            "report": json_able(asdict(self.report)),
            "best_score": callback.best_score if np.isfinite(callback.best_score) else None,
        }
        write_checkpoint(run_folder / "resume", model, state, callback.best_weights)


@contextmanager
def _told_as_not_finite(check: Callable[[], None]) -> Iterator[None]:
    """Lets `check` speak first of what torch raises: it refuses a distribution whose logits are NaN."""
    try:
        yield
    except (ValueError, RuntimeError):
        check()
        raise
