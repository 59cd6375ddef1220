"""KeptLearner: a language policy with counters, a logger, checkpoint state, and save and load."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
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
    """A trainable language policy that counts its steps, logs, and can be saved and loaded.

    Args:
        model: As for LanguagePolicy.
        env: As for LanguagePolicy.
        seed: Decides fresh weights, exploration and examples.
        device: "auto" (a GPU where there is one) or a torch device.
        verbose: 1 prints log lines, through Stable-Baselines3's logger.
        tensorboard_log: A folder for TensorBoard.
        **options: See the class's `config_class`.

    Attributes:
        report: Cost and curve of the training.
        num_timesteps: Environment steps so far.
        rounds: Rounds so far; the number of a round seeds everything random in it.
        updates: Optimizer steps so far; the report also counts those of a warm start.
    """

    optimizer: torch.optim.Optimizer | None = None
    exact = True
    """True while a resumed training is bit-identical to an uninterrupted one."""
    interrupted_best: tuple[float, dict[str, Tensor]] | None = None
    """Score and weights of the best evaluation in a `learn` call that did not finish."""
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
        """Returns True if all trained weights, and the scores after a text of one token, are finite."""
        scores = self.scores(self.lm.features(model_inputs(np.zeros((1, 1), np.int32), self.device))[:, -1])
        weights = (p for p in self.network.parameters() if p.requires_grad)
        return bool(scores.isfinite().all()) and all(bool(p.isfinite().all()) for p in weights)

    def count_cost(self, report: TrainingReport) -> None:
        """Updates the report's counters."""
        report.environment_steps = report.tokens = self.num_timesteps

    # The parts of a checkpoint besides the network and the optimizer.

    def state(self) -> dict[str, Any]:
        """Returns the counters as JSON values."""
        return {"updates": self.updates}

    def restore(self, state: dict[str, Any]) -> None:
        """Sets the counters that `state` returned."""
        self.updates = state["updates"]

    def save_more(self, place: Path) -> None:
        """Writes further files of a checkpoint."""

    def load_more(self, place: Path) -> None:
        """Reads the files that `save_more` wrote."""

    # The weights that are evaluated and kept.

    def with_average(self) -> AbstractContextManager[None]:
        """Returns a context in which the weights are those that an evaluation is of: here, the last ones."""
        return nullcontext()

    def keep_average(self) -> None:
        """Replaces the weights by those that an evaluation is of, at the end of a training."""

    # The interface that Stable-Baselines3's callbacks expect.

    @property
    def logger(self) -> Logger | None:
        """Stable-Baselines3's logger; None outside training, unless one was set."""
        return self._logger

    def set_logger(self, logger: Logger | None) -> None:
        """Sets a logger that replaces the run folder's and stays open; None uses the run folder's."""
        self._logger = logger

    def get_env(self) -> Any:
        """Returns the environment as a VecEnv, for callbacks."""
        if self._vec_env is None:
            from stable_baselines3.common.vec_env import DummyVecEnv

            vector = isinstance(self.env, VectorEnv)
            self._vec_env = _Rows(self.env.num_envs) if vector else DummyVecEnv([lambda: self.env])
        return self._vec_env

    def get_vec_normalize_env(self) -> None:
        """Returns None: token observations are not normalised."""

    # Saving and loading.

    def save(self, path: str | Path) -> None:
        """Writes the agent as agent.json, weights.safetensors and manifest.json, without pickle.

        Args:
            path: A folder, even if its name ends in .zip.

        Raises:
            NotFinite: A weight is NaN or infinite.
        """
        check_worth_saving(self, path)
        spec = self.training_spec(self.num_timesteps)
        write_agent_folder(Path(path), spec, describe(self, spec), self.stored_tensors())

    def export(
        self, path: str | Path, evaluation: EvaluationResult | None = None, *, split: str = "test"
    ) -> None:
        """Writes a plain transformers checkpoint: merged weights, tokenizer and model card.

        `AutoModelForCausalLM.from_pretrained` reads it in a process without this package.

        Args:
            path: A new or empty folder.
            evaluation: The card's results, from `llm_envs.evaluate`; by default those of the training.
            split: The split of the evaluation.

        Raises:
            ValueError: The folder is not empty, or the policy is not a language model's.
        """
        export_model(self, Path(path), evaluation=evaluation, split=split)

    def training_spec(self, total_timesteps: int) -> RunSpec:
        """Returns the description of this training that folders, checkpoints and records share."""
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
        """Loads a saved agent, for an environment with the same spaces and tokenizer.

        Args:
            folder: The folder that `save` wrote.
            env: As for the class.
            seed: By default the seed it was saved with.
            device: "auto" or a torch device.
            model: The base model of a saved adapter, if the saved name no longer finds it.

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
    """The part of a vector environment that callbacks use."""

    num_envs: int
