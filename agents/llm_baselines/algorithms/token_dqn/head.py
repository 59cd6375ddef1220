"""HeadObjective: the classic DQN, a Q head over the vocabulary with a target network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from torch import Tensor

from llm_baselines.algorithms.token_dqn.head_network import Allowed, HeadConfig, HeadNetwork
from llm_baselines.algorithms.token_dqn.objective import Loop, PartResult
from llm_baselines.play.exploration import Exploration
from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch
from llm_baselines.training.trainer import TrainingRun
from llm_envs.lm.model import LanguageModel

_TINY = 1e-30  # keeps the logarithm of a probability finite


class HeadObjective:
    """r + gamma max Q(s', .; theta-), squared error (Mnih et al. 2015); see HeadNetwork.

    Args:
        lm: The language model whose trunk is trained.
        make_reference: Makes the frozen language model, where behaviour or support look at it.
        config: The configuration.
        from_prior: Whether the language model has learned something that Q may start from.
        allowed: The actions that the environment allows; None where it allows all.
    """

    max_distance = 0.0  # Q-learning is off-policy, however far behaviour is

    def __init__(
        self,
        lm: LanguageModel,
        make_reference: Callable[[], LanguageModel],
        config: HeadConfig,
        *,
        from_prior: bool,
        allowed: Allowed | None,
    ) -> None:
        reference = make_reference() if config.reads_reference else None
        self.network = HeadNetwork(lm, reference, config, from_prior=from_prior)
        self.network.allowed = allowed
        self.priority_exponent = config.priority_exponent
        self._config = config

    @property
    def reference(self) -> LanguageModel | None:
        """The frozen language model; None where nothing reads it."""
        return self.network.reference

    def parameter_groups(self) -> list[dict[str, Any]]:
        """One group, "q_net"."""
        return self.network.parameter_groups()

    def scores(self, features: Tensor) -> Tensor:
        """Q-values float32 (n, V)."""
        return self.network.scores(features)

    def noted(self, scores: Tensor, probabilities: Tensor) -> Tensor:
        """The log-probabilities of the distribution itself."""
        return probabilities.clamp(min=_TINY).log()

    def acting_probabilities(self, scores: Tensor) -> Tensor:
        """Epsilon-greedy with the last epsilon of the training."""
        final = self._config.exploration_final_eps
        greedy = Exploration("epsilon_greedy")
        return greedy.probabilities(scores, epsilon=final, support=scores > -np.inf)

    def annotated(self, played: list[Trajectory]) -> list[Trajectory]:
        """The episodes as they are."""
        return played

    def after_playing(self, played: list[Trajectory]) -> dict[str, float]:
        """Nothing adapts."""
        return {}

    def begin_update(self, updates: int) -> _HeadUpdate:
        """An update."""
        return _HeadUpdate(self.network, ranked=self.priority_exponent > 0)

    def after_updates(self, loop: Loop, run: TrainingRun) -> None:
        """Nothing follows."""

    def refresh_target(self, tau: float) -> None:
        """Moves trunk and head of the target network."""
        self.network.refresh_target(tau)

    def action_targets(self, batch: TrajectoryBatch) -> Tensor:
        """The targets of the regression: float (n, m)."""
        return self.network.targets(batch, self.network.predict(batch))

    def q_values(self, features: Tensor, batch: TrajectoryBatch) -> Tensor:
        """Q of every token in every state: float32 (n, m + 1, V)."""
        return self.network.q_values(features)

    def check_export(self) -> None:
        """Raises, as the policy is a Q head's.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            "with q='head' the policy is a Q head's, which no plain causal LM holds: save() the agent, "
            "or train with q='logits'"
        )

    def state(self) -> dict[str, Any]:
        """Nothing besides the weights."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing to take back."""


class _HeadUpdate:
    """One step of regression towards the targets."""

    frozen: Collection[str] = ()

    def __init__(self, network: HeadNetwork, *, ranked: bool) -> None:
        self._network = network
        self._ranked = ranked

    def part(self, batch: TrajectoryBatch, fresh: np.ndarray | None) -> PartResult:
        """The loss of a part; nothing asks for its distances, which are 0."""
        network, none = self._network, np.zeros(len(batch))
        predicted = network.predict(batch)
        targets = network.targets(batch, predicted)
        loss, sums = network.loss(batch, predicted, targets)
        priorities = network.priorities(batch, predicted, targets) if self._ranked else none
        return PartResult(loss, sums, priorities, none)

    def diagnostics(self) -> dict[str, float]:
        """None besides the sums."""
        return {}
