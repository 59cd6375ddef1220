"""LogitsObjective: what the objectives with q="logits" share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from llm_baselines.algorithms.token_dqn.logits_network import (
    LogitsConfig,
    LogitsNetwork,
    behaviour_gaps,
)
from llm_baselines.algorithms.token_dqn.objective import Update
from llm_baselines.lm.teacher_forcing import Allowed, with_reference
from llm_baselines.play.exploration import Exploration
from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch
from llm_baselines.training.player import log_ratios
from llm_envs.lm.model import LanguageModel

Network = TypeVar("Network", bound=LogitsNetwork)

_LARGEST_ERROR, _ADAPTATION = 0.2, 0.1  # Ziegler et al. 2019, section 2.2


class LogitsObjective(ABC, Generic[Network]):
    """Learns Q with Q - V = tau (log pi - log pi_ref), so that the language model's softmax is the policy.

    The optimum maximises the reward minus tau * scale * KL(pi || pi_ref). Subclasses say how V is found, or
    done without.

    Args:
        network: Holds the language model and its reference.
        config: The configuration.
        allowed: Returns the actions that the environment allows; None allows all.
    """

    priority_exponent = 0.0
    group_size = visits = 1

    def __init__(self, network: Network, config: LogitsConfig, allowed: Allowed | None = None) -> None:
        self.network = network
        network.allowed = allowed
        self.max_distance = config.max_distance
        self._config = config

    @property
    def reference(self) -> LanguageModel:
        """pi_ref, frozen."""
        return self.network.reference

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Returns the groups of trained parameters."""
        return self.network.parameter_groups()

    def scores(self, features: Tensor) -> Tensor:
        """Returns the policy's log-probabilities float32 (n, V)."""
        return self.network.scores(features)

    def behaviour_log_probs(self, scores: Tensor, probabilities: Tensor) -> Tensor:
        """Returns the acting weights' log-probabilities, over the full vocabulary or the allowed actions."""
        return scores if self.network.allowed is None else torch.log_softmax(scores, dim=1)

    def acting_probabilities(self, scores: Tensor) -> Tensor:
        """Returns the policy at the temperature, with the same top_k and top_p as behaviour."""
        config = self._config
        return Exploration("sample", config.temperature, config.top_k, config.top_p).truncated(scores)

    def annotated(self, played: list[Trajectory]) -> list[Trajectory]:
        """Returns the episodes with log pi_ref of their actions."""
        return with_reference(self.reference, played, self._config.micro_batch_tokens, self.network.allowed)

    def after_playing(self, played: list[Trajectory]) -> dict[str, float]:
        """Adapts the scale to the round's scores, and tau to its sequence KL."""
        network, kl = self.network, float(log_ratios(played).mean())
        network.scale.update([t.score for t in played])
        self.adapt_temperature(kl)
        return {
            "rollout/kl": kl,
            "train/tau": network.temperature,
            "train/reward_scale": network.scale.value,
        }

    def fresh_objective(self, played: list[Trajectory]) -> tuple[float, float]:
        """Returns mean reward less tau * scale * KL, and the scale: both in units of reward."""
        cost = self.network.temperature * self.network.scale.value * float(log_ratios(played).mean())
        return float(np.mean([t.score for t in played])) - cost, self.network.scale.value

    def adapt_temperature(self, kl: float) -> None:
        """Moves tau to bring the sequence KL towards `target_kl` (Ziegler et al. 2019, section 2.2).

        Args:
            kl: Sequence KL of the latest round, in nats.
        """
        if self._config.target_kl:
            error = float(np.clip(kl / self._config.target_kl - 1.0, -_LARGEST_ERROR, _LARGEST_ERROR))
            self.network.temperature *= 1.0 + _ADAPTATION * error

    @abstractmethod
    def begin_update(self, updates: int) -> Update:
        """Begins an update."""

    @abstractmethod
    def divisor(self, batch_size: int, tokens_per_episode: float) -> float:
        """Returns the constant that the summed loss is divided by."""

    def q_values(self, features: Tensor, batch: TrajectoryBatch) -> Tensor:
        """Returns Q of every token in every state: float32 (n, m + 1, V)."""
        return self.network.q_values(features, batch)

    def values_of(self, batch: TrajectoryBatch) -> dict[str, Tensor]:
        """Returns values of the actions taken, each float (n, m); see the network."""
        return self.network.values_of(batch)

    def save_more(self, place: Path) -> None:
        """Writes nothing."""

    def load_more(self, place: Path) -> None:
        """Reads nothing."""

    def check_export(self) -> None:
        """Never raises: the policy is a language model."""
        return

    def state(self) -> dict[str, Any]:
        """Returns tau, which `target_kl` adapts, and the scale of the rewards."""
        return {"tau": self.network.temperature, **self.network.scale.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restores tau and the scale."""
        self.network.temperature = state["tau"]
        self.network.scale.restore(state)


class FreshTexts:
    """Measures, in a round's first update, how far the learning weights are from the acting ones."""

    def __init__(self) -> None:
        self._log_ratios: list[float] = []

    def add(self, batch: TrajectoryBatch, log_probs: Tensor, fresh: np.ndarray) -> None:
        """Adds the texts that the present weights played.

        Args:
            batch: n episodes.
            log_probs: float (n, m), log pi of their actions.
            fresh: bool (n,).
        """
        gaps = -behaviour_gaps(batch, log_probs).sum(dim=1).cpu()
        self._log_ratios.extend(gaps[torch.as_tensor(fresh)].tolist())

    def diagnostics(self) -> dict[str, float]:
        """Returns the KL from acting to learning weights."""
        return {"actor_kl": float(np.mean(self._log_ratios))} if self._log_ratios else {}
