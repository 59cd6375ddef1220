"""SB3Agent: what the agents of Stable-Baselines3 share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import Schedule
from stable_baselines3.common.utils import LinearSchedule, get_device

from llm_baselines.agent import Env, EvaluationListener, TokenValues, Track, TrainingReport
from llm_baselines.algorithms.sb3.settings import SB3Config
from llm_baselines.algorithms.sb3.training import SB3Training
from llm_baselines.algorithms.sb3.vec_env import SB3TokenVecEnv
from llm_baselines.configuration.options import make_config
from llm_baselines.configuration.tables import AGENT_OPTIONS, chosen_design, fitting_options
from llm_baselines.play.rows import training_design, validation_envs
from llm_baselines.spec import RunSpec
from llm_baselines.storage.agent_folder import (
    check_described,
    kept_config,
    read_agent_folder,
    reward_is_kept,
    write_agent_folder,
)
from llm_baselines.storage.not_finite import all_finite, check_worth_saving
from llm_baselines.storage.sealed_folder import AgentFolderError, json_able
from llm_baselines.storage.training_spec import training_signature, training_spec
from llm_baselines.training.reward_watch import SamplesListener
from llm_envs import vectorize
from llm_envs.envs.ids import is_native

_NEEDED = ("action_space", "observation_space", "report", "tokenizer_hash")


class SB3Agent:
    """An algorithm of Stable-Baselines3 on a token environment.

    Args:
        env: An id of llm_envs, or an environment that gymnasium.make made from one, without wrappers. A
            training reward in the configuration replaces its reward for training.
        seed: Decides weights, exploration, examples.
        device: "auto" or a torch device.
        **config: Options that differ from the defaults for the id, see `defaults`.

    Raises:
        ValueError: The environment was not made by gymnasium.make, is wrapped, or its spaces are not tokens.

    Attributes:
        config: The whole configuration.
        policy: Stable-Baselines3's policy.
        model: Stable-Baselines3's algorithm, once `learn` has been called.
        report: Cost and curve of the training.
        best: Score and weights of the best evaluation so far; -inf and None before the first.
    """

    name: ClassVar[str]
    config_class: ClassVar[type[SB3Config]]
    log_interval: ClassVar[int] = 200
    """Rounds between log lines, as Stable-Baselines3 counts them."""
    on_evaluation: EvaluationListener | None = None
    on_samples: SamplesListener | None = None
    """Called with every evaluation on validation."""
    training_stage: tuple[str, int, int] | None = None
    """Nothing is trained before its own steps."""

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
        self.best: tuple[float, dict[str, torch.Tensor] | None] = (-np.inf, None)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.policy: BasePolicy = self._make_policy()
        self.report.parameters = self._count_parameters()
        self._exploration = np.random.default_rng(seed)

    @classmethod
    def defaults(cls, env_id: str, design: str | None = None) -> dict[str, Any]:
        """Returns the configuration on an id: its table of options over the defaults of the class."""
        return asdict(make_config(cls.config_class, AGENT_OPTIONS.options(cls.name, env_id, design)))

    @classmethod
    def check_config(cls, config: Mapping[str, Any]) -> None:
        """Checks a configuration before an agent is made with it."""
        make_config(cls.config_class, config)

    @classmethod
    def suggested_timesteps(cls, env_id: str, size: str = "bench") -> int:
        """Returns how long to train on an id; see `OptionTables.timesteps`."""
        return AGENT_OPTIONS.timesteps(cls.name, env_id, size)

    @property
    def num_timesteps(self) -> int:
        """Environment steps so far, in the middle of a training too."""
        return self.report.environment_steps if self.model is None else self.model.num_timesteps

    @property
    def env(self) -> Env:
        """The environment it was made with."""
        return self._env

    @property
    def training_timing(self) -> Any:
        """The reward timing it trains with; None is the default of the environment."""
        own = self._kwargs().get("reward_timing", "terminal")
        return own if self.config.reward_timing is None else self.config.reward_timing

    # What the algorithms define.

    def _make_policy(self) -> BasePolicy:
        raise NotImplementedError

    def make_model(self, venv: SB3TokenVecEnv) -> BaseAlgorithm:
        """Returns a new algorithm of Stable-Baselines3, with a policy of its own."""
        raise NotImplementedError

    def _outputs(self, observation: torch.Tensor) -> list[torch.Tensor]:
        """Returns the outputs of the networks for observations (n, context_length)."""
        raise NotImplementedError

    def prepare(self, model: BaseAlgorithm) -> None:
        """Called once for a new model, before the first step of its training."""

    def _policy_kwargs(self) -> dict[str, Any]:
        c = self.config
        names = ("embedding_dim", "body", "layers", "heads", "window", "prompt", "pointer", "copy_bias")
        extractor = {name: getattr(c, name) for name in names}
        return {"features_extractor_kwargs": extractor, "tied": c.tied, "optimizer_kwargs": {"fused": True}}

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
        """Trains. See TrainableAgent.learn; `total_timesteps` counts the steps of earlier calls too.

        An interruption writes a checkpoint, if there is a run folder, and then ends the call. It comes while
        the rows are stepped or evaluated, never within an update. A resumed run restores the weights, the
        optimizer and the replay buffer. Its environments and random numbers start anew, from the seed and
        the step.

        Raises:
            AgentFolderError: The checkpoint to resume from is damaged or of another run.
            NotFinite: A weight is NaN or infinite; the checkpoint before stays.
        """
        how: dict[str, Any] = {"run_folder": run_folder, "resume": resume, "progress_bar": progress_bar}
        SB3Training(self, total_timesteps, **how).run()
        return self

    def save(self, folder: Path) -> None:
        """Writes agent.json, weights.safetensors and manifest.json; nothing is pickled.

        Raises:
            NotFinite: A weight is NaN or infinite.
        """
        check_worth_saving(self, folder)
        observation, action = self._spaces()
        spec = self.training_spec(self.report.environment_steps)
        content = {
            "observation_space": {"shape": list(observation.shape), "high": int(observation.high.max())},
            "action_space": int(action.n),
            "tokenizer_hash": self._tokenizer_hash(),
            "reward_is_kept": reward_is_kept(self.config.reward, spec),
            "report": json_able(asdict(self.report)),
        }
        write_agent_folder(Path(folder), spec, content, self.policy.state_dict())

    def training_spec(self, total_timesteps: int) -> RunSpec:
        """Returns its training of so many environment steps, for folders, checkpoints and records."""
        track: Track = "demonstrations" if getattr(self.config, "demonstrations", 0) else "scratch"
        return training_spec(
            self.name,
            self._env,
            self.config,
            seed=self.seed,
            total_timesteps=total_timesteps,
            track=track,
            reward_signature=self._reward_signature,
        )

    @cached_property
    def _reward_signature(self) -> str | None:
        return training_signature(self._env, self.config.reward)

    @classmethod
    def load(cls, folder: Path, env: str | Env, *, seed: int | None = None, device: str = "auto") -> Self:
        """Loads a saved agent, for an environment with the same spaces and tokenizer.

        Raises:
            AgentFolderError: The folder is damaged, another agent's, or does not fit the environment.
        """
        saved = read_agent_folder(Path(folder))
        spec, content, weights = saved
        if spec.agent.name != cls.name:
            raise AgentFolderError(f"'{folder}' holds a {spec.agent.name!r}, not a {cls.name!r}")
        if spec.training is None:
            raise AgentFolderError(f"'{Path(folder) / 'agent.json'}': spec.training: is missing")
        check_described(content, Path(folder), _NEEDED)
        chosen = spec.training.seed if seed is None else seed
        agent = cls(env, chosen, device, **kept_config(saved, Path(folder)))
        observation, action = agent._spaces()
        for what, saved, here in (
            ("context length", content["observation_space"].get("shape"), list(observation.shape)),
            ("number of tokens", content["action_space"], int(action.n)),
            ("tokenizer hash", content["tokenizer_hash"], agent._tokenizer_hash()),
        ):
            if saved != here:
                raise AgentFolderError(f"'{folder}' has {what} {saved}, the environment {here}")
        try:
            agent.policy.load_state_dict(weights)
        except RuntimeError as error:
            raise AgentFolderError(
                f"'{folder}': its weights do not fit its configuration: {error}"
            ) from error
        agent.report = TrainingReport(**content["report"])
        return agent

    @torch.no_grad()
    def is_finite(self) -> bool:
        """Whether all weights, and the outputs for a text of one token, are finite."""
        observation = torch.full((1, *self._spaces()[0].shape), -1, device=self.policy.device)
        observation[0, 0] = 0
        return all_finite(self.policy.state_dict().values()) and all_finite(self._outputs(observation))

    # Values of tokens.

    @torch.no_grad()
    def token_values(self, observations: np.ndarray, columns: Sequence[np.ndarray]) -> list[TokenValues]:
        """Returns what the agent holds of the tokens of n texts; see `llm_baselines.agent.ValuesTokens`."""
        noted = []
        for observation, written in zip(observations, columns, strict=True):
            states = np.tile(observation, (len(written), 1))
            states[np.arange(states.shape[1]) >= np.asarray(written)[:, None]] = -1  # before each token
            read = torch.as_tensor(states, device=self.policy.device)
            taken = torch.as_tensor(observation[written], device=self.policy.device).long()[:, None]
            noted.append(self._values_of(self._outputs(read), taken))
        return noted

    def _values_of(self, outputs: list[torch.Tensor], taken: torch.Tensor) -> TokenValues:
        """Returns the values of tokens int64 (m, 1) from the outputs for the states before them."""
        raise NotImplementedError

    # Parts.

    def _kwargs(self) -> dict[str, Any]:
        assert self._env.spec is not None
        return {k: v for k, v in self._env.spec.kwargs.items() if k != "render_mode"}

    def _tokenizer_hash(self) -> str:
        return str(self._env.unwrapped.task.tokenizer.content_hash)  # type: ignore[attr-defined]

    def vector_env(self, *, training: bool) -> VectorEnv[Any, Any, Any]:
        """Returns the rows to train on, or the environments of the validation split."""
        if not training:
            config = self.config
            return validation_envs(self._env, min(32, config.n_eval_episodes), config.eval_metrics)
        design = training_design(self.config)
        return vectorize(self._env, self.config.n_envs, autoreset_mode="SameStep", **design)
