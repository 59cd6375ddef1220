"""LanguageAgent: what the learners over a causal language model share - training, checkpoints, saving."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import VectorEnv
from stable_baselines3.common.logger import Logger
from torch import Tensor, nn

from llm_baselines.agent import EvaluationListener, TrainingReport
from llm_baselines.configuration.options import changed, values_of
from llm_baselines.lm.build import track_of
from llm_baselines.lm.export import export_model
from llm_baselines.lm.settings import ENVIRONMENT_OPTIONS
from llm_baselines.lm.trainable import TrainablePolicy
from llm_baselines.play.rows import Rows, make_rows, training_design, validation_envs
from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch, micro_batches
from llm_baselines.spec import RunSpec
from llm_baselines.storage.agent_folder import write_agent_folder
from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.storage.language_agent import describe, load_language_agent
from llm_baselines.storage.not_finite import check_worth_saving
from llm_baselines.storage.rotation import set_aside
from llm_baselines.storage.sealed_folder import json_able
from llm_baselines.storage.training_spec import training_signature, training_spec
from llm_baselines.training.trainer import TrainingRun
from llm_envs import EvaluationResult, vectorize
from llm_envs.lm.model import model_inputs

Loss = Callable[[TrajectoryBatch, list[int]], Tensor]
"""(a part of a batch, which of its trajectories it holds) -> the summed loss."""


class LanguageAgent(TrainablePolicy):
    """A causal language model that learns in a token environment.

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

    # Training.

    optimizer: torch.optim.Optimizer | None = None
    exact = True
    """Whether its training has been what one run of its length is, to the bit."""
    interrupted_best: tuple[float, dict[str, Tensor]] | None = None
    """Score and weights of the best evaluation of a call of `learn` that did not finish."""
    _logger: Logger | None = None
    warm_start: tuple[LanguageAgent, int] | None = None
    """What is trained first, and for how many steps, while it is."""
    _run_folder: Path | None = None
    on_evaluation: EvaluationListener | None = None
    """Called with every evaluation on validation, those of the warm start too."""

    @property
    def training_stage(self) -> tuple[str, int, int] | None:
        """What goes on before its own steps: name, steps done, steps in all; for progress displays."""
        if self.warm_start is None:
            return None
        first, total = self.warm_start
        return "warm start", first.num_timesteps, total

    @property
    def logger(self) -> Logger | None:
        """Stable-Baselines3's logger, while training or where one was set."""
        return self._logger

    def set_logger(self, logger: Logger | None) -> None:
        """Sends logs here instead of into the run folder, and leaves it open; None: into the run folder."""
        self._logger = logger

    def learn(
        self,
        total_timesteps: int,
        callback: Any = None,
        log_interval: int | None = None,
        progress_bar: bool = False,
        *,
        run_folder: str | Path | None = None,
        resume: bool = False,
    ) -> Self:
        """Trains.

        Args:
            total_timesteps: Environment steps in all (for the supervised agent tokens learned from), those
                before a resume, or in an earlier call, included.
            callback: Stable-Baselines3 callbacks: one, a list, or a function; called after every step of
                the rows, by the supervised agent after every update.
            log_interval: Rounds between log lines; None for what suits the agent.
            progress_bar: Show a progress bar.
            run_folder: Where checkpoints and logs go; None for nowhere. Where a new run begins, the
                checkpoint of an earlier one is put aside, from `resume/` into `resume-earlier/`.
            resume: Go on from the run folder's last checkpoint, if there is one: bit for bit as if the run
                had never stopped.

        Raises:
            TransitionError: The environment broke the contract of token transitions.
            NotFinite: A loss is NaN or infinite.
            ValueError: The agent learns from demonstrations and the environment has none, or an option is
                for environments of ours and this is none.
            AgentFolderError: The checkpoint is damaged, or of another run.
        """
        if not total_timesteps >= 0:
            raise ValueError(f"total_timesteps={total_timesteps!r} must be at least 0")
        if resume and run_folder is None:
            raise ValueError("resume=True goes on from the checkpoints of a run folder: give run_folder, too")
        if self.num_timesteps and self.num_timesteps >= total_timesteps:
            warnings.warn(
                f"there is nothing to do: total_timesteps={total_timesteps} counts earlier steps too, and "
                f"this agent has made {self.num_timesteps}",
                stacklevel=2,
            )
        self._check_environment_options()
        if self.config.eval_freq and (validation := self.validation_envs()) is not None:
            validation.close()  # what is wrong with that split shows before anything is trained
        if resume and run_folder is not None:
            self._run_folder = Path(run_folder).absolute()
        self.begin_learning(run_folder, resume=resume, progress_bar=progress_bar)
        run = TrainingRun(
            self,
            total_timesteps,
            callback=callback,
            log_interval=log_interval or self.log_interval,
            progress_bar=progress_bar,
            run_folder=run_folder,
            resume=resume,
        )
        try:
            self.optimizer = self.optimizer or self._make_optimizer()
            self.optimizer.zero_grad(set_to_none=True)  # of an update that was broken off
            run.begin()
            self.begun = True
            while run.going_on() and not self.has_finished():
                self.learn_round(run)
                run.end_round()
            run.finish()
        finally:
            run.close()
            self.end_learning()
        return self

    def put_earlier_aside(self, run_folder: str | Path | None) -> None:
        """Where a new run begins in a folder, the checkpoint of an earlier one leaves `resume/`.

        Called before anything long begins; without effect where this agent has been learning there.
        """
        if run_folder is not None and self._run_folder != Path(run_folder).absolute():
            self._run_folder = Path(run_folder).absolute()
            set_aside(self._run_folder / "resume")

    def _check_environment_options(self) -> None:
        """Refuses options that only environments made from our ids can follow."""
        if self.native:
            return
        for name, value in changed(self.config, ENVIRONMENT_OPTIONS).items():
            raise ValueError(
                f"{name}={value!r} is for environments that gymnasium.make made from our ids, and "
                f"{self.env} is none: leave it out, and make the environment as it shall be"
            )

    # What the learners do; `learn` calls it.

    log_interval: ClassVar[int] = 10

    def begin_learning(self, run_folder: str | Path | None, *, resume: bool, progress_bar: bool) -> None:
        """What comes before the first round: a warm start, environments, demonstrations."""

    def learn_round(self, run: TrainingRun) -> None:
        """Plays, or reads, and updates."""
        raise NotImplementedError

    def has_finished(self) -> bool:
        """Whether there is nothing more to learn before the steps are used up."""
        return False

    def end_learning(self) -> None:
        """Closes what `begin_learning` opened."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """What the optimizer trains: tables with "params", "lr" and "name"."""
        trained = [p for p in self.network.parameters() if p.requires_grad]
        return [{"params": trained, "lr": self.config.learning_rate, "name": "policy"}]

    def _make_optimizer(self) -> torch.optim.Optimizer:
        groups = self.parameter_groups()
        self._rates = [group["lr"] for group in groups]
        betas = (0.9, self.config.beta2)
        return torch.optim.AdamW(groups, betas=betas, weight_decay=self.config.weight_decay, fused=True)

    def backward(self, trajectories: Sequence[Trajectory], loss: Loss, divisor: float) -> float:
        """Gathers the gradient of a batch, in parts that fit into memory.

        Args:
            trajectories: The batch.
            loss: Called with a part and its indices; the summed loss.
            divisor: What the sum is divided by before gradients are taken.

        Returns:
            The loss of the whole batch, a sum.
        """
        total = 0.0
        for part, batch in micro_batches(
            trajectories, self.config.micro_batch_tokens, self.config.micro_batch_size
        ):
            value = loss(batch.to(self.device), part)
            (value / divisor).backward()
            total += float(value.detach())
        return total

    def optimizer_step(
        self, run: TrainingRun, *, frozen: Sequence[str] = (), counted: bool = True
    ) -> dict[str, float]:
        """Clips gradients group by group, sets the step sizes for the run's progress, steps.

        Args:
            run: The TrainingRun.
            frozen: Groups that are left as they are.
            counted: Whether this is an update; steps of a head alone are none.

        Returns:
            The norms of the gradients by group, before they were clipped.

        Raises:
            NotFinite: A norm is NaN or infinite; the weights are as they were.
        """
        assert self.optimizer is not None
        config = self.config
        share = 1.0 - run.progress * (1.0 - config.learning_rate_end / config.learning_rate)
        share *= min(1.0, (self.updates + 1) / max(1, config.warmup_steps))
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
        with deferred_signals():  # what an interruption saves is of whole steps
            self.optimizer.step()
            self.weights_changed()
            self.optimizer.zero_grad(set_to_none=True)
            if counted:
                self.updates += 1
                self.report.gradient_steps += 1
        return norms

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

    def training_rows(self) -> Rows:
        """Rows to play on, with the training reward."""
        changes = training_design(self.config)
        if self.config.train_dataset:
            changes |= {"dataset": self.config.train_dataset, "tokenizer": self.task.tokenizer}
        return make_rows(self.env, self.config.n_envs, mask=self.action_mask, **changes)

    def check_train_dataset(self) -> None:
        """Refuses a `train_dataset` that the environment cannot be made with.

        Raises:
            ValueError: It cannot.
        """
        if not (self.native and self.config.train_dataset):
            return
        try:
            vectorize(self.env, 1, dataset=self.config.train_dataset, tokenizer=self.task.tokenizer).close()
        except ValueError as error:
            raise ValueError(f"train_dataset={self.config.train_dataset!r}: {error}") from error

    def validation_envs(self) -> VectorEnv[Any, Any, Any] | None:
        """Where the curve is measured; None with environments of others."""
        if not self.native:
            return None
        return validation_envs(self.env, min(self.config.n_envs, self.config.n_eval_episodes))

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
        return training_signature(self.env, self.config.reward)

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
        return load_language_agent(cls, cls.name, Path(folder), env, seed=seed, device=device, model=model)


@dataclass
class _Rows:
    """What callbacks see of a vector environment."""

    num_envs: int
