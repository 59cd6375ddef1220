"""Objective: the protocol of what TokenDQN learns by: how Q is represented, its targets, loss and state."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from llm_baselines.algorithms.token_dqn.episode_replay import EpisodeReplay
from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch
from llm_baselines.training.trainer import TrainingRun
from llm_envs.lm.model import LanguageModel


@dataclass(frozen=True)
class PartResult:
    """The result of one part of an update's batch, n episodes.

    Attributes:
        loss: The loss summed over actions, with gradient.
        sums: Values to log, summed over actions.
        priorities: float (n,), the replay priority of each episode; 0 if the objective uses none.
        distances: float (n,), mean |log pi - log behaviour| of each episode, in nats; 0 if unused.
    """

    loss: Tensor
    sums: Mapping[str, float]
    priorities: np.ndarray
    distances: np.ndarray


@dataclass(frozen=True)
class UpdateResult:
    """The result of one update on n episodes.

    Attributes:
        loss: The loss, divided by the constant number of tokens.
        grad_norms: Norm of the gradient by parameter group, before clipping.
        priorities: As in PartResult.
        distances: As in PartResult.
        logged: Values to log, by their name without "train/".
    """

    loss: float
    grad_norms: Mapping[str, float]
    priorities: np.ndarray
    distances: np.ndarray
    logged: Mapping[str, float]


class Update(Protocol):
    """One update in progress: it takes the parts of the batch one by one.

    Attributes:
        frozen: Parameter groups that take no step.
    """

    frozen: Collection[str]

    def part(self, batch: TrajectoryBatch, fresh: np.ndarray | None) -> PartResult:
        """Returns the loss of a part.

        Args:
            batch: The part, n episodes.
            fresh: bool (n,), True for episodes played with the present weights; None if there are none.
        """
        ...

    def diagnostics(self) -> dict[str, float]:
        """Returns values to log that concern all parts together."""
        ...


class Loop(Protocol):
    """The part of the agent that an objective may use."""

    replay: EpisodeReplay
    tokens_per_episode: float | None

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        ...

    def optimizer_step(
        self, run: TrainingRun, *, frozen: Collection[str] = (), counted: bool = True
    ) -> dict[str, float]:
        """Clips gradients and takes an optimizer step."""
        ...

    def refresh_target(self, steps: int) -> None:
        """Moves the target network if an update is due after this number of steps."""
        ...


class Objective(Protocol):
    """The objective of TokenDQN: it represents Q and computes behaviour, targets and loss."""

    @property
    def network(self) -> nn.Module:
        """Everything with weights."""
        ...

    @property
    def reference(self) -> LanguageModel | None:
        """pi_ref, frozen; None if the configuration does not use it."""
        ...

    @property
    def priority_exponent(self) -> float:
        """The replay samples episodes in proportion to priority^exponent; 0 samples uniformly."""
        ...

    @property
    def group_size(self) -> int:
        """Episodes of a round on each example; above 1, updates need all episodes of an example together."""
        ...

    @property
    def visits(self) -> int:
        """Rounds in a row in which an example is played."""
        ...

    @property
    def max_distance(self) -> float:
        """Episodes further from the policy than this leave the replay, in nats per token; 0 keeps all."""
        ...

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Returns the groups of trained parameters, see `optimizer.parameter_group`."""
        ...

    def scores(self, features: Tensor) -> Tensor:
        """Returns the scores that actions are chosen by, float32 (n, V): Q-values or log-probabilities."""
        ...

    def behaviour_log_probs(self, scores: Tensor, probabilities: Tensor) -> Tensor:
        """Returns the log-probabilities of behaviour that are stored with an episode, float (n, V).

        Args:
            scores: float32 (n, V), -inf outside the support.
            probabilities: float32 (n, V), the distribution that actions are drawn from.
        """
        ...

    def acting_probabilities(self, scores: Tensor) -> Tensor:
        """Returns the distribution that a non-deterministic `predict` draws from: float32 (n, V)."""
        ...

    def annotated(self, played: list[Trajectory]) -> list[Trajectory]:
        """Returns the episodes with the values that updates need, such as log pi_ref."""
        ...

    def after_playing(self, played: list[Trajectory]) -> dict[str, float]:
        """Adapts to a round of annotated episodes; returns values to log, by their full names."""
        ...

    def fresh_objective(self, played: list[Trajectory]) -> tuple[float, float] | None:
        """Returns mean reward less the cost of the KL, and the spread of the scores, in units of reward.

        None if the objective has no reference that it starts from and stays near.
        """
        ...

    def divisor(self, batch_size: int, tokens_per_episode: float) -> float:
        """Returns the constant that the summed loss of an update is divided by.

        Args:
            batch_size: Episodes of an update.
            tokens_per_episode: Mean number of actions of an episode, in the first round.
        """
        ...

    def begin_update(self, updates: int) -> Update:
        """Begins the next update, given the number of earlier ones."""
        ...

    def after_updates(self, loop: Loop, run: TrainingRun) -> None:
        """Ends a round, after its updates."""
        ...

    def refresh_target(self, tau: float) -> None:
        """Moves the target network towards the online one."""
        ...

    def action_targets(self, batch: TrajectoryBatch) -> Tensor:
        """Returns the targets for Q of the actions taken: float (n, m)."""
        ...

    def q_values(self, features: Tensor, batch: TrajectoryBatch) -> Tensor:
        """Returns Q of every token in every state, float32 (n, m + 1, V), from the states' features."""
        ...

    def values_of(self, batch: TrajectoryBatch) -> dict[str, Tensor]:
        """Returns values of the actions taken by their names in `TokenValues`, each float (n, m)."""
        ...

    def save_more(self, place: Path) -> None:
        """Writes further files of a checkpoint."""
        ...

    def load_more(self, place: Path) -> None:
        """Reads what `save_more` wrote."""
        ...

    def check_export(self) -> None:
        """Raises if the policy is not a plain language model.

        Raises:
            ValueError: It is not.
        """
        ...

    def state(self) -> dict[str, Any]:
        """Returns everything a checkpoint keeps besides the weights, as JSON values."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restores what `state` returned."""
        ...
