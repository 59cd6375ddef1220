"""What happens between rounds of training: evaluation on validation, checkpoints, the report."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from stable_baselines3.common.callbacks import BaseCallback

from llm_baselines.agent import EvaluationListener, TrainingReport
from llm_baselines.algorithms.sb3.vec_env import SB3TokenVecEnv
from llm_baselines.storage.interruption import interruptibly
from llm_envs import evaluate

_CHECKED_UPDATES = 100  # between two looks at whether the weights are numbers


class RoundCallback(BaseCallback):
    """Evaluates, saves checkpoints and keeps the report, always between two rounds of the algorithm.

    Args:
        report: Kept up to date.
        validation: Where curves are measured; None for no curve.
        eval_freq: Environment steps between evaluations.
        n_eval_episodes: Their episodes.
        checkpoint_freq: Environment steps between checkpoints; 0 for none.
        checkpoint: Writes one.
        dense: Whether every step is scored, rather than every text.
        on_evaluation: Called with every evaluation.
        check: Raises where the weights are no numbers; called before they are measured, and now and then.

    Attributes:
        best_score: Best mean reward on validation so far.
        best_weights: The policy's weights at that time.
    """

    def __init__(
        self,
        report: TrainingReport,
        validation: VectorEnv[Any, Any, Any] | None,
        *,
        eval_freq: int,
        n_eval_episodes: int,
        checkpoint_freq: int,
        checkpoint: Callable[[], None],
        dense: bool,
        check: Callable[[], None],
        on_evaluation: EvaluationListener | None = None,
    ) -> None:
        super().__init__()
        self.report = report
        self.validation = validation
        self.eval_freq, self.n_eval_episodes = eval_freq, n_eval_episodes
        self.checkpoint_freq, self.checkpoint = checkpoint_freq, checkpoint
        self.dense = dense
        self.check = check
        self.on_evaluation = on_evaluation
        self._next_check = _CHECKED_UPDATES
        self.best_score = -np.inf
        self.best_weights: dict[str, torch.Tensor] | None = None
        self._next_eval = self._next_checkpoint = 0
        self._calls = report.reward_calls
        self._steps_before = report.environment_steps
        self._seconds = report.seconds
        self._started = time.perf_counter()

    def _on_training_start(self) -> None:
        steps = self.model.num_timesteps
        self._next_eval = steps + self.eval_freq
        self._next_checkpoint = steps + self.checkpoint_freq
        self.update_report()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        steps = self.model.num_timesteps
        if self.model._n_updates >= self._next_check:
            self._next_check = self.model._n_updates + _CHECKED_UPDATES
            self.check()
        if self.validation is not None and steps >= self._next_eval:
            self._next_eval += self.eval_freq
            self.measure()
        if self.checkpoint_freq and steps >= self._next_checkpoint:
            self._next_checkpoint += self.checkpoint_freq
            self.checkpoint()

    def update_report(self) -> None:
        """Brings the report up to date."""
        report, steps = self.report, self.model.num_timesteps
        assert isinstance(self.training_env, SB3TokenVecEnv)
        new_steps = steps - self._steps_before
        report.environment_steps = report.tokens = steps
        report.gradient_steps = self.model._n_updates * _steps_of_an_update(self.model)
        report.reward_calls = self._calls + (new_steps if self.dense else self.training_env.episodes)
        report.seconds = self._seconds + time.perf_counter() - self._started

    def measure(self) -> None:
        """Evaluates on validation and adds a row to the curve."""
        assert self.validation is not None
        self.check()
        self.update_report()
        result = interruptibly(evaluate, self.model.policy, self.validation, self.n_eval_episodes)
        row = {
            "eval/mean_reward": result.mean_reward,
            "eval/mean_length": result.mean_length,
            **{f"eval/{name}": value for name, value in result.metrics.items()},
        }
        for name, value in row.items():
            self.logger.record(name, value)
        recent = [info["r"] for info in self.model.ep_info_buffer or ()]
        if recent:
            row["rollout/ep_rew_mean"] = float(np.mean(recent))
        self.update_report()
        self.report.curve.append(
            {"timesteps": self.model.num_timesteps, "seconds": self.report.seconds, **row}
        )
        self.logger.dump(self.model.num_timesteps)
        if self.on_evaluation is not None:
            self.on_evaluation(self.model.num_timesteps, result)
        if result.mean_reward > self.best_score:
            self.best_score = result.mean_reward
            weights = self.model.policy.state_dict()
            self.best_weights = {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}


def _steps_of_an_update(model: Any) -> int:
    """Optimizer steps that Stable-Baselines3 counts as one: PPO's are epochs."""
    buffer = getattr(model, "rollout_buffer", None)
    return 1 if buffer is None else int(np.ceil(buffer.buffer_size * buffer.n_envs / model.batch_size))
