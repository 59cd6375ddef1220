"""LanguageAgent: what the learners over a causal language model share - acting, saving, loading, settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor, nn

from llm_baselines.agent import TrainingReport
from llm_baselines.agent_folder import AgentFolderError, json_able, read_agent_folder, write_agent_folder
from llm_baselines.configuration import make_config
from llm_baselines.decoding import Reader
from llm_baselines.exploration import draw
from llm_baselines.language_agent_settings import LanguageAgentConfig
from llm_baselines.language_model import PRESETS, build_language_model, choose_device
from llm_baselines.rows import is_native, make_rows
from llm_baselines.sampling import uniforms
from llm_baselines.transitions import check_spaces
from llm_envs import vectorize


class LanguageAgent:
    """A causal language model that acts in a token environment.

    Args:
        model: A preset ("tiny", "small"), a mapping of Llama options, a folder, a hub name or a transformers
            causal LM.
        env: An id, a gymnasium environment or a gymnasium vector environment with token spaces.
        seed: Decides fresh weights, exploration, examples.
        device: "auto" (a GPU where there is one) or a torch device.
        verbose: 1 prints log lines, through Stable-Baselines3's logger.
        tensorboard_log: A folder for TensorBoard.
        **options: See the class's `config_class`.

    Attributes:
        config: The whole configuration.
        lm: The language model that acts.
        report: Cost and curve of the training.
        num_timesteps: Environment steps so far.
    """

    name: ClassVar[str]
    config_class: ClassVar[type[LanguageAgentConfig]] = LanguageAgentConfig

    def __init__(
        self,
        model: Any,
        env: str | gym.Env[Any, Any] | VectorEnv[Any, Any, Any],
        *,
        seed: int = 0,
        device: str | torch.device = "auto",
        verbose: int = 0,
        tensorboard_log: str | Path | None = None,
        **options: Any,
    ) -> None:
        self.verbose, self.tensorboard_log = verbose, tensorboard_log
        self.config: Any = make_config(self.config_class, options)
        made: Any = gym.make(env) if isinstance(env, str) else env
        self.env = made
        self.observation_space, self.action_space = _spaces(made)
        self.vocabulary_size, self.context_length = check_spaces(self.observation_space, self.action_space)
        self.seed = seed
        self.device = choose_device(device)
        self.model_spec = model if isinstance(model, str | Mapping) else None
        self.lm = build_language_model(
            model,
            vocabulary_size=self.vocabulary_size,
            context_length=self.context_length,
            seed=seed,
            device=self.device,
        )
        self.num_timesteps = 0
        self.report = TrainingReport()
        self._generation = 0
        self._vec_env: Any = None
        self._build()
        self.report.parameters = sum(p.numel() for p in self.network.parameters() if p.requires_grad)

    # What the learners say.

    network: nn.Module

    def _build(self) -> None:
        """Makes `network`, everything with weights, out of `lm`."""
        self.network = self.lm

    def scores(self, features: Tensor) -> Tensor:
        """What actions are chosen by, float32 (n, V): log-probabilities, or Q-values."""
        return self.lm.log_probs(features)

    # The agent contract.

    @torch.no_grad()
    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Actions int64 (n,) for observations int32 (n, L); one action () for one observation (L,).

        The state holds what has been read, so that a step costs one token; without it everything is read
        anew. Where `deterministic` is False actions are drawn from a function of the seed and the
        observation, the same whatever the batch.
        """
        observation = np.asarray(observation)
        rows = np.atleast_2d(observation)
        if not isinstance(state, _ReadState) or state.generation != self._generation:
            state = _ReadState(self._generation, self.make_readers())
        scores = self.bounded_scores([reader.read(rows) for reader in state.readers], rows)
        if deterministic:
            actions = scores.argmax(dim=1).cpu().numpy()
        else:
            actions = draw(self.acting_probabilities(scores), uniforms(self.seed, rows))
        return (actions if observation.ndim > 1 else actions[0]), state

    def make_readers(self) -> list[Reader]:
        """What observations are read with to act: the language model, and others a learner needs."""
        return [Reader(self.lm)]

    def bounded_scores(self, features: list[Tensor], observation: np.ndarray) -> Tensor:
        """Scores float32 (n, V) from the readers' features, -inf where a token may not be taken."""
        scores = self.scores(features[0])
        mask = self.action_mask(observation)
        return scores if mask is None else scores.masked_fill(~mask, -torch.inf)

    def acting_probabilities(self, scores: Tensor) -> Tensor:
        """What `predict` draws from where it is not deterministic: float32 (n, V)."""
        return torch.softmax(scores, dim=1)

    def action_mask(self, observation: np.ndarray) -> Tensor | None:
        """The environment's own mask, bool (n, V), where it has an `action_mask(observation)`."""
        mask = getattr(self.env.unwrapped, "action_mask", None)
        if not callable(mask):
            return None
        return torch.as_tensor(np.asarray(mask(observation), bool), device=self.device)

    def weights_changed(self) -> None:
        """What has been read with the old weights is of no use any more."""
        self._generation += 1

    # Training.

    optimizer: torch.optim.Optimizer | None = None
    _logger: Any = None

    @property
    def logger(self) -> Any:
        """Stable-Baselines3's logger, while training or where one was set."""
        return self._logger

    def set_logger(self, logger: Any) -> None:
        """Logs go here instead of into the run folder; it is left open."""
        self._logger = logger

    def parameter_groups(self) -> list[dict[str, Any]]:
        """What the optimizer trains: tables with "params", "lr" and "name"."""
        trained = [p for p in self.network.parameters() if p.requires_grad]
        return [{"params": trained, "lr": self.config.learning_rate, "name": "policy"}]

    def _make_optimizer(self) -> None:
        if self.optimizer is None:
            groups = self.parameter_groups()
            self._rates = [group["lr"] for group in groups]
            betas = (0.9, self.config.beta2)
            self.optimizer = torch.optim.AdamW(groups, betas=betas, weight_decay=self.config.weight_decay)

    def optimizer_step(self, run: Any, *, frozen: Sequence[str] = ()) -> dict[str, float]:
        """Clips gradients group by group, sets the step sizes for the run's progress, steps.

        Args:
            run: The TrainingRun.
            frozen: Groups that are left as they are.

        Returns:
            The norms of the gradients by group, before they were clipped.

        Raises:
            NotFinite: A norm is NaN or infinite; the weights are as they were.
        """
        assert self.optimizer is not None
        config = self.config
        share = 1.0 - run.progress * (1.0 - config.learning_rate_end / config.learning_rate)
        share *= min(1.0, (self.report.gradient_steps + 1) / max(1, config.warmup_steps))
        norms = {}
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * share
            if group["name"] in frozen:
                for parameter in group["params"]:
                    parameter.grad = None
                continue
            limit = getattr(config, f"{group['name']}_max_grad_norm", config.max_grad_norm)
            norm = norms[group["name"]] = float(nn.utils.clip_grad_norm_(group["params"], limit))
            run.check_finite(norm, f"the gradient's norm ({group['name']})")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.report.gradient_steps += 1
        return norms

    def count_cost(self, report: TrainingReport) -> None:
        """Brings the report's counters up to date."""
        report.environment_steps = report.tokens = self.num_timesteps

    # What a checkpoint holds besides the network and the optimizer.

    def state(self) -> dict[str, Any]:
        """JSON-able."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""

    def save_more(self, place: Path) -> None:
        """Writes further files of a checkpoint."""

    def load_more(self, place: Path) -> None:
        """Reads them."""

    # What Stable-Baselines3's callbacks ask for.

    def get_env(self) -> Any:
        """The environment as a VecEnv, for callbacks to look at."""
        if self._vec_env is None:
            from stable_baselines3.common.vec_env import DummyVecEnv

            vector = isinstance(self.env, VectorEnv)
            self._vec_env = _Rows(self.env.num_envs) if vector else DummyVecEnv([lambda: self.env])
        return self._vec_env

    def get_vec_normalize_env(self) -> None:
        """There is none: tokens are not normalised."""

    # Environments.

    def training_rows(self) -> Any:
        """Rows to play on, with the training reward."""
        changes: dict[str, Any] = {k: getattr(self.config, k) for k in ("reward", "reward_timing")}
        changes = {k: v for k, v in changes.items() if v is not None}
        if self.config.train_dataset:
            changes |= {"dataset": self.config.train_dataset, "tokenizer": self.task.tokenizer}
        return make_rows(self.env, self.config.n_envs, **{"metrics": (), **changes})

    def validation_envs(self) -> Any:
        """Where the curve is measured: validation, the id's own reward; None for environments of others."""
        if not self.native:
            return None
        design = {"reward": "default", "reward_timing": "terminal", "metrics": "default"}
        rows = min(self.config.n_envs, self.config.n_eval_episodes)
        return vectorize(self.env, rows, split="validation", autoreset_mode="Disabled", **design)

    @property
    def native(self) -> bool:
        """Whether the environment is made from one of our ids."""
        return _native(self.env)

    @property
    def task(self) -> Any:
        """The native environment's task."""
        return self.env.unwrapped.task

    # Agents on disk.

    def save(self, path: str | Path) -> None:
        """Writes the agent: agent.json, weights.safetensors, manifest.json; nothing is pickled.

        Args:
            path: A folder. A name that ends in .zip is taken as it is, and is a folder too.
        """
        write_agent_folder(Path(path), self._description(), self.network.state_dict())

    @property
    def is_fresh(self) -> bool:
        """Whether the model was made from a preset, with nothing learned yet."""
        return self.model_spec is not None and (
            isinstance(self.model_spec, Mapping) or self.model_spec in PRESETS
        )

    def trained_tensors(self) -> dict[str, Tensor]:
        """Copies of everything that training changes, by name."""
        tensors = self.network.state_dict()
        return {k: v.detach().clone() for k, v in tensors.items() if not k.startswith("reference.")}

    def _description(self) -> dict[str, Any]:
        spec = getattr(self.env, "spec", None)
        kwargs = {k: v for k, v in spec.kwargs.items() if k != "render_mode"} if spec is not None else {}
        return {
            "agent": self.name,
            "model": json_able(self.model_spec),
            "model_config": json_able(self.lm.config.to_dict()),
            "env_id": spec.id if spec is not None else None,
            "env_kwargs": json_able(kwargs),
            **_tokens(self.env),
            "seed": self.seed,
            "timesteps": self.num_timesteps,
            "config": json_able(asdict(self.config)),
            "report": json_able(asdict(self.report)),
        }

    @classmethod
    def load(
        cls, folder: str | Path, env: Any, *, seed: int | None = None, device: str | torch.device = "auto"
    ) -> Self:
        """A saved agent, for an environment with the same spaces and tokenizer.

        Raises:
            AgentFolderError: The folder is damaged, another agent's, or does not fit the environment.
        """
        description, weights = read_agent_folder(Path(folder))
        if description.get("agent") != cls.name:
            raise AgentFolderError(f"'{folder}' holds a {description.get('agent')!r}, not a {cls.name!r}")
        env = gym.make(env) if isinstance(env, str) else env
        for what, here in _tokens(env).items():
            if description[what] is not None and description[what] != here:
                raise AgentFolderError(f"'{folder}' has {what} {description[what]}, the environment {here}")
        agent = cls(
            _model_of(description),
            env,
            seed=description["seed"] if seed is None else seed,
            device=device,
            **description["config"],
        )
        agent.model_spec = description["model"]
        agent.load_weights(weights, folder)
        agent.num_timesteps = int(description["timesteps"])
        agent.report = TrainingReport(**description["report"])
        return agent

    def load_weights(self, weights: Mapping[str, Tensor], where: Any) -> None:
        """Takes over the tensors of a saved agent.

        Raises:
            AgentFolderError: They do not fit.
        """
        try:
            self.network.load_state_dict(dict(weights))
        except RuntimeError as error:
            raise AgentFolderError(f"'{where}': its weights do not fit its configuration: {error}") from error
        self.weights_changed()


@dataclass
class _Rows:
    """What callbacks see of a vector environment."""

    num_envs: int


@dataclass
class _ReadState:
    """What `predict` hands to its next call."""

    generation: int
    readers: list[Reader]


def _native(env: Any) -> bool:
    return not isinstance(env, VectorEnv) and is_native(env)


def _spaces(env: Any) -> tuple[Any, Any]:
    """The spaces of one row."""
    if isinstance(env, VectorEnv):
        return env.single_observation_space, env.single_action_space
    return env.observation_space, env.action_space


def _tokens(env: Any) -> dict[str, Any]:
    """What an agent and its environment must agree in."""
    vocabulary_size, context_length = check_spaces(*_spaces(env))
    return {
        "context_length": context_length,
        "vocabulary_size": vocabulary_size,
        "tokenizer_hash": env.unwrapped.task.tokenizer.content_hash if _native(env) else None,
    }


def _model_of(description: Mapping[str, Any]) -> Any:
    """An empty model of the saved configuration; the class comes from transformers' own table."""
    from transformers import AutoConfig, AutoModelForCausalLM

    options = dict(description["model_config"])
    kind = options.pop("model_type")
    config = AutoConfig.for_model(kind, **options)
    with torch.random.fork_rng(devices=[]):
        return AutoModelForCausalLM.from_config(config)
