"""Supervised: maximum likelihood on demonstrations, to the plateau on validation."""

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
from llm_baselines.algorithms.supervised.disguise import disguised, looked_up
from llm_baselines.anchors.reference import has_demonstrations
from llm_baselines.configuration.options import make_config
from llm_baselines.lm.settings import PlayingAgentConfig
from llm_baselines.lm.teacher_forcing import token_losses
from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch
from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.training.demonstrations import demonstrations, train_examples
from llm_baselines.training.trainer import TrainingRun

_OF_PLAY = frozenset(f.name for f in fields(PlayingAgentConfig)) - {f.name for f in fields(SupervisedConfig)}


class Supervised(LanguageAgent):
    """Maximum likelihood of the references' tokens, or of the expert's turns, on the train split.

    The loss is -log pi(token | prefix), summed over the agent's tokens of a batch, and with a small weight
    over all others, and divided by the mean number of the agent's tokens in a batch. Evaluations on
    validation keep the best weights; with `patience` training ends when the reward has stopped rising.
    """

    name = "supervised"
    config_class = SupervisedConfig
    config: SupervisedConfig

    @classmethod
    def configure(cls, options: Mapping[str, Any], *, elsewhere: Iterable[str] = ()) -> SupervisedConfig:
        """The whole configuration; an option of agents that play is refused by name."""
        for name in options:
            if name in _OF_PLAY:
                raise ValueError(
                    f"{name}={options[name]!r} is for agents that play: the supervised agent imitates what "
                    "its environment has, so leave it out"
                )
        return make_config(SupervisedConfig, options, elsewhere=elsewhere)

    @classmethod
    def fitting(cls, options: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Options without those of agents that play, which earlier versions wrote down."""
        return {name: value for name, value in options.items() if name not in _OF_PLAY}

    log_interval = 100
    _values = np.empty(0, np.int64)
    _patient_from = 0
    _can_copy = False

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
        """Trains; with `warm_start_folder` what has been trained alike before is taken from there.

        Whatever decides the result decides the name in that folder, so agents that begin alike train once,
        also where they are other processes': one trains, the others wait. With a callback, which wants to see
        every step, it is trained again.
        """
        folder = self.config.warm_start_folder
        nameable = folder and self.native and self.is_fresh and not self.num_timesteps
        kept = Path(folder) / kept_starts.name_of(self, total_timesteps) if nameable else None
        shared = kept if callback is None else None
        if shared is not None and self._take(shared):
            return self
        with nullcontext() if shared is None else kept_starts.alone(shared):
            if shared is not None and self._take(shared):
                return self
            super().learn(
                total_timesteps, callback, log_interval, progress_bar, run_folder=run_folder, resume=resume
            )
            whole = self.num_timesteps >= total_timesteps or self.has_finished()  # no callback broke it off
            if kept is not None and whole and self.exact and not kept.exists():
                kept_starts.keep(self, kept)
        return self

    def _take(self, kept: Path) -> bool:
        """Takes a warm start over, where it is there."""
        if not kept.exists():
            return False
        trained = Supervised.load(kept, self.env, device=self.device)
        with deferred_signals():
            self.load_weights(trained.network.state_dict(), "the warm start")
            self.num_timesteps, self.rounds = trained.num_timesteps, trained.rounds
            self.updates, self.report, self.begun = trained.updates, trained.report, True
        return True

    def begin_learning(self, run_folder: str | Path | None, *, resume: bool, progress_bar: bool) -> None:
        """Gathers the demonstrations; a fresh model learns to copy first."""
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
        self._shown = self._demonstrations()
        tokenizer = self.task.tokenizer
        if self.config.disguise:
            self._values = looked_up(self._shown, tokenizer.markers, tokenizer.vocabulary_size)
        self._by_chance = torch.as_tensor(self._values, device=self.device) if len(self._values) else None
        self._mean_length = float(np.mean([len(t) for t in self._shown]))
        self.report.seconds += time.perf_counter() - started

    def begin_by_copying(self, progress_bar: bool) -> None:
        """Once, and whole: what an interruption leaves is what was there before."""
        if self.config.copy_steps and self.is_fresh and not self._can_copy:
            taught = copy.deepcopy(self.lm)
            teach_copying(taught, self.config.copy_steps, self.seed, progress_bar=progress_bar)
            with deferred_signals():
                self.lm.load_state_dict(taught.state_dict())
                self.weights_changed()
                self._can_copy = True

    def learn_round(self, run: TrainingRun) -> None:
        """One step on the next batch of the epoch; steps are tokens of the demonstrations."""
        size = self.config.batch_size
        epoch, at = divmod(run.round, -(-len(self._shown) // size))
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self._shown))
        rng = run.generator(0)
        batch = [disguised(self._shown[i], self._values, rng) for i in order[at * size : (at + 1) * size]]
        run.log("train/loss", self.update(batch, run))
        run.on_step(sum(len(t) for t in batch))

    def has_finished(self) -> bool:
        """Whether the reward has stopped rising."""
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
        """One step on a batch; returns the mean loss per token."""
        own = 0.0

        def loss(part: TrajectoryBatch, _: list[int]) -> Tensor:
            nonlocal own
            weighed, mine = token_losses(self.lm, part, self.config.context_weight, by_chance=self._by_chance)
            own += float(mine)
            return weighed

        self.backward(batch, loss, self.config.batch_size * self._mean_length)
        run.check_finite(own, "the loss")
        self.optimizer_step(run)
        return own / sum(len(t) for t in batch)

    def state(self) -> dict[str, Any]:
        """Counters, and where in the curve this training began."""
        return {**super().state(), "patient_from": self._patient_from}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""
        super().restore(state)
        self._patient_from = state.get("patient_from", 0)

    def count_cost(self, report: TrainingReport) -> None:
        """Tokens are learned from, none is played."""
        report.tokens = self.num_timesteps
