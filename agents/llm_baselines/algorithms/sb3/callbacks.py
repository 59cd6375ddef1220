"""What happens between rounds of Stable-Baselines3's algorithms: evaluations, checkpoints, the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from torch import Tensor

from llm_baselines.agent import TrainingReport
from llm_baselines.algorithms.sb3.vec_env import SB3TokenVecEnv
from llm_baselines.storage.interruption import interruptibly
from llm_baselines.training.evaluations import Clock, Evaluations
from llm_baselines.training.reward_statistics import PlayedRound
from llm_baselines.training.reward_watch import RewardWatch
from llm_envs.episode import Outcome

_CHECKED_UPDATES = 100  # updates between two checks that the weights are finite
_OBSERVED = 100  # episodes that are observed together: the algorithms' own rounds are shorter than an episode


class RoundCallback(BaseCallback):
    """Evaluates, writes checkpoints and updates the report, always between two rounds of the algorithm.

    Args:
        report: Kept up to date.
        evaluations: Make the curve and keep the best weights.
        checkpoint_freq: Environment steps between checkpoints; 0 for none.
        checkpoint: Writes one.
        dense: True if every step is scored, False if every text is.
        check: Raises if the weights are not finite. Called before evaluations and every 100 updates.
        watch: Observes the rewards.
        weights: The weight of each component of the training reward.
    """

    def __init__(
        self,
        report: TrainingReport,
        evaluations: Evaluations,
        *,
        checkpoint_freq: int,
        checkpoint: Callable[[], None],
        dense: bool,
        check: Callable[[], None],
        watch: RewardWatch,
        weights: Mapping[str, float],
    ) -> None:
        super().__init__()
        self.report = report
        self.evaluations = evaluations
        self.checkpoint_freq, self.checkpoint = checkpoint_freq, checkpoint
        self.dense = dense
        self.check = check
        self.watch, self.weights = watch, weights
        self.observed = 0
        self._next_check = _CHECKED_UPDATES
        self._next_checkpoint = 0
        self._calls = report.reward_calls
        self._steps_before = report.environment_steps
        self._clock = Clock(report.seconds)

    def _on_training_start(self) -> None:
        self._next_checkpoint = self.model.num_timesteps + self.checkpoint_freq
        self.update_report()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        steps = self.model.num_timesteps
        assert isinstance(self.training_env, SB3TokenVecEnv)
        if self.training_env.waiting_outcomes >= _OBSERVED:
            self._observe(self.training_env.take_outcomes())
        if self.model._n_updates >= self._next_check:
            self._next_check = self.model._n_updates + _CHECKED_UPDATES
            self.check()
        if self.evaluations.is_due(steps):
            self.evaluations.plan_next(steps)
            self.measure()
        if self.checkpoint_freq and steps >= self._next_checkpoint:
            self._next_checkpoint += self.checkpoint_freq
            self.checkpoint()

    def _observe(self, outcomes: list[Outcome]) -> None:
        """Logs what some episodes say of the reward."""
        scores = [outcome.reward for outcome in outcomes]
        lengths = [len(outcome.action_ids) for outcome in outcomes]
        played = PlayedRound(scores, lengths, outcomes, self.weights)
        for name, value in self.watch.played(played, self.observed, self.logger).items():
            self.logger.record(name, value)
        self.observed += 1

    def update_report(self) -> None:
        """Brings the report up to date."""
        report, steps = self.report, self.model.num_timesteps
        assert isinstance(self.training_env, SB3TokenVecEnv)
        new_steps = steps - self._steps_before
        report.environment_steps = report.tokens = steps
        report.gradient_steps = self.model._n_updates * _steps_of_an_update(self.model)
        report.reward_calls = self._calls + (new_steps if self.dense else self.training_env.episodes)
        report.seconds = self._clock.seconds

    def measure(self) -> None:
        """Evaluates on validation and adds a row to the curve.

        Raises:
            NotFinite: The weights, or their outputs, are not finite; they are not evaluated.
        """
        self.check()
        self.update_report()
        result = interruptibly(self.evaluations.play, self.model.policy)
        self.update_report()
        recent = [info["r"] for info in self.model.ep_info_buffer or ()]
        self.watch.evaluated(result, recent)
        self.evaluations.add(
            result,
            self.model.num_timesteps,
            recent_scores=recent,
            logger=self.logger,
            weights=self._weights,
        )
        self.logger.dump(self.model.num_timesteps)

    def _weights(self) -> dict[str, Tensor]:
        weights = self.model.policy.state_dict()
        return {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}


def _steps_of_an_update(model: Any) -> int:
    """Returns the optimizer steps of an update as Stable-Baselines3 counts it: for PPO it is an epoch."""
    buffer = getattr(model, "rollout_buffer", None)
    return 1 if buffer is None else int(np.ceil(buffer.buffer_size * buffer.n_envs / model.batch_size))
