"""Objective: a parametrisation of Q with its behaviour, targets, loss and state, run by TokenDQN."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
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
        loss: Summed over actions, with gradient.
        sums: Values to log, summed over actions.
        priorities: float (n,), what there is to learn from each episode; 0 where nobody asks.
        distances: float (n,), mean |log pi - log behaviour| of each episode, nats.
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
        """The loss of a part.

        Args:
            batch: The part, n episodes.
            fresh: Which episodes were played with the present weights, bool (n,); None for none.
        """
        ...

    def diagnostics(self) -> dict[str, float]:
        """Values to log of all parts together."""
        ...


class Loop(Protocol):
    """What an objective may use of the agent whose loop it runs in."""

    replay: EpisodeReplay
    tokens_per_episode: float | None

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        ...

    def optimizer_step(
        self, run: TrainingRun, *, frozen: Collection[str] = (), counted: bool = True
    ) -> dict[str, float]:
        """Clips gradients and takes a step."""
        ...

    def refresh_target(self, steps: int) -> None:
        """Moves the target network, where it is time to after so many steps."""
        ...


class Objective(Protocol):
    """What TokenDQN learns by."""

    @property
    def network(self) -> nn.Module:
        """Everything with weights."""
        ...

    @property
    def reference(self) -> LanguageModel | None:
        """pi_ref, frozen; None where nothing reads it."""
        ...

    @property
    def priority_exponent(self) -> float:
        """Episodes are replayed by their priority to this exponent; 0 for uniformly."""
        ...

    @property
    def max_distance(self) -> float:
        """Episodes further from the policy than this leave after their use, nats per token; 0 for none."""
        ...

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The groups of parameters that are trained, see `optimizer.parameter_group`."""
        ...

    def scores(self, features: Tensor) -> Tensor:
        """What actions are chosen by, float32 (n, V): Q-values or log-probabilities."""
        ...

    def noted(self, scores: Tensor, probabilities: Tensor) -> Tensor:
        """The log-probabilities of behaviour that are stored with an episode, float (n, V).

        Args:
            scores: float32 (n, V), within the support.
            probabilities: float32 (n, V), what actions are drawn from.
        """
        ...

    def acting_probabilities(self, scores: Tensor) -> Tensor:
        """What `predict` draws from where it is not deterministic: float32 (n, V)."""
        ...

    def annotated(self, played: list[Trajectory]) -> list[Trajectory]:
        """The episodes with what updates need to know of them."""
        ...

    def after_playing(self, played: list[Trajectory]) -> dict[str, float]:
        """Adapts to a round of annotated episodes; the values to log, by their whole name."""
        ...

    def begin_update(self, updates: int) -> Update:
        """An update, given how many there have been."""
        ...

    def after_updates(self, loop: Loop, run: TrainingRun) -> None:
        """What a round ends with, once the updates are done."""
        ...

    def refresh_target(self, tau: float) -> None:
        """Moves the target network towards the online one."""
        ...

    def action_targets(self, batch: TrajectoryBatch) -> Tensor:
        """What Q of the actions taken should be: float (n, m)."""
        ...

    def q_values(self, features: Tensor, batch: TrajectoryBatch) -> Tensor:
        """Q of every token in every state, float32 (n, m + 1, V), from the states' features."""
        ...

    def check_export(self) -> None:
        """Checks that the policy is a language model's.

        Raises:
            ValueError: It is not.
        """
        ...

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds of it besides the weights, as JSON values."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes back what `state` returned."""
        ...
