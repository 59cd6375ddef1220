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
from llm_baselines.training.trainer import TrainingRun

Loss = Callable[[TrajectoryBatch, list[int]], Tensor]
"""(a part of a batch, which of its trajectories it holds) -> the summed loss."""


class LanguageAgent(KeptLearner):
    """A causal language model that learns in a token environment.

    `learn` runs rounds until the budget is spent. A subclass says what a round is: `begin_learning`,
    `learn_round`, `has_finished`, `end_learning`. It is made as KeptLearner is.
    """

    # Training.

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
            self.optimizer = self.optimizer or make_optimizer(self.parameter_groups(), self.config)
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
        mine = [name for name in ENVIRONMENT_OPTIONS if name in values_of(self.config)]
        for name, value in changed(self.config, mine).items():
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
        """The groups of parameters that are trained, see `optimizer.parameter_group`."""
        trained = [p for p in self.network.parameters() if p.requires_grad]
        return [parameter_group("policy", trained, self.config.learning_rate, self.config.max_grad_norm)]

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
        self, run: TrainingRun, *, frozen: Collection[str] = (), counted: bool = True
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
        factor = rate_factor(self.config, run.progress, self.updates)
        norms = prepare_step(self.optimizer, factor, run.check_finite, frozen=frozen)
        with deferred_signals():  # what an interruption saves is of whole steps
            self.optimizer.step()
            self.weights_changed()
            self.optimizer.zero_grad(set_to_none=True)
            if counted:
                self.updates += 1
                self.report.gradient_steps += 1
        return norms

    # Environments.

    def validation_envs(self) -> VectorEnv[Any, Any, Any] | None:
        """Where the curve is measured; None with environments of others."""
        if not self.native:
            return None
        return validation_envs(self.env, min(self.config.n_envs, self.config.n_eval_episodes))


def has_checkpoint(run_folder: str | Path | None, resume: bool) -> bool:
    """Whether a run that resumes has a checkpoint to go on from."""
    if run_folder is None or not resume:
        return False
    return newest_checkpoint(Path(run_folder) / "resume") is not None
