"""LanguageAgent: the loop of rounds that the learners over a causal language model share."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from gymnasium.vector import VectorEnv
from torch import Tensor

from llm_baselines.agent import EvaluationListener
from llm_baselines.algorithms.kept_learner import KeptLearner
from llm_baselines.algorithms.optimizer import make_optimizer, parameter_group, prepare_step, rate_factor
from llm_baselines.configuration.options import changed, values_of
from llm_baselines.lm.settings import ENVIRONMENT_OPTIONS
from llm_baselines.play.rows import validation_envs
from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch, micro_batches
from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.storage.rotation import newest_checkpoint, set_aside
from llm_baselines.training.reward_watch import RewardWatch
from llm_baselines.training.trackers import check_installed
from llm_baselines.training.trainer import TrainingRun

Loss = Callable[[TrajectoryBatch, list[int]], Tensor]
"""loss(part of a batch, indices of its trajectories) returns the summed loss."""


class LanguageAgent(KeptLearner):
    """A causal language model that learns in a token environment.

    `learn` runs rounds until the budget is spent. A subclass defines a round with `begin_learning`,
    `learn_round`, `has_finished` and `end_learning`. The arguments are those of KeptLearner.
    """

    # Training.

    warm_start: tuple[LanguageAgent, int] | None = None
    """The agent of the running warm start and its number of steps; None outside a warm start."""
    copying: tuple[int, int] | None = None
    """Updates done and updates in all while the model learns to copy; else None."""
    _run_folder: Path | None = None
    on_evaluation: EvaluationListener | None = None
    """Called after every evaluation on validation, including those of the warm start."""

    @property
    def training_stage(self) -> tuple[str, int, int] | None:
        """What runs before the agent's own steps, as (name, steps done, steps in all), or None.

        It is the warm start, or the updates that teach copying: progress displays show it.
        """
        if self.warm_start is None:
            return None if self.copying is None else ("training: copying", *self.copying)
        starting_agent, total = self.warm_start
        if starting_agent.copying is not None:
            return "warm start: copying", *starting_agent.copying
        return "warm start", starting_agent.num_timesteps, total

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
        """Trains the agent.

        Args:
            total_timesteps: Environment steps in all, including those before a resume or in an earlier call.
                The supervised agent counts the tokens it learned from.
            callback: Stable-Baselines3 callbacks: one, a list, or a function. They are called after every
                step of the rows; the supervised agent calls them after every update.
            log_interval: Rounds between log lines; None uses the agent's own interval.
            progress_bar: Show a progress bar.
            run_folder: Where checkpoints and logs go; None writes nothing. A new run moves the checkpoint
                of an earlier one from `resume/` to `resume-earlier/`.
            resume: Continue from the run folder's last checkpoint, if there is one. The result is
                bit-identical to an uninterrupted run.

        Raises:
            TransitionError: The environment broke the contract of token transitions.
            NotFinite: A loss is NaN or infinite.
            ValueError: The agent needs demonstrations and the environment has none, an option works only in
                environments made from our ids, or the tracker of `report_to` is not installed.
            AgentFolderError: The checkpoint is damaged, or of another run.
        """
        if not total_timesteps >= 0:
            raise ValueError(f"total_timesteps={total_timesteps!r} must be at least 0")
        if resume and run_folder is None:
            raise ValueError("resume=True continues from the checkpoint of a run folder: give run_folder too")
        if self.num_timesteps and self.num_timesteps >= total_timesteps:
            warnings.warn(
                f"there is nothing to do: total_timesteps={total_timesteps} counts earlier steps too, and "
                f"this agent has made {self.num_timesteps}",
                stacklevel=2,
            )
        self._check_environment_options()
        check_installed(self.config.report_to)
        if self.config.eval_freq and (validation := self.validation_envs()) is not None:
            validation.close()  # a broken validation split fails before any training
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
            watch=self.reward_watch(),
        )
        try:
            self.optimizer = self.optimizer or make_optimizer(self.parameter_groups(), self.config)
            self.optimizer.zero_grad(set_to_none=True)  # an interrupted update may have left gradients
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
        """Moves an earlier run's checkpoint out of `resume/` when a new run begins in the folder.

        It is called before any long work. It does nothing if this agent has been learning in the folder.
        """
        if run_folder is not None and self._run_folder != Path(run_folder).absolute():
            self._run_folder = Path(run_folder).absolute()
            set_aside(self._run_folder / "resume")

    def _check_environment_options(self) -> None:
        """Raises if an option is set that only environments made from our ids support."""
        if self.native:
            return
        names = [name for name in ENVIRONMENT_OPTIONS if name in values_of(self.config)]
        for name, value in changed(self.config, names).items():
            raise ValueError(
                f"{name}={value!r} is for environments that gymnasium.make made from our ids, and "
                f"{self.env} is none: leave the option out, and set {name} in the environment itself"
            )

    # `learn` calls these; subclasses override them.

    log_interval: ClassVar[int] = 10

    def begin_learning(self, run_folder: str | Path | None, *, resume: bool, progress_bar: bool) -> None:
        """Prepares the first round: opens environments, reads demonstrations, runs a warm start."""

    def reward_watch(self) -> RewardWatch | None:
        """Returns what observes the rewards of a training; None if it plays no episodes."""
        return None

    def learn_round(self, run: TrainingRun) -> None:
        """Runs one round: plays episodes or reads demonstrations, then updates."""
        raise NotImplementedError

    def has_finished(self) -> bool:
        """Returns True to end the training before the steps are used up."""
        return False

    def end_learning(self) -> None:
        """Closes what `begin_learning` opened."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Returns the groups of trained parameters, see `optimizer.parameter_group`."""
        trained = [p for p in self.network.parameters() if p.requires_grad]
        return [parameter_group("policy", trained, self.config.learning_rate, self.config.max_grad_norm)]

    def backward(
        self, trajectories: Sequence[Trajectory], loss: Loss, divisor: float, *, grouped: bool = False
    ) -> float:
        """Accumulates the gradient of a batch, in parts that fit into memory.

        Args:
            trajectories: The batch.
            loss: Called with a part and its indices; returns the summed loss.
            divisor: Divides the summed loss before the backward pass.
            grouped: True keeps the trajectories of an example in one part.

        Returns:
            The loss of the whole batch, a sum that is not divided.
        """
        total = 0.0
        config = self.config
        for part, batch in micro_batches(
            trajectories, config.micro_batch_tokens, config.micro_batch_size, grouped=grouped
        ):
            value = loss(batch.to(self.device), part)
            (value / divisor).backward()
            total += float(value.detach())
        return total

    def optimizer_step(
        self, run: TrainingRun, *, frozen: Collection[str] = (), counted: bool = True
    ) -> dict[str, float]:
        """Clips the gradients of each group, sets the step sizes, and takes an optimizer step.

        Args:
            run: The training run; its progress decides the step sizes.
            frozen: Names of groups that take no step.
            counted: Whether the step counts as an update; a step of a head alone does not.

        Returns:
            The gradient norm of each group before clipping.

        Raises:
            NotFinite: A norm is NaN or infinite; the weights have not changed.
        """
        assert self.optimizer is not None
        factor = rate_factor(self.config, run.progress, self.updates)
        norms = prepare_step(self.optimizer, factor, run.check_finite, frozen=frozen)
        with deferred_signals():  # an interruption saves only whole steps
            self.optimizer.step()
            self.weights_changed()
            self.optimizer.zero_grad(set_to_none=True)
            if counted:
                self.updates += 1
                self.report.gradient_steps += 1
        return norms

    # Environments.

    def validation_envs(self) -> VectorEnv[Any, Any, Any] | None:
        """Returns the environments of the learning curve; None unless the environment is one of our ids."""
        if not self.native:
            return None
        config = self.config
        return validation_envs(self.env, min(config.n_envs, config.n_eval_episodes), config.eval_metrics)


def has_checkpoint(run_folder: str | Path | None, resume: bool) -> bool:
    """Returns True if the run resumes and its folder has a checkpoint."""
    if run_folder is None or not resume:
        return False
    return newest_checkpoint(Path(run_folder) / "resume") is not None
