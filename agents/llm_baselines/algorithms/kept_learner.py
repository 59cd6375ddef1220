"""KeptLearner: a language policy with the counters, weights and state that checkpoints and folders keep."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import VectorEnv
from stable_baselines3.common.logger import Logger
from torch import Tensor

from llm_baselines.agent import TrainingReport
from llm_baselines.configuration.options import values_of
from llm_baselines.lm.build import track_of
from llm_baselines.lm.export import export_model
from llm_baselines.lm.trainable import TrainablePolicy
from llm_baselines.spec import RunSpec
from llm_baselines.storage.agent_folder import write_agent_folder
from llm_baselines.storage.language_agent import describe, load_language_agent
from llm_baselines.storage.not_finite import check_worth_saving
from llm_baselines.storage.sealed_folder import json_able
from llm_baselines.storage.training_spec import training_signature, training_spec
from llm_envs import EvaluationResult
from llm_envs.lm.model import model_inputs


class KeptLearner(TrainablePolicy):
    """A trainable language policy that counts its steps, is logged, and is saved and loaded.

    Args:
        model: As for LanguagePolicy.
        env: Likewise.
        seed: Decides fresh weights, exploration, examples.
        device: "auto" (a GPU where there is one) or a torch device.
        verbose: 1 prints log lines, through Stable-Baselines3's logger.
        tensorboard_log: A folder for TensorBoard.
        **options: See the class's `config_class`.

    Attributes:
        report: Cost and curve of the training.
        num_timesteps: Environment steps so far.
        rounds: Rounds so far; what is random in a round is drawn from its number.
        updates: Optimizer steps so far; the report counts those of a warm start too.
    """

    optimizer: torch.optim.Optimizer | None = None
    exact = True
    """True while a resumed training is bit-identical to an uninterrupted one."""
    interrupted_best: tuple[float, dict[str, Tensor]] | None = None
    """Score and weights of the best evaluation of a call of `learn` that did not finish."""
    _logger: Logger | None = None

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
        self._vec_env: Any = None
        self.num_timesteps = self.rounds = self.updates = 0
        self.report = TrainingReport()
        super().__init__(model, env, seed=seed, device=device, **options)
        self.report.parameters = sum(p.numel() for p in self.network.parameters() if p.requires_grad)

    @torch.no_grad()
    def is_finite(self) -> bool:
        """Whether all weights are numbers, and so is what they say of a text of one token."""
        scores = self.scores(self.lm.features(model_inputs(np.zeros((1, 1), np.int32), self.device))[:, -1])
        weights = (p for p in self.network.parameters() if p.requires_grad)
        return bool(scores.isfinite().all()) and all(bool(p.isfinite().all()) for p in weights)

    def count_cost(self, report: TrainingReport) -> None:
        """Brings the report's counters up to date."""
        report.environment_steps = report.tokens = self.num_timesteps

    # What a checkpoint holds besides the network and the optimizer.

    def state(self) -> dict[str, Any]:
        """JSON-able."""
        return {"updates": self.updates}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""
        self.updates = state["updates"]

    def save_more(self, place: Path) -> None:
        """Writes further files of a checkpoint."""

    def load_more(self, place: Path) -> None:
        """Reads them."""

    # What Stable-Baselines3's callbacks ask for.

    @property
    def logger(self) -> Logger | None:
        """Stable-Baselines3's logger, while training or where one was set."""
        return self._logger

    def set_logger(self, logger: Logger | None) -> None:
        """Sends logs here instead of into the run folder, and leaves it open; None: into the run folder."""
        self._logger = logger

    def get_env(self) -> Any:
        """The environment as a VecEnv, for callbacks to look at."""
        if self._vec_env is None:
            from stable_baselines3.common.vec_env import DummyVecEnv

            vector = isinstance(self.env, VectorEnv)
            self._vec_env = _Rows(self.env.num_envs) if vector else DummyVecEnv([lambda: self.env])
        return self._vec_env

    def get_vec_normalize_env(self) -> None:
        """There is none: tokens are not normalised."""

    # Agents on disk.

    def save(self, path: str | Path) -> None:
        """Writes the agent: agent.json, weights.safetensors, manifest.json; nothing is pickled.

        Args:
            path: A folder. A name that ends in .zip is taken as it is, and is a folder too.

        Raises:
            NotFinite: The weights are no numbers.
        """
        check_worth_saving(self, path)
        spec = self.training_spec(self.num_timesteps)
        write_agent_folder(Path(path), spec, describe(self, spec), self.stored_tensors())

    def export(
        self, path: str | Path, evaluation: EvaluationResult | None = None, *, split: str = "test"
    ) -> None:
        """Writes a plain transformers checkpoint: merged weights, tokenizer, card with evaluation results.

        `AutoModelForCausalLM.from_pretrained` reads it in a process without this package.

        Args:
            path: A folder, new or empty.
            evaluation: From `llm_envs.evaluate`, for the card; by default that of the training.
            split: The split it was played on.

        Raises:
            ValueError: The folder holds something, or the policy is not a language model's.
        """
        export_model(self, Path(path), evaluation=evaluation, split=split)

    def training_spec(self, total_timesteps: int) -> RunSpec:
        """Its training of so many environment steps, as folders, checkpoints and records say it."""
        model = self.model_spec or getattr(self.lm.config, "name_or_path", None) or None
        return training_spec(
            self.name,
            self.env,
            self.config,
            seed=self.seed,
            total_timesteps=total_timesteps,
            track=track_of("demonstrations", {**values_of(self.config), "model": model}),
            reward_signature=self._reward_signature,
            model=json_able(model),
        )

    @cached_property
    def _reward_signature(self) -> str | None:
        return training_signature(self.env, values_of(self.config).get("reward"))

    @classmethod
    def load(
        cls,
        folder: str | Path,
        env: Any,
        *,
        seed: int | None = None,
        device: str | torch.device = "auto",
        model: Any = None,
    ) -> Self:
        """A saved agent, for an environment with the same spaces and tokenizer.

        Args:
            folder: What `save` wrote.
            env: As for the class.
            seed: By default the one it had.
            device: Where it goes.
            model: The base that a saved adapter belongs to, where it is not found by the name it had.

        Raises:
            AgentFolderError: The folder is damaged, another agent's, or does not fit the environment.
        """
        return load_language_agent(
            cls._made, cls.name, Path(folder), env, seed=seed, device=device, model=model
        )

    @classmethod
    def _made(
        cls, model: Any, env: Any, options: dict[str, Any], *, seed: int, device: str | torch.device
    ) -> Self:
        return cls(model, env, seed=seed, device=device, **cls.fitting(options, options))


@dataclass
class _Rows:
    """What callbacks see of a vector environment."""

    num_envs: int
