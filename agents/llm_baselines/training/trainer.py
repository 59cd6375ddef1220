"""A training run: callbacks, logs, evaluations, checkpoints and the report around a learner's loop.

The learner plays and updates in rounds. Between two rounds no episode is in flight, and every round draws
from generators made of (seed, round). So a run that resumes from a checkpoint taken there ends as if it had
never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.logger import Logger
from tqdm.auto import tqdm

from llm_baselines.agent import Learner
from llm_baselines.storage.checkpoint import read_checkpoint, write_checkpoint
from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.storage.rotation import newest_checkpoint
from llm_baselines.training.callbacks import AnyCallback, Callbacks
from llm_baselines.training.evaluations import Clock, Evaluations
from llm_baselines.training.logs import RoundLog, make_logger
from llm_baselines.training.reward_statistics import PlayedRound
from llm_baselines.training.reward_watch import RewardWatch
from llm_baselines.training.stopped import not_finite

_CHECKPOINT_SECONDS = 300.0  # an interruption loses at most this much, however slow the steps are


class TrainingRun:
    """One call of `learn`.

    Args:
        learner: The learner.
        total_timesteps: Environment steps (for the supervised learner, tokens) in all.
        callback: Callbacks of Stable-Baselines3: one, a list or a function.
        log_interval: Rounds between log lines.
        progress_bar: Show a progress bar.
        run_folder: Where checkpoints and logs go; None writes nothing.
        resume: Continue from the run folder's last checkpoint, if there is one.
        watch: Observes the rewards; None for a learner that plays nothing.

    Attributes:
        evaluations: The evaluations on validation, with the best score and weights.
    """

    def __init__(
        self,
        learner: Learner,
        total_timesteps: int,
        *,
        callback: AnyCallback = None,
        log_interval: int = 10,
        progress_bar: bool = False,
        run_folder: str | Path | None = None,
        resume: bool = False,
        watch: RewardWatch | None = None,
    ) -> None:
        config = learner.config
        self.learner = learner
        self.total_timesteps = total_timesteps
        self.folder = Path(run_folder) if run_folder is not None else None
        self._callbacks = Callbacks(callback)
        self.evaluations = Evaluations(
            learner.report,
            learner.num_timesteps,
            eval_freq=config.eval_freq,
            n_eval_episodes=config.n_eval_episodes,
            deterministic=config.eval_deterministic,
            listener=learner.on_evaluation,
        )
        self._resume, self._progress_bar = resume, progress_bar
        self._log_interval = max(1, log_interval)
        self._log = RoundLog()
        self._watch = watch
        self._stopped = False
        self._clock = Clock(learner.report.seconds)
        self._checkpointed = time.perf_counter()
        self._next_checkpoint = learner.num_timesteps + config.checkpoint_freq
        self._own_logger = self._finished = False
        self._bar: Any = None

    def begin(self) -> None:
        """Restores a checkpoint, if there is one to resume from, and opens what the run needs.

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
        self.logger: Logger = learner.logger or make_logger(
            self.folder,
            learner.num_timesteps,
            verbose=learner.verbose,
            tensorboard_log=learner.tensorboard_log,
            name=learner.name,
            report_to=learner.config.report_to,
        )
        self._own_logger = learner.logger is None
        learner.set_logger(self.logger)
        if learner.config.eval_freq:
            self.evaluations.envs = learner.validation_envs()
        self._callbacks.begin(learner, self.total_timesteps, counters)
        self._bar = tqdm(
            total=self.total_timesteps,
            initial=learner.num_timesteps,
            unit="step",
            disable=not self._progress_bar,
        )
        if place is None and self.evaluations.envs is not None and not learner.is_fresh:
            if learner.interrupted_best is not None:
                self.evaluations.best_score, self.evaluations.best_weights = learner.interrupted_best
            self.measure()  # the first weights may turn out to be the best

    @property
    def round(self) -> int:
        """Rounds of the learner before this one, those of earlier calls included."""
        rounds: int = self.learner.rounds
        return rounds

    # The learner's loop calls these.

    def going_on(self) -> bool:
        """Returns True if another round is to be played."""
        return not self._stopped and self.learner.num_timesteps < self.total_timesteps

    @property
    def progress(self) -> float:
        """Share of the training that is done, 0 to 1."""
        return min(1.0, self.learner.num_timesteps / max(1, self.total_timesteps))

    def generator(self, purpose: int, rounds_ago: int = 0) -> np.random.Generator:
        """Returns the random numbers of a round for a purpose; an interruption does not change them.

        Args:
            purpose: Any number of its own.
            rounds_ago: How many rounds before this one; rounds before the first count as the first.
        """
        return np.random.default_rng([self.learner.seed, max(0, self.round - rounds_ago), purpose])

    def on_step(self, steps: int, dones: np.ndarray | None = None) -> bool:
        """Counts a step of the rows, and tells the callbacks; False if one of them stops the training."""
        self.learner.num_timesteps += steps
        self._bar.update(steps)
        self._stopped = not self._callbacks.on_step(dones) or self._stopped
        return not self._stopped

    def stop(self) -> None:
        """Ends the training after this round."""
        self._stopped = True

    def rollout(self) -> AbstractContextManager[None]:
        """Returns a context that tells the callbacks when playing begins and ends."""
        return self._callbacks.rollout()

    def played(self, played: PlayedRound) -> None:
        """Notes the episodes of a round.

        Raises:
            NotFinite: A score is NaN or infinite. No replay and no checkpoint has the episode yet.
        """
        for score in played.scores:
            self.check_finite(score, "an episode's score")
        self._log.add_episodes(list(played.scores), list(played.lengths))
        if self._watch is not None:
            for name, value in self._watch.played(played, self.round, self.logger).items():
                self._log.add(name, value)

    def log(self, name: str, value: float) -> None:
        """Notes a value; log lines show the mean since the last one."""
        self._log.add(name, value)

    def check_finite(self, value: float, what: str) -> None:
        """Stops the run before a value that is not finite spoils the weights.

        Raises:
            NotFinite: The value is not finite; the error names the step and the last checkpoint.
        """
        if np.isfinite(value):
            return
        where = f"step {self.learner.num_timesteps}, round {self.round}"
        raise not_finite(f"{what} is {value}", where, self.folder)

    def check_weights(self) -> None:
        """Stops the run if weights, or the outputs they give, are not finite.

        Raises:
            NotFinite: As `check_finite`.
        """
        if not self.learner.is_finite():
            self.check_finite(float("nan"), "a weight, or what the weights give,")

    def end_round(self) -> None:
        """Logs, evaluates and writes a checkpoint, each when it is due."""
        learner = self.learner
        learner.rounds += 1
        steps = learner.num_timesteps
        if self.round % self._log_interval == 0:
            self._dump()
        if self.evaluations.is_due(steps):
            self.evaluations.plan_next(steps)
            self.measure()
        late = time.perf_counter() - self._checkpointed >= _CHECKPOINT_SECONDS
        if learner.config.checkpoint_freq and (steps >= self._next_checkpoint or late):
            self._next_checkpoint = steps + learner.config.checkpoint_freq
            self.checkpoint()

    def finish(self) -> None:
        """Makes the last evaluation and checkpoint, and loads the weights that stay: best, or mean."""
        self.check_weights()
        evaluations = self.evaluations
        if evaluations.envs is not None and evaluations.last_timesteps != self.learner.num_timesteps:
            self.measure()
        self.update_report()
        self.checkpoint()
        with deferred_signals():  # an interruption must not leave a mixture of last and best weights
            if self.learner.config.keep_best and evaluations.best_weights is not None:
                evaluations.keep_best(self._load_best)
            else:
                self.learner.keep_average()
            self._finished = True
        self._callbacks.end()

    def close(self) -> None:
        """Closes what `begin` opened."""
        score, weights = self.evaluations.best_score, self.evaluations.best_weights
        if self._finished:
            self.learner.interrupted_best = None
        elif weights is not None:
            self.learner.interrupted_best = (score, weights)
        if self._bar is not None:
            self._bar.close()
            self.update_report()  # also if the run was interrupted
        if self.evaluations.envs is not None:
            self.evaluations.envs.close()
        if self._own_logger:
            self.logger.close()
            self.learner.set_logger(None)

    # Parts.

    def _load_best(self, weights: Mapping[str, torch.Tensor]) -> None:
        self.learner.network.load_state_dict(weights, strict=False)
        self.learner.weights_changed()

    def update_report(self) -> None:
        """Brings the report's seconds and counters up to date."""
        self.learner.report.seconds = self._clock.seconds
        self.learner.count_cost(self.learner.report)

    def measure(self) -> None:
        """Evaluates on validation and adds a row to the curve.

        Raises:
            NotFinite: The weights, or their outputs, are not finite; they are not evaluated.
        """
        self.check_weights()
        learner = self.learner
        with learner.with_average():
            result = self.evaluations.play(learner)
            if self._watch is not None:
                self._watch.evaluated(result, self._log.scores)
            self.update_report()
            self.evaluations.add(
                result,
                learner.num_timesteps,
                recent_scores=self._log.scores,
                recent=self._log.latest,
                logger=self.logger,
                weights=learner.trained_tensors,
            )
        self._dump()

    def _dump(self) -> None:
        self._log.record(self.logger)
        self.update_report()
        self.logger.record("time/rounds", self.round)
        self.logger.record("time/seconds", self.learner.report.seconds)
        self.logger.record("time/total_timesteps", self.learner.num_timesteps, exclude="tensorboard")
        self.logger.dump(self.learner.num_timesteps)

    def checkpoint(self) -> Path | None:
        """Writes a checkpoint, if there is a run folder.

        Raises:
            NotFinite: The weights, or their outputs, are not finite; the checkpoint before stays.
        """
        if self.folder is None:
            return None
        self.check_weights()
        self.update_report()
        self._checkpointed = time.perf_counter()
        state = {
            "best_score": self.evaluations.kept_score,
            "next_eval": self.evaluations.next_timesteps,
            "next_checkpoint": self._next_checkpoint,
            "callbacks": self._callbacks.counters(),
            "reward_watch": {} if self._watch is None else self._watch.state(),
            **self._log.state(),
        }
        spec, best = self.learner.training_spec(self.total_timesteps), self.evaluations.best_weights
        return write_checkpoint(self.folder / "resume", spec, self.learner, state, best)

    def _restore(self, place: Path) -> Any:
        """Restores the learner and the run; returns the counters of the callbacks."""
        learner = self.learner
        state, best = read_checkpoint(place, learner, learner.training_spec(self.total_timesteps))
        self._clock.before = learner.report.seconds
        self.evaluations.restore(learner.report, state["best_score"], best, state["next_eval"])
        self._next_checkpoint = state["next_checkpoint"]
        self._log.restore(state)
        if self._watch is not None:
            self._watch.restore(state.get("reward_watch", {}))  # not in checkpoints of earlier versions
        return state["callbacks"]
