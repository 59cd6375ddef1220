"""Supervised: maximum likelihood on demonstrations, to the plateau on validation."""

from __future__ import annotations

import copy
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import Tensor

from llm_baselines.agent import TrainingReport
from llm_baselines.algorithms.language_agent import LanguageAgent
from llm_baselines.algorithms.supervised.copying import teach_copying
from llm_baselines.algorithms.supervised.disguise import disguised, looked_up
from llm_baselines.anchors.reference import has_demonstrations
from llm_baselines.configuration.options import changed, make_config, option, recorded_values, values_of
from llm_baselines.configuration.tables import AGENT_OPTIONS
from llm_baselines.lm.settings import LanguageAgentConfig
from llm_baselines.lm.teacher_forcing import token_losses
from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch
from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.storage.rotation import newest_checkpoint
from llm_baselines.storage.temporary import temporary_folder
from llm_baselines.training.demonstrations import demonstrations, train_examples
from llm_baselines.training.trainer import TrainingRun
from llm_envs.checks.types import fits

_OF_PLAY = ("train_dataset", "reward", "reward_timing", "episodes_per_round")
_OF_NO_EFFECT = ("warm_start", "warm_start_folder", "supervised", "checkpoint_freq")


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisedConfig(LanguageAgentConfig):
    """Every option of Supervised. Its steps are tokens of demonstrations that were learned from."""

    learning_rate: float = option(5e-3, "AdamW's step size at the start; measured", above=0)
    learning_rate_end: float = option(5e-4, "and at the end, linearly in between", at_least=0)
    warmup_steps: int = option(
        100, "updates over which it rises first, linearly (Goyal et al. 2017)", at_least=0
    )
    weight_decay: float = option(0.05, "AdamW's decoupled weight decay; measured", at_least=0)
    context_weight: float = option(
        0.2,
        "weight of the tokens that are not the agent's in the loss; measured: copying is learned sooner",
        at_least=0,
    )
    batch_size: int = option(32, "demonstrations of an update", at_least=1)
    copy_steps: int = option(
        800,
        "updates on repeated random tokens that a fresh model begins with (Olsson et al. 2022); 0: none",
        at_least=0,
    )
    per_example: int = option(1, "dialogues the expert plays for each goal of the train split", at_least=1)
    relabel: int = option(
        0,
        "further requests for each text that asks for words it uses (hindsight: Andrychowicz et al. 2017)",
        at_least=0,
    )
    disguise: bool = option(
        True,
        "exchange what the expert read in a database for other values, anew in every epoch",
    )
    patience: int = option(
        0,
        "evaluations without a better reward after which training ends (Prechelt 1998); 0: never",
        at_least=0,
    )

    def __post_init__(self) -> None:
        LanguageAgentConfig.__post_init__(self)
        for name, value in changed(self, _OF_PLAY).items():
            raise ValueError(
                f"{name}={value!r} is for agents that play: the supervised agent imitates what its "
                "environment has, so leave it out"
            )
        if self.patience and not self.eval_freq:
            raise ValueError(
                f"patience={self.patience} counts evaluations, and with eval_freq=0 there are none"
            )


class Supervised(LanguageAgent):
    """Maximum likelihood of the references' tokens, or of the expert's turns, on the train split.

    The loss is -log pi(token | prefix), summed over the agent's tokens of a batch, and with a small weight
    over all others, and divided by the mean number of the agent's tokens in a batch. Evaluations on
    validation keep the best weights; with `patience` training ends when the reward has stopped rising.
    """

    name = "supervised"
    config_class = SupervisedConfig

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
        kept = Path(folder) / self._kept_as(total_timesteps) if nameable else None
        shared = kept if callback is None else None
        if shared is not None and self._take(shared):
            return self
        with nullcontext() if shared is None else _alone(shared):
            if shared is not None and self._take(shared):
                return self
            super().learn(
                total_timesteps, callback, log_interval, progress_bar, run_folder=run_folder, resume=resume
            )
            whole = self.num_timesteps >= total_timesteps or self.has_finished()  # no callback broke it off
            if kept is not None and whole and self.exact and not kept.exists():
                self._keep(kept)
        return self

    def _keep(self, kept: Path) -> None:
        """Saves what was trained as a warm start, whole or not at all."""
        with deferred_signals(), temporary_folder(kept.parent, f".{kept.name}-") as place:
            self.save(place / "agent")
            try:
                (place / "agent").rename(kept)
            except OSError:  # another process was faster, with the same weights
                if not kept.exists():
                    raise

    def _kept_as(self, total_timesteps: int) -> str:
        """The name in `warm_start_folder` of what this training gives."""
        decides = [
            self.model_spec,
            self.task.signature,
            self.task.split,
            self.seed,
            str(self.device),
            {k: v for k, v in values_of(self.config).items() if k not in _OF_NO_EFFECT},
            total_timesteps,
            torch.__version__,
            torch.get_num_threads(),
        ]
        key = hashlib.sha256(json.dumps(decides, default=repr).encode()).hexdigest()[:16]
        return f"{self.env.spec.id}-{self.seed}-{key}"

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
        if not _begun(run_folder, resume):
            self.put_earlier_aside(run_folder)
            self._teach_copying(progress_bar)
        curve = self.report.curve
        self._patient_from = len(curve) - (bool(curve) and curve[-1]["timesteps"] == self.num_timesteps)
        self._shown = self._demonstrations()
        tokenizer = self.task.tokenizer
        if self.config.disguise:
            self._values = looked_up(self._shown, tokenizer.markers, tokenizer.vocabulary_size)
        self._by_chance = torch.as_tensor(self._values, device=self.device) if len(self._values) else None
        self._mean_length = float(np.mean([len(t) for t in self._shown]))
        self.report.seconds += time.perf_counter() - started

    def _teach_copying(self, progress_bar: bool) -> None:
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
        run.log("train/loss", self._update(batch, run))
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

    def _update(self, batch: list[Trajectory], run: TrainingRun) -> float:
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


@contextmanager
def _alone(kept: Path) -> Iterator[None]:
    """Waits while another process trains the same warm start; where files cannot be locked, it does not."""
    lock = FileLock(kept.with_name(f".{kept.name}.lock"))
    try:
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout:
            print(f"another process trains the warm start {kept.name}: waiting for it", file=sys.stderr)
            lock.acquire()
        except OSError:  # a folder that is read only, or files that nobody can lock
            pass
        yield
    finally:
        lock.release()


def _begun(run_folder: str | Path | None, resume: bool) -> bool:
    """Whether there is a checkpoint to go on from."""
    if run_folder is None or not resume:
        return False
    return newest_checkpoint(Path(run_folder) / "resume") is not None


def check_start(config: LanguageAgentConfig) -> None:
    """Refuses a learner's option "supervised" before anything is trained.

    Raises:
        ValueError: An option is unknown, of the wrong type or out of bounds.
    """
    make_config(SupervisedConfig, _split(config.supervised)[0])


def _split(supervised: dict[str, Any]) -> tuple[dict[str, Any], int | None]:
    """The options, and how many tokens are learned from; None for what suits the id."""
    options = dict(supervised)
    total = options.pop("total_timesteps", None)
    if total is not None and not (fits(total, float) and 1 <= total < float("inf")):
        raise ValueError(
            f"supervised.total_timesteps={total!r} must be at least 1; warm_start=False for none"
        )
    return options, None if total is None else int(total)


def _start(supervised: dict[str, Any], env_id: str, train_fraction: float) -> tuple[dict[str, Any], int]:
    """Options and tokens of a start on an id, where the learner's own say nothing from the table."""
    asked, total = _split(supervised)
    options = {**AGENT_OPTIONS.options(Supervised.name, env_id), "train_fraction": train_fraction, **asked}
    options.pop("model", None)
    return options, total or AGENT_OPTIONS.timesteps(Supervised.name, env_id)


def complete_start(supervised: dict[str, Any], env_id: str, train_fraction: float) -> dict[str, Any]:
    """A learner's option "supervised" with all that is looked up when it begins.

    Args:
        supervised: The option.
        env_id: The environment's id.
        train_fraction: The learner's.

    Returns:
        What `begin_from_demonstrations` trains with, whatever the tables and defaults say later.
    """
    options, total = _start(supervised, env_id, train_fraction)
    values = recorded_values(make_config(SupervisedConfig, options))
    values = {k: v for k, v in values.items() if k not in (*_OF_PLAY, *_OF_NO_EFFECT)}
    return {"total_timesteps": total, **values}


def begin_from_demonstrations(
    learner: LanguageAgent,
    run_folder: str | Path | None,
    rebuild: Callable[[], object],
    *,
    resume: bool,
    progress_bar: bool,
) -> None:
    """Trains a learner's fresh model on demonstrations, where it is to be and there are any.

    A run that goes on from a checkpoint has this behind it. Whatever decides the result decides its name in
    `warm_start_folder`, so learners that begin alike train it once.

    Args:
        learner: Takes over the weights, the cost and the evaluations.
        run_folder: Its run folder; "warm_start" in it holds this training's checkpoints.
        rebuild: Called once the learner has new weights, for what it builds on them.
        resume: Go on from them.
        progress_bar: Show a progress bar.
    """
    config = learner.config
    wanted = config.warm_start and learner.is_fresh and learner.native and learner.num_timesteps == 0
    if not wanted or not has_demonstrations(learner.task):
        return
    if _begun(run_folder, resume):
        return
    learner.put_earlier_aside(run_folder)
    assert learner.env.spec is not None
    options, total = _start(config.supervised, learner.env.spec.id, config.train_fraction)
    options["warm_start_folder"] = config.warm_start_folder
    begun = Supervised(learner.model_spec, learner.env, seed=learner.seed, device=learner.device, **options)
    place = Path(run_folder) / "warm_start" if run_folder is not None else None
    begun.on_evaluation = learner.on_evaluation
    learner.warm_start = (begun, total)
    try:
        begun.learn(total, run_folder=place, resume=resume, progress_bar=progress_bar)
    finally:
        learner.warm_start = None
    with deferred_signals():
        learner.lm.load_state_dict(begun.lm.state_dict())
        learner.begun = True
        learner.weights_changed()
        learner.report.seconds = begun.report.seconds
        learner.report.gradient_steps = begun.report.gradient_steps
        learner.report.curve = [{**row, "timesteps": 0} for row in begun.report.curve[-1:]]
        rebuild()
