"""A training run: what stands around a learner's loop - callbacks, logs, evaluation, checkpoints, the report.

The learner plays and updates in rounds. Between two rounds no episode is in flight and nothing random is
under way: every round draws from generators made of (seed, round). A checkpoint taken there is all a run
needs to go on as if it had never stopped.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from stable_baselines3.common.callbacks import BaseCallback, CallbackList, ConvertCallback
from stable_baselines3.common.logger import (
    HumanOutputFormat,
    KVWriter,
    Logger,
    SummaryWriter,
    make_output_format,
)
from stable_baselines3.common.utils import get_latest_run_id
from tqdm.auto import tqdm

from llm_baselines.agent import TrainingReport
from llm_baselines.configuration.options import values_of
from llm_baselines.storage.agent_folder import environment_of
from llm_baselines.storage.checkpoint import read_checkpoint, write_checkpoint
from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.storage.not_finite import NotFinite
from llm_baselines.storage.rotation import newest_checkpoint
from llm_baselines.storage.sealed_folder import json_able
from llm_baselines.training.callback_counters import CallbackCounters
from llm_baselines.training.stopped import not_finite
from llm_envs import evaluate
from llm_envs.foreign import shown

__all__ = ["NotFinite", "TrainingRun"]

_CHECKPOINT_SECONDS = 300.0  # however slow the steps are, an interruption costs no more of them


class TrainingRun:
    """One call of `learn`.

    Args:
        learner: A LanguageAgent.
        total_timesteps: Environment steps (for the supervised learner, tokens) in all.
        callback: Of Stable-Baselines3; one, a list or a function.
        log_interval: Rounds between log lines.
        progress_bar: Show a progress bar.
        run_folder: Where checkpoints and logs go; None for nowhere.
        resume: Go on from the run folder's last checkpoint, if there is one.
    """

    def __init__(
        self,
        learner: Any,
        total_timesteps: int,
        *,
        callback: Any = None,
        log_interval: int = 10,
        progress_bar: bool = False,
        run_folder: str | Path | None = None,
        resume: bool = False,
    ) -> None:
        self.learner = learner
        self.total_timesteps = total_timesteps
        self.folder = Path(run_folder) if run_folder is not None else None
        self.best_score = -np.inf
        self.best_weights: dict[str, torch.Tensor] | None = None
        self.callback = _as_callback(callback)
        self.validation: VectorEnv[Any, Any, Any] | None = None
        self._resume, self._progress_bar = resume, progress_bar
        self._log_interval = max(1, log_interval)
        self._episodes: list[float] = []
        self._lengths: list[int] = []
        self._sums: dict[str, list[float]] = {}
        self._going_on = True
        self._started = self._checkpointed = time.perf_counter()
        self._seconds_before = learner.report.seconds
        self._next_eval = learner.num_timesteps + learner.config.eval_freq
        self._next_checkpoint = learner.num_timesteps + learner.config.checkpoint_freq
        self._own_logger = self._finished = False
        self._bar: Any = None

    def begin(self) -> None:
        """Goes back to a checkpoint, where there is one to go on from, and opens what a run needs.

        Raises:
            AgentFolderError: The checkpoint is damaged, or of another run.
        """
        learner = self.learner
        learner.report.kept_timesteps = None
        place = None
        if self.folder is not None and self._resume:
            place = newest_checkpoint(self.folder / "resume")
        else:
            learner.put_earlier_aside(self.folder)
        counters = self._restore(place) if place is not None else None
        self.logger: Logger = learner.logger or self._make_logger()
        self._own_logger = learner.logger is None
        learner._logger = self.logger
        if learner.config.eval_freq:
            self.validation = learner.validation_envs()
        self.callback.init_callback(learner)
        self._counters = CallbackCounters(self.callback)
        if counters is not None:
            self._counters.restore(counters)
        self.callback.on_training_start({"total_timesteps": self.total_timesteps, "self": learner}, {})
        self._bar = tqdm(
            total=self.total_timesteps,
            initial=learner.num_timesteps,
            unit="step",
            disable=not self._progress_bar,
        )
        if place is None and self.validation is not None and not learner.is_fresh:
            if learner.interrupted_best is not None:
                self.best_score, self.best_weights = learner.interrupted_best
            self.measure()  # the first weights that may turn out the best

    @property
    def round(self) -> int:
        """Rounds before this one, in all of the learner's life."""
        rounds: int = self.learner.rounds
        return rounds

    # What the learner's loop says.

    def going_on(self) -> bool:
        """Whether there is another round to play."""
        return self._going_on and self.learner.num_timesteps < self.total_timesteps

    @property
    def progress(self) -> float:
        """Share of the training that is done, 0 to 1."""
        return min(1.0, self.learner.num_timesteps / max(1, self.total_timesteps))

    def generator(self, purpose: int) -> np.random.Generator:
        """Random numbers of this round, by purpose: the same whether or not the run was interrupted."""
        return np.random.default_rng([self.learner.seed, self.round, purpose])

    def on_step(self, steps: int, dones: np.ndarray | None = None) -> bool:
        """Tells callbacks of one step of the rows that are alive; False if one wants training to stop."""
        self.callback.update_locals({"dones": np.zeros(0, bool) if dones is None else dones})
        self.learner.num_timesteps += steps
        self._bar.update(steps)
        self._going_on = self.callback.on_step() and self._going_on
        return self._going_on

    def rollout(self) -> _Rollout:
        """A context that tells callbacks of the beginning and end of playing."""
        return _Rollout(self.callback)

    def played(self, scores: list[float], lengths: list[int]) -> None:
        """Notes the episodes of a round.

        Raises:
            NotFinite: A score is no number: before the episode can reach a replay or a checkpoint.
        """
        for score in scores:
            self.check_finite(score, "an episode's score")
        self._episodes = (self._episodes + scores)[-100:]
        self._lengths = (self._lengths + lengths)[-100:]

    def log(self, name: str, value: float) -> None:
        """Notes a value; log lines show the mean since the last one."""
        self._sums.setdefault(name, []).append(value)

    def check_finite(self, value: float, what: str) -> None:
        """Stops the run before a value that is not finite spoils the weights.

        Raises:
            NotFinite: With the step, and the last good checkpoint.
        """
        if np.isfinite(value):
            return
        where = f"step {self.learner.num_timesteps}, round {self.round}"
        raise not_finite(f"{what} is {value}", where, self.folder)

    def check_weights(self) -> None:
        """Stops the run where weights are no numbers, or so large that what they give is none.

        Raises:
            NotFinite: As `check_finite`.
        """
        if not self.learner.is_finite():
            self.check_finite(float("nan"), "a weight, or what the weights give,")

    def end_round(self) -> None:
        """Evaluates, logs and saves a checkpoint where it is time to."""
        learner = self.learner
        learner.rounds += 1
        steps = learner.num_timesteps
        if self.round % self._log_interval == 0:
            self._dump()
        if self.validation is not None and steps >= self._next_eval:
            self._next_eval = steps + learner.config.eval_freq
            self.measure()
        late = time.perf_counter() - self._checkpointed >= _CHECKPOINT_SECONDS
        if learner.config.checkpoint_freq and (steps >= self._next_checkpoint or late):
            self._next_checkpoint = steps + learner.config.checkpoint_freq
            self.checkpoint()

    def finish(self) -> None:
        """The last evaluation and checkpoint; the best weights, where they are wanted."""
        self.check_weights()
        if self.validation is not None and self._last_measured() != self.learner.num_timesteps:
            self.measure()
        self.update_report()
        self.checkpoint()
        with deferred_signals():  # an interruption finds the last weights or the best, no mixture
            if self.learner.config.keep_best and self.best_weights is not None:
                self.learner.network.load_state_dict(self.best_weights, strict=False)
                self.learner.weights_changed()
                report = self.learner.report
                best = (row for row in report.curve if row.get("eval/mean_reward") == self.best_score)
                report.kept_timesteps = max((row["timesteps"] for row in best), default=None)
            self._finished = True
        self.callback.on_training_end()

    def close(self) -> None:
        """Closes what was opened."""
        if self._finished:
            self.learner.interrupted_best = None
        elif self.best_weights is not None:
            self.learner.interrupted_best = (self.best_score, self.best_weights)
        if self._bar is not None:
            self._bar.close()
            self.update_report()  # of an interrupted run, too
        if self.validation is not None:
            self.validation.close()
        if self._own_logger:
            self.logger.close()
            self.learner._logger = None

    # Parts.

    def _last_measured(self) -> float | None:
        curve = self.learner.report.curve
        return curve[-1]["timesteps"] if curve else None

    def update_report(self) -> None:
        """Brings the report's clock up to date."""
        report: TrainingReport = self.learner.report
        report.seconds = self._seconds_before + time.perf_counter() - self._started
        self.learner.count_cost(report)

    def measure(self) -> float:
        """Evaluates on validation and adds a row to the curve, in place of one of the same step.

        Raises:
            NotFinite: The weights give no numbers, which could be kept as the best.
        """
        assert self.validation is not None
        self.check_weights()
        learner = self.learner
        config = learner.config
        result = evaluate(
            learner, self.validation, config.n_eval_episodes, deterministic=config.eval_deterministic
        )
        row = {"eval/mean_reward": result.mean_reward, "eval/mean_length": result.mean_length}
        row |= {f"eval/{name}": value for name, value in result.metrics.items()}
        if self._episodes:
            row["rollout/ep_rew_mean"] = float(np.mean(self._episodes))
        for name, value in row.items():
            self.logger.record(shown(name), value)  # a metric's name is anybody's
        self.update_report()
        if self._last_measured() == learner.num_timesteps:
            learner.report.curve.pop()
        learner.report.curve.append(
            {"timesteps": learner.num_timesteps, "seconds": learner.report.seconds, **row}
        )
        self._dump()
        if learner.on_evaluation is not None:
            learner.on_evaluation(learner.num_timesteps, result)
        if result.mean_reward >= self.best_score:
            self.best_score = result.mean_reward
            self.best_weights = learner.trained_tensors()
        return result.mean_reward

    def _dump(self) -> None:
        record = self.logger.record
        if self._episodes:
            record("rollout/ep_rew_mean", float(np.mean(self._episodes)))
            record("rollout/ep_len_mean", float(np.mean(self._lengths)))
        for name, values in self._sums.items():
            record(name, float(np.mean(values)))
        self._sums = {}
        self.update_report()
        record("time/rounds", self.round)
        record("time/seconds", self.learner.report.seconds)
        record("time/total_timesteps", self.learner.num_timesteps, exclude="tensorboard")
        self.logger.dump(self.learner.num_timesteps)

    def checkpoint(self) -> Path | None:
        """Writes a checkpoint, where there is a run folder.

        Raises:
            NotFinite: The weights give no numbers any more; the checkpoint before stays.
        """
        if self.folder is None:
            return None
        self.check_weights()
        self.update_report()
        self._checkpointed = time.perf_counter()
        learner = self.learner
        state = {
            "agent": learner.name,
            "seed": learner.seed,
            "environment": environment_of(learner.env),
            "reference_identity": learner.reference_identity(),
            "config": json_able(values_of(learner.config)),
            "total_timesteps": self.total_timesteps,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "round": self.round,
            "num_timesteps": learner.num_timesteps,
            "report": json_able(asdict(learner.report)),
            "best_score": None if np.isinf(self.best_score) else self.best_score,
            "next_eval": self._next_eval,
            "next_checkpoint": self._next_checkpoint,
            "episodes": self._episodes,
            "lengths": self._lengths,
            "sums": self._sums,
            "callbacks": self._counters.changed(),
            "exact": learner.exact,
            "learner": learner.state(),
        }
        return write_checkpoint(self.folder / "resume", self.round, state, learner, self.best_weights)

    def _restore(self, place: Path) -> Any:
        learner = self.learner
        state, best = read_checkpoint(place, learner, self.total_timesteps)
        learner.rounds, learner.num_timesteps = state["round"], state["num_timesteps"]
        learner.exact = state["exact"]
        learner.report = TrainingReport(**state["report"])
        self._seconds_before = learner.report.seconds
        self.best_score = -np.inf if state["best_score"] is None else state["best_score"]
        self.best_weights = best
        self._next_eval, self._next_checkpoint = state["next_eval"], state["next_checkpoint"]
        self._episodes, self._lengths, self._sums = state["episodes"], state["lengths"], state["sums"]
        learner.restore(state["learner"])
        learner.weights_changed()
        return state["callbacks"]

    def _make_logger(self) -> Logger:
        learner, folder = self.learner, None
        formats: list[KVWriter] = [HumanOutputFormat(sys.stdout)] if learner.verbose else []
        if self.folder is not None:
            folder = str(self.folder / "logs" / f"from-{learner.num_timesteps:012d}")
            names = ["csv", "json"] if SummaryWriter is None else ["csv", "json", "tensorboard"]
            formats += [make_output_format(name, folder) for name in names]
        if learner.tensorboard_log is not None:
            number = get_latest_run_id(str(learner.tensorboard_log), learner.name) + 1
            place = Path(learner.tensorboard_log) / f"{learner.name}_{number}"
            formats.append(make_output_format("tensorboard", str(place)))
        return Logger(folder, formats)


class _Rollout:
    def __init__(self, callback: BaseCallback) -> None:
        self._callback = callback

    def __enter__(self) -> None:
        self._callback.on_rollout_start()

    def __exit__(self, *_: object) -> None:
        self._callback.on_rollout_end()


def _as_callback(callback: BaseCallback | list[BaseCallback] | Callable[..., bool] | None) -> BaseCallback:
    if isinstance(callback, list):
        return CallbackList(callback)
    return callback if isinstance(callback, BaseCallback) else ConvertCallback(callback)
