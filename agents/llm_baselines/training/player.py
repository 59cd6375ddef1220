"""RoundPlayer: plays rounds of episodes for a learner, with its behaviour, on drawn examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from llm_baselines.agent import Learner, LearnerConfig
from llm_baselines.play.exploration import draw
from llm_baselines.play.rollout import play_episodes
from llm_baselines.play.rows import Rows
from llm_baselines.play.trajectory import Trajectory
from llm_baselines.play.transitions import TransitionError
from llm_baselines.training.demonstrations import train_examples
from llm_baselines.training.reward_statistics import PlayedRound
from llm_baselines.training.trainer import TrainingRun
from llm_envs.lm.reader import Reader

Probabilities = Callable[[list[Tensor], np.ndarray], tuple[Tensor, Tensor]]
"""Called with (features by reader, observation).

Returns the probabilities that actions are drawn from, and the log-probabilities to store; both (n, V).
"""


class PlayingConfig(LearnerConfig, Protocol):
    """The options of playing."""

    @property
    def round_size(self) -> int:
        """Episodes played between updates."""
        ...

    @property
    def train_fraction(self) -> float:
        """Part of the train split that is used."""
        ...


class PlayingLearner(Learner, Protocol):
    """A learner that learns from the episodes it plays."""

    vocabulary_size: int

    @property
    def component_weights(self) -> Mapping[str, float] | None:
        """The weights of the reward's components as it learns from them; None for the reward's own."""
        ...

    @property
    def config(self) -> PlayingConfig:
        """The whole configuration."""
        ...

    def training_rows(self) -> Rows:
        """Returns the rows to play on, with the training reward."""
        ...

    def make_readers(self) -> list[Reader]:
        """Returns the readers of observations: the acting model's, and others that behaviour needs."""
        ...

    def action_mask(self, observation: np.ndarray) -> Tensor | None:
        """Returns the tokens that the environment allows, bool (n, V); None allows all."""
        ...


class RoundPlayer:
    """Plays rounds of whole episodes on a learner's training environment.

    Args:
        learner: The learner whose behaviour is played.
    """

    def __init__(self, learner: PlayingLearner) -> None:
        self._learner = learner
        self._rows = learner.training_rows()
        task = self._rows.task
        self._examples = None if task is None else train_examples(task, learner.config.train_fraction)

    def close(self) -> None:
        """Closes the environments."""
        self._rows.close()

    def play(
        self, run: TrainingRun, probabilities: Probabilities, *, group: int = 1, visits: int = 1
    ) -> list[Trajectory]:
        """Plays a round.

        Args:
            run: Gives the number of the round, and counts every step.
            probabilities: The behaviour.
            group: Number of consecutive episodes on the same example; 1 draws an example for each episode.
            visits: Number of rounds in a row in which an example that was drawn is played.

        Returns:
            `config.round_size` trajectories; fewer if a callback stopped the training.
        """
        learner, rng = self._learner, run.generator(0)
        count = learner.config.round_size
        seeds = rng.integers(2**31, size=count).tolist()
        examples: Sequence[int] | None = None
        if self._examples is not None:
            drawn = _drawn(self._examples, run, -(-count // group), visits)
            examples = np.repeat(drawn, group)[:count].tolist()
        with run.rollout(), torch.no_grad():
            played = play_episodes(
                self._rows,
                _Behaviour(learner, probabilities, run),
                seeds=seeds,
                examples=examples,
                vocabulary_size=learner.vocabulary_size,
                rng=rng,
                round=run.round,
                on_step=lambda over: run.on_step(len(over), over),
            )
        task = self._rows.task
        weights = learner.component_weights
        if weights is None and task is not None:
            weights = task.reward.weights
        run.played(
            PlayedRound(
                [t.score for t in played],
                [len(t) for t in played],
                [t.outcome for t in played if t.outcome is not None],
                weights,
                [t.example for t in played] if group > 1 and self._examples is not None else None,
            )
        )
        dense = task is not None and task.reward_timing != "terminal"
        learner.report.reward_calls += sum(map(len, played)) if dense else len(played)
        return played


def _drawn(examples: np.ndarray, run: TrainingRun, count: int, visits: int) -> np.ndarray:
    """Returns the examples of a round: equally many that were drawn in each of the last `visits` rounds.

    A round draws from a generator of its own, so that a resumed run finds those of earlier rounds.
    """
    shares = np.diff(np.linspace(0, count, visits + 1).astype(np.int64))
    return np.concatenate(
        [run.generator(3, visit).choice(examples, share) for visit, share in enumerate(shares)]
    )


class _Behaviour:
    """A learner's behaviour, as a rollout's policy."""

    def __init__(self, learner: PlayingLearner, probabilities: Probabilities, run: TrainingRun) -> None:
        self._learner, self._run = learner, run
        self._probabilities = probabilities
        self._readers = learner.make_readers()

    def act(self, observation: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        features = [reader.read(observation) for reader in self._readers]
        probabilities, log_probs = self._probabilities(features, observation)
        if not np.isfinite(total := float(probabilities.sum())):
            self._raise_not_finite(total, observation)
        actions = draw(probabilities, rng.random(len(observation)))
        taken = log_probs.gather(1, torch.as_tensor(actions, device=log_probs.device)[:, None])[:, 0]
        return actions, taken.cpu().numpy()

    def keep(self, rows: np.ndarray) -> None:
        for reader in self._readers:
            reader.keep(rows)

    def _raise_not_finite(self, total: float, observation: np.ndarray) -> None:
        mask = self._learner.action_mask(observation)
        if mask is not None and not (allowed := mask.any(dim=1)).all():
            row = int((~allowed).nonzero()[0])
            raise TransitionError(f"row {row}: action_mask allows no token, and the episode goes on")
        self._run.check_finite(total, "the probability of an action")


def log_ratios(trajectories: Sequence[Trajectory]) -> np.ndarray:
    """Returns log pi_behaviour - log pi_ref of every text, nats, float64 (n,).

    The mean estimates the sequence KL.
    """
    return np.array([float((t.behaviour_log_probs - t.reference_log_probs).sum()) for t in trajectories])
