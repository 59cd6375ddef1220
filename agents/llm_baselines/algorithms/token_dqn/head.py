"""HeadObjective: the classic DQN, a Q head over the vocabulary with a target network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from llm_baselines.algorithms.token_dqn.head_network import HeadConfig, HeadNetwork
from llm_baselines.algorithms.token_dqn.objective import Loop, PartResult
from llm_baselines.lm.teacher_forcing import Allowed
from llm_baselines.play.exploration import Exploration
from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch
from llm_baselines.training.trainer import TrainingRun
from llm_envs.lm.model import LanguageModel

_TINY = 1e-30  # keeps the logarithm of a probability finite


class HeadObjective:
    """Regresses Q on r + gamma max Q(s', .; theta-) (Mnih et al. 2015); see HeadNetwork.

    Args:
        lm: The language model whose trunk is trained.
        make_reference: Makes the frozen language model, if behaviour or support use it.
        config: The configuration.
        from_prior: Whether the language model was trained before, so that Q can start from its logits.
        allowed: Returns the actions that the environment allows; None allows all.
    """

    group_size = visits = 1
    max_distance = 0.0  # Q-learning is off-policy: no episode is too far from the policy

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
        """The frozen language model; None if the configuration does not use it."""
        return self.network.reference

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Returns one group, "q_net"."""
        return self.network.parameter_groups()

    def scores(self, features: Tensor) -> Tensor:
        """Returns Q-values float32 (n, V)."""
        return self.network.scores(features)

    def behaviour_log_probs(self, scores: Tensor, probabilities: Tensor) -> Tensor:
        """Returns the logarithm of the distribution that actions are drawn from."""
        return probabilities.clamp(min=_TINY).log()

    def acting_probabilities(self, scores: Tensor) -> Tensor:
        """Returns the epsilon-greedy distribution with the last epsilon of the training."""
        final = self._config.exploration_final_eps
        greedy = Exploration("epsilon_greedy")
        return greedy.probabilities(scores, epsilon=final, support=scores > -np.inf)

    def annotated(self, played: list[Trajectory]) -> list[Trajectory]:
        """Returns the episodes unchanged."""
        return played

    def after_playing(self, played: list[Trajectory]) -> dict[str, float]:
        """Adapts nothing."""
        return {}

    def fresh_objective(self, played: list[Trajectory]) -> None:
        """Returns None: exploring texts say little about the greedy policy."""

    def divisor(self, batch_size: int, tokens_per_episode: float) -> float:
        """Returns the batch's usual number of tokens."""
        return batch_size * tokens_per_episode

    def begin_update(self, updates: int) -> _HeadUpdate:
        """Begins an update."""
        return _HeadUpdate(self.network, ranked=self.priority_exponent > 0)

    def after_updates(self, loop: Loop, run: TrainingRun) -> None:
        """Rescales the heads, between rounds."""
        if self._config.target_scale:
            self.network.rescale()

    def refresh_target(self, tau: float) -> None:
        """Moves the trunk and the head of the target network."""
        self.network.refresh_target(tau)

    def action_targets(self, batch: TrajectoryBatch) -> Tensor:
        """Returns the targets of the regression: float (n, m)."""
        return self.network.targets(batch, self.network.predict(batch))

    def q_values(self, features: Tensor, batch: TrajectoryBatch) -> Tensor:
        """Returns Q of every token in every state: float32 (n, m + 1, V)."""
        return self.network.q_values(features)

    def values_of(self, batch: TrajectoryBatch) -> dict[str, Tensor]:
        """Returns values of the actions taken, each float (n, m); see the network."""
        return self.network.values_of(batch)

    def save_more(self, place: Path) -> None:
        """Writes nothing."""

    def load_more(self, place: Path) -> None:
        """Reads nothing."""

    def check_export(self) -> None:
        """Raises: the policy is a Q head's.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            "with q='head' the policy is a Q head's, which no plain causal LM holds: save() the agent, "
            "or train with q='logits'"
        )

    def state(self) -> dict[str, Any]:
        """Returns nothing: there is no state besides the weights."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Does nothing."""


class _HeadUpdate:
    """One regression step towards the targets."""

    frozen: Collection[str] = ()

    def __init__(self, network: HeadNetwork, *, ranked: bool) -> None:
        self._network = network
        self._ranked = ranked
        self._actions = 0
        self._sum = self._sum_of_squares = 0.0

    def part(self, batch: TrajectoryBatch, fresh: np.ndarray | None) -> PartResult:
        """Returns the loss of a part; its distances are 0, because nothing uses them."""
        network, zeros = self._network, np.zeros(len(batch))
        predicted = network.predict(batch)
        targets = network.targets(batch, predicted)
        self._actions += int(batch.mask.sum())
        self._sum += float(targets.sum())
        self._sum_of_squares += float(targets.square().sum())
        loss, sums = network.loss(batch, predicted, targets)
        priorities = network.priorities(batch, predicted, targets) if self._ranked else zeros
        return PartResult(loss, sums, priorities, zeros)

    def diagnostics(self) -> dict[str, float]:
        """Returns the scale of the targets, and adds those of this update to its running moments."""
        self._network.observe(self._sum / self._actions, self._sum_of_squares / self._actions)
        return {"target_scale": self._network.scale}
