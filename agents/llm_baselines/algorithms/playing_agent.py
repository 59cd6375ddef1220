"""PlayingAgent: a language agent that learns from the episodes it plays, after a warm start."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from llm_baselines.algorithms.component_scale import ComponentScale
from llm_baselines.algorithms.language_agent import LanguageAgent
from llm_baselines.algorithms.supervised.warm_start import begin_from_demonstrations, check_start
from llm_baselines.algorithms.weight_average import WeightAverage
from llm_baselines.lm.settings import PlayingAgentConfig
from llm_baselines.play.rows import Rows, make_rows, training_design
from llm_baselines.play.trajectory import Trajectory
from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.storage.tensors import read_tensors, write_tensors
from llm_baselines.training.objective_guard import ObjectiveGuard
from llm_baselines.training.player import RoundPlayer
from llm_baselines.training.reward_watch import RewardWatch, SamplesListener
from llm_baselines.training.trainer import TrainingRun
from llm_envs import vectorize

_AVERAGE = "average.safetensors"


class PlayingAgent(LanguageAgent):
    """Begins from demonstrations, if there are any, and then plays rounds of episodes.

    A subclass defines how it acts and learns. Its `build_learner` makes the network.
    """

    config_class = PlayingAgentConfig
    config: PlayingAgentConfig

    def build_learner(self) -> None:
        """Makes `network` from the present language model; called at the start and after the warm start."""
        raise NotImplementedError

    average: WeightAverage | None = None
    """The mean of the weights; None before the first update, or without averaging."""
    component_scale: ComponentScale | None = None
    """With component_scaling="normalize" what recombines the reward's components; else None."""
    remedies: ClassVar[str] = ""
    """What else to turn where learning makes texts worse, after "Lower learning_rate"."""
    on_samples: SamplesListener | None = None
    """Called with every table of sampled texts."""

    def _build(self) -> None:
        check_start(self.config)
        self.guard = ObjectiveGuard(self.config.guard_margin, self.config.guard_rounds)
        self.component_scale = self._make_component_scale()
        self.build_learner()

    def begin_learning(self, run_folder: str | Path | None, *, resume: bool, progress_bar: bool) -> None:
        """Opens the environments, and runs the warm start from demonstrations."""
        if self.average is not None:
            self.average.go_on()
            self.weights_changed()
        self.player = RoundPlayer(self)  # a bad reward or data set fails before the warm start
        begin_from_demonstrations(
            self, self.config, run_folder, self.build_learner, resume=resume, progress_bar=progress_bar
        )

    def end_learning(self) -> None:
        """Closes the environments."""
        self.player.close()

    def reward_watch(self) -> RewardWatch:
        """Returns what observes the rewards of a training."""
        config = self.config
        return RewardWatch(
            log_samples=config.log_samples,
            warns=config.reward_warnings,
            can_scale=self.native,
            listener=self.on_samples,
        )

    @property
    def component_weights(self) -> Mapping[str, float] | None:
        """The weights of the components as it learns from them; None for the reward's own."""
        return None if self.component_scale is None else self.component_scale.effective_weights

    def recombined(self, played: list[Trajectory]) -> list[Trajectory]:
        """Returns fresh episodes with the reward that is learned from: components normalised, then summed."""
        scale = self.component_scale
        if scale is None:
            return played
        scale.update(played)
        return [scale.recombined(trajectory) for trajectory in played]

    def _make_component_scale(self) -> ComponentScale | None:
        """Returns the scale that the option asks for.

        Raises:
            ValueError: The reward is not paid at the end alone, so that its steps have no components.
        """
        config = self.config
        if config.component_scaling == "sum" or not self.native:
            return None
        timing = config.reward_timing or self.task.reward_timing
        if timing != "terminal":
            raise ValueError(
                "component_scaling='normalize' is for rewards paid at the end, and reward_timing is "
                f"{timing!r}: choose one of them"
            )
        reward = self.task.reward if config.reward is None else self.task.make_reward(config.reward)
        return ComponentScale(reward.weights)

    def training_rows(self) -> Rows:
        """Returns the rows to play on, with the training reward."""
        changes = training_design(self.config)
        if self.config.train_dataset:
            changes |= {"dataset": self.config.train_dataset, "tokenizer": self.task.tokenizer}
        return make_rows(self.env, self.config.n_envs, mask=self.action_mask, **changes)

    def optimizer_step(
        self, run: TrainingRun, *, frozen: Collection[str] = (), counted: bool = True
    ) -> dict[str, float]:
        """Takes an optimizer step, and adds the weights to their mean."""
        if counted and self.average is None and self.config.averaging:
            self.average = WeightAverage(self.network, self.config.averaging)
        with deferred_signals():
            norms = super().optimizer_step(run, frozen=frozen, counted=counted)
            if counted and self.average is not None:
                self.average.add(self.updates)
        return norms

    @contextmanager
    def with_average(self) -> Iterator[None]:
        """Evaluates with the mean of the weights, if there is one."""
        if self.average is None:
            yield
            return
        try:
            with self.average.in_place():
                self.weights_changed()
                yield
        finally:
            self.weights_changed()

    def keep_average(self) -> None:
        """Replaces the weights by their mean, if there is one."""
        if self.average is not None:
            self.average.keep()
            self.weights_changed()

    def save_more(self, place: Path) -> None:
        """Writes the mean of the weights into a checkpoint."""
        if self.average is not None:
            write_tensors(self.average.tensors(), place / _AVERAGE)

    def load_more(self, place: Path) -> None:
        """Reads the mean of the weights from a checkpoint; those of earlier versions have none."""
        self.average = None
        if self.config.averaging and (place / _AVERAGE).exists():
            self.average = WeightAverage(self.network, self.config.averaging)
            self.average.restore(read_tensors(place / _AVERAGE))

    def watch_objective(self, run: TrainingRun, objective: float, spread: float) -> None:
        """Warns, or ends the training, if fresh texts have become worse than at the start.

        Args:
            run: The training run.
            objective: Mean reward of the round's texts less the cost of their KL, in units of reward.
            spread: Standard deviation of the scores, in the same units.
        """
        run.log("rollout/objective", objective)
        if not self.guard.has_fallen(objective, spread):
            return
        config = self.config
        ends = " The training ends here." if config.guard_halts else ""
        keeps = " The best weights are kept." if config.keep_best else ""
        warnings.warn(
            f"step {self.num_timesteps}: fresh texts have been worse than at the start for "
            f"{config.guard_rounds} rounds: reward less the cost of the KL is {objective:.3g}, and was "
            f"{self.guard.start:.3g}; guard_margin={config.guard_margin} spreads of the scores are "
            f"{config.guard_margin * spread:.3g}.{ends}{keeps} Lower learning_rate{self.remedies}",
            stacklevel=2,
        )
        if config.guard_halts:
            run.stop()

    def state(self) -> dict[str, Any]:
        """Returns the counters, and those of the guard."""
        scale = {} if self.component_scale is None else self.component_scale.state()
        return {**super().state(), **self.guard.state(), **scale}

    def restore(self, state: dict[str, Any]) -> None:
        """Restores what `state` returned."""
        super().restore(state)
        self.guard.restore(state)
        if self.component_scale is not None:
            self.component_scale.restore(state)

    def check_train_dataset(self) -> None:
        """Raises if the environment cannot be made with the option `train_dataset`.

        Raises:
            ValueError: Making it fails; the error names the option and the reason.
        """
        if not (self.native and self.config.train_dataset):
            return
        try:
            vectorize(self.env, 1, dataset=self.config.train_dataset, tokenizer=self.task.tokenizer).close()
        except ValueError as error:
            raise ValueError(f"train_dataset={self.config.train_dataset!r}: {error}") from error
