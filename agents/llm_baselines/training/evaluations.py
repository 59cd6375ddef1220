"""The evaluations of a training on validation: their schedule, the curve, and the best weights.

Both trainers use them: `TrainingRun` for the language agents, and Stable-Baselines3's agents.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from stable_baselines3.common.logger import Logger
from torch import Tensor

from llm_baselines.agent import Agent, EvaluationListener, TrainingReport
from llm_envs import EvaluationResult, evaluate
from llm_envs.foreign import shown


class Evaluations:
    """Evaluates on validation, adds the rows of the curve, and keeps the best weights.

    Of evaluations with equal scores the latest counts as the best.

    Args:
        report: Its curve gets a row for every evaluation.
        timesteps: Environment steps so far.
        eval_freq: Environment steps from one evaluation to the next; 0 for none.
        n_eval_episodes: Episodes of an evaluation.
        deterministic: True evaluates greedily, False samples.
        listener: Called with every evaluation.

    Attributes:
        envs: The environments of the validation split; None for no evaluations.
        next_timesteps: The step from which the next evaluation is due.
        best_score: The best mean reward so far.
        best_weights: The weights of that evaluation; None before the first.
    """

    def __init__(
        self,
        report: TrainingReport,
        timesteps: int,
        *,
        eval_freq: int,
        n_eval_episodes: int,
        deterministic: bool = True,
        listener: EvaluationListener | None = None,
    ) -> None:
        self.report = report
        self.envs: VectorEnv[Any, Any, Any] | None = None
        self.next_timesteps = timesteps + eval_freq
        self.best_score = -math.inf
        self.best_weights: dict[str, Tensor] | None = None
        self._eval_freq, self._n_eval_episodes = eval_freq, n_eval_episodes
        self._deterministic, self._listener = deterministic, listener

    def restore(
        self,
        report: TrainingReport,
        best_score: float | None,
        best_weights: dict[str, Tensor] | None,
        next_timesteps: int,
    ) -> None:
        """Restores the values of a checkpoint. `best_score` may be None; see `kept_score`."""
        self.report, self.next_timesteps = report, next_timesteps
        self.best_score = -math.inf if best_score is None else best_score
        self.best_weights = best_weights

    @property
    def kept_score(self) -> float | None:
        """The best score for a JSON file; None before the first evaluation."""
        return self.best_score if math.isfinite(self.best_score) else None

    @property
    def last_timesteps(self) -> float | None:
        """The step of the curve's last row; None for an empty curve."""
        curve = self.report.curve
        return curve[-1]["timesteps"] if curve else None

    def is_due(self, timesteps: int) -> bool:
        """Returns True if an evaluation is due."""
        return self.envs is not None and timesteps >= self.next_timesteps

    def plan_next(self, timesteps: int) -> None:
        """Makes the next evaluation due `eval_freq` steps from here."""
        self.next_timesteps = timesteps + self._eval_freq

    def play(self, policy: Agent) -> EvaluationResult:
        """Plays the episodes of one evaluation, and returns its result."""
        assert self.envs is not None
        return evaluate(policy, self.envs, self._n_eval_episodes, deterministic=self._deterministic)

    def add(
        self,
        result: EvaluationResult,
        timesteps: int,
        *,
        recent_scores: Sequence[float],
        logger: Logger,
        recent: Mapping[str, float] | None = None,
        weights: Callable[[], dict[str, Tensor]],
    ) -> None:
        """Logs an evaluation, adds it to the curve, and keeps the weights if its score is the best.

        The row replaces one of the same step. `report.seconds` must be up to date.

        Args:
            result: From `play`.
            timesteps: Environment steps so far.
            recent_scores: Scores of the last training episodes, for the curve.
            logger: Gets the values; the caller dumps it.
            recent: Values of the last round that the curve keeps too, by log key.
            weights: Returns copies of the weights to keep.
        """
        row = {"eval/mean_reward": result.mean_reward, "eval/mean_length": result.mean_length}
        row |= {f"eval/{name}": value for name, value in result.metrics.items()}
        for name, value in row.items():
            logger.record(shown(name), value)  # a metric may have any name
        if recent_scores:
            row["rollout/ep_rew_mean"] = float(np.mean(recent_scores))
        row |= recent or {}
        if self.last_timesteps == timesteps:
            self.report.curve.pop()
        self.report.curve.append({"timesteps": timesteps, "seconds": self.report.seconds, **row})
        if result.mean_reward >= self.best_score:
            self.best_score, self.best_weights = result.mean_reward, weights()
        if self._listener is not None:
            self._listener(timesteps, result)

    def keep_best(self, load: Callable[[Mapping[str, Tensor]], object]) -> None:
        """Loads the best weights, if there are any, and notes their step in the report.

        Args:
            load: Called with the weights.
        """
        if self.best_weights is None:
            return
        load(self.best_weights)
        best = (row for row in self.report.curve if row.get("eval/mean_reward") == self.best_score)
        self.report.kept_timesteps = max((row["timesteps"] for row in best), default=None)


class Clock:
    """Counts the seconds of a training.

    Args:
        before: Seconds of the training before this call of `learn`.
    """

    def __init__(self, before: float) -> None:
        self.before, self._started = before, time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds of the training so far."""
        return self.before + time.perf_counter() - self._started
