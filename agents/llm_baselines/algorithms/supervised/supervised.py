"""Supervised: maximum likelihood on demonstrations, with early stopping on validation."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from llm_baselines.agent import TrainingReport
from llm_baselines.algorithms.language_agent import LanguageAgent, has_checkpoint
from llm_baselines.algorithms.supervised import kept_starts
from llm_baselines.algorithms.supervised.config import SupervisedConfig
from llm_baselines.algorithms.supervised.copying import teach_copying
from llm_baselines.algorithms.supervised.disguise import database_values, disguised
from llm_baselines.anchors.reference import has_demonstrations
from llm_baselines.configuration.options import make_config
from llm_baselines.lm.settings import PlayingAgentConfig
from llm_baselines.lm.teacher_forcing import token_losses
from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch
from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.training.demonstrations import demonstrations, train_examples
from llm_baselines.training.trainer import TrainingRun

_PLAYING_OPTIONS = frozenset(f.name for f in fields(PlayingAgentConfig)) - {
    f.name for f in fields(SupervisedConfig)
}


class Supervised(LanguageAgent):
    """Maximum likelihood of the references' tokens, or of the expert's turns, on the train split.

    The loss is the sum of -log pi(token | prefix) over the agent's tokens of a batch. All other tokens are
    added with a small weight. The sum is divided by the mean number of the agent's tokens in a batch.
    Evaluations on validation keep the best weights. `patience` ends training once the reward stops rising.
    """

    name = "supervised"
    config_class = SupervisedConfig
    config: SupervisedConfig

    @classmethod
    def configure(cls, options: Mapping[str, Any], *, elsewhere: Iterable[str] = ()) -> SupervisedConfig:
        """Returns the whole configuration; raises for an option of agents that play."""
        for name in options:
            if name in _PLAYING_OPTIONS:
                raise ValueError(
                    f"{name}={options[name]!r} is for agents that play: the supervised agent imitates "
                    "demonstrations, so leave it out"
                )
        return make_config(SupervisedConfig, options, elsewhere=elsewhere)

    @classmethod
    def fitting(cls, options: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Returns options without those of agents that play, which earlier versions recorded."""
        return {name: value for name, value in options.items() if name not in _PLAYING_OPTIONS}

    log_interval = 100
    _values = np.empty(0, np.int64)
    _patient_from = 0
    _has_learned_copying = False

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
        """Trains the agent; with `warm_start_folder` it loads the result of an equal training instead.

        Everything that affects the result is part of a name in that folder, so that equal agents train once.
        If several processes need the same warm start, one trains it and the others wait. With a callback it
        always trains, because a callback must see every step.
        """
        folder = self.config.warm_start_folder
        nameable = folder and self.native and self.is_fresh and not self.num_timesteps
        kept = Path(folder) / kept_starts.name_of(self, total_timesteps) if nameable else None
        shared = kept if callback is None else None
        if shared is not None and self._load_warm_start(shared):
            return self
        with nullcontext() if shared is None else kept_starts.locked(shared):
            if shared is not None and self._load_warm_start(shared):
                return self
            super().learn(
                total_timesteps, callback, log_interval, progress_bar, run_folder=run_folder, resume=resume
            )
            complete = self.num_timesteps >= total_timesteps or self.has_finished()  # no callback stopped it
            if kept is not None and complete and self.exact and not kept.exists():
                kept_starts.keep(self, kept)
        return self

    def _load_warm_start(self, kept: Path) -> bool:
        """Takes over weights, counters and report of a warm start; returns False if there is none."""
        if not kept.exists():
            return False
        trained = Supervised.load(kept, self.env, device=self.device)
        with deferred_signals():
            self.load_weights(trained.network.state_dict(), "the warm start")
            self.num_timesteps, self.rounds = trained.num_timesteps, trained.rounds
            self.updates, self.report, self.begun = trained.updates, trained.report, True
        return True

    def begin_learning(self, run_folder: str | Path | None, *, resume: bool, progress_bar: bool) -> None:
        """Collects the demonstrations; a fresh model learns to copy first."""
        if not self.native or not has_demonstrations(self.task):
            raise ValueError(
                f"the supervised agent imitates references or an expert, and {self.env} has neither"
            )
        started = time.perf_counter()
        if not has_checkpoint(run_folder, resume):
            self.put_earlier_aside(run_folder)
            self.begin_by_copying(progress_bar)
        curve = self.report.curve
        self._patient_from = len(curve) - (bool(curve) and curve[-1]["timesteps"] == self.num_timesteps)
        self._trajectories = self._demonstrations()
        tokenizer = self.task.tokenizer
        if self.config.disguise:
            self._values = database_values(self._trajectories, tokenizer.markers, tokenizer.vocabulary_size)
        self._unpredictable = torch.as_tensor(self._values, device=self.device) if len(self._values) else None
        self._mean_length = float(np.mean([len(t) for t in self._trajectories]))
        self.report.seconds += time.perf_counter() - started

    def begin_by_copying(self, progress_bar: bool) -> None:
        """Teaches a fresh model to copy, once; an interruption leaves the model unchanged."""
        if self.config.copy_steps and self.is_fresh and not self._has_learned_copying:
            taught = copy.deepcopy(self.lm)
            self.copying = (0, self.config.copy_steps)
            try:
                teach_copying(
                    taught,
                    self.config.copy_steps,
                    self.seed,
                    progress_bar=progress_bar,
                    on_step=self._copies,
                )
            finally:
                self.copying = None
            with deferred_signals():
                self.lm.load_state_dict(taught.state_dict())
                self.weights_changed()
                self._has_learned_copying = True

    def _copies(self, done: int) -> None:
        self.copying = (done, self.config.copy_steps)

    def learn_round(self, run: TrainingRun) -> None:
        """Updates on the next batch of the epoch; steps count the demonstrations' tokens."""
        size = self.config.batch_size
        epoch, at = divmod(run.round, -(-len(self._trajectories) // size))
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self._trajectories))
        rng = run.generator(0)
        batch = [
            disguised(self._trajectories[i], self._values, rng) for i in order[at * size : (at + 1) * size]
        ]
        run.log("train/loss", self.update(batch, run))
        run.on_step(sum(len(t) for t in batch))

    def has_finished(self) -> bool:
        """Returns True if the reward has stopped rising for `patience` evaluations."""
        rewards = [row["eval/mean_reward"] for row in self.report.curve[self._patient_from :]]
        patience = self.config.patience
        return bool(patience and len(rewards) - 1 - int(np.argmax(rewards or [0.0])) >= patience)

    def _demonstrations(self) -> list[Trajectory]:
        examples = train_examples(self.task, self.config.train_fraction)
        config = self.config
        return demonstrations(
            self.env, examples, per_example=config.per_example, relabel=config.relabel, seed=self.seed
        )

    def update(self, batch: list[Trajectory], run: TrainingRun) -> float:
        """Takes one step on a batch; returns the mean loss per token of the agent's."""
        agent_loss = 0.0

        def loss(part: TrajectoryBatch, _: list[int]) -> Tensor:
            nonlocal agent_loss
            weighted, agent_part = token_losses(
                self.lm, part, self.config.context_weight, unpredictable=self._unpredictable
            )
            agent_loss += float(agent_part)
            return weighted

        self.backward(batch, loss, self.config.batch_size * self._mean_length)
        run.check_finite(agent_loss, "the loss")
        self.optimizer_step(run)
        return agent_loss / sum(len(t) for t in batch)

    def state(self) -> dict[str, Any]:
        """Returns the counters, and the row of the curve at which this training began."""
        return {**super().state(), "patient_from": self._patient_from}

    def restore(self, state: dict[str, Any]) -> None:
        """Restores what `state` returned."""
        super().restore(state)
        self._patient_from = state.get("patient_from", 0)

    def count_cost(self, report: TrainingReport) -> None:
        """Counts the tokens that were learned from; no environment step is taken."""
        report.tokens = self.num_timesteps
