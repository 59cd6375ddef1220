"""PlayingAgent: a language agent that learns from the episodes it plays, after a warm start."""

from __future__ import annotations

from pathlib import Path

from llm_baselines.algorithms.language_agent import LanguageAgent
from llm_baselines.algorithms.supervised.warm_start import begin_from_demonstrations, check_start
from llm_baselines.lm.settings import PlayingAgentConfig
from llm_baselines.play.rows import Rows, make_rows, training_design
from llm_baselines.training.player import RoundPlayer
from llm_envs import vectorize


class PlayingAgent(LanguageAgent):
    """Begins from demonstrations, if there are any, and then plays rounds of episodes.

    A subclass defines how it acts and learns. Its `build_learner` makes the network.
    """

    config_class = PlayingAgentConfig
    config: PlayingAgentConfig

    def build_learner(self) -> None:
        """Makes `network` from the present language model; called at the start and after the warm start."""
        raise NotImplementedError

    def _build(self) -> None:
        check_start(self.config)
        self.build_learner()

    def begin_learning(self, run_folder: str | Path | None, *, resume: bool, progress_bar: bool) -> None:
        """Opens the environments, and runs the warm start from demonstrations."""
        self.player = RoundPlayer(self)  # a bad reward or data set fails before the warm start
        begin_from_demonstrations(
            self, self.config, run_folder, self.build_learner, resume=resume, progress_bar=progress_bar
        )

    def end_learning(self) -> None:
        """Closes the environments."""
        self.player.close()

    def training_rows(self) -> Rows:
        """Returns the rows to play on, with the training reward."""
        changes = training_design(self.config)
        if self.config.train_dataset:
            changes |= {"dataset": self.config.train_dataset, "tokenizer": self.task.tokenizer}
        return make_rows(self.env, self.config.n_envs, mask=self.action_mask, **changes)

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
