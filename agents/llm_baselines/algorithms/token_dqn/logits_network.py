"""Q as the language model's own logits: the options, and the network with targets and loss.

One causal pass over an episode gives Q of every prefix.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from llm_baselines.algorithms.optimizer import parameter_group
from llm_baselines.algorithms.token_dqn import targets as t
from llm_baselines.algorithms.token_dqn.config import TokenDQNConfig, check_choice
from llm_baselines.algorithms.token_dqn.polyak import move_towards
from llm_baselines.configuration.options import option
from llm_baselines.lm.teacher_forcing import Allowed, action_log_probs, state_features
from llm_baselines.play.trajectory import TrajectoryBatch
from llm_envs.lm.model import LanguageModel

_GRADIENTS = ("path", "action")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogitsConfig(TokenDQNConfig):
    """The options of TokenDQN with q="logits"."""

    q: str = option(
        "logits", "Q = V + tau (log pi - log pi_ref), from any language model (Nachum et al. 2017)"
    )
    tau: float = option(
        0.1, "weight of the KL to the reference, in units of reward per nat; measured", above=0
    )
    target_kl: float = option(
        0.0,
        "sequence KL to the reference, nats, that tau is adapted to (Ziegler et al. 2019); 0: tau stays",
        at_least=0,
    )
    one_step_weight: float = option(
        1.0, "weight of the one-step consistency (Nachum et al. 2017, eq. 10)", at_least=0
    )
    to_the_end_weight: float = option(
        1.0, "weight of the consistency to the segment's end (Nachum et al. 2017, eq. 14)", at_least=0
    )
    to_the_end_gradient: str = option(
        "path",
        "what it moves: 'path', later actions of the text too (Nachum et al. 2017); 'action', its own alone",
    )
    value_learning_rate: float = option(5e-3, "Adam's step size for the value head; measured", above=0)
    value_warmup: int = option(
        20,
        "updates at the start that train V alone, so that nothing is praised for what all texts earn",
        at_least=0,
    )
    value_steps: int = option(
        0, "steps of the value head alone after each round, on features that are read once", at_least=0
    )
    value_max_grad_norm: float = option(
        1.0, "the value head's gradients are clipped to this norm (Pascanu et al. 2013)", above=0
    )
    max_distance: float = option(
        0.0,
        "an episode leaves whose mean |log pi - log behaviour| per token is above this (nats); 0: none does",
        at_least=0,
    )

    def __post_init__(self) -> None:
        check_choice("q", self.q, ("logits",))
        TokenDQNConfig.__post_init__(self)
        check_choice("to_the_end_gradient", self.to_the_end_gradient, _GRADIENTS)


@dataclass(frozen=True)
class LogitsPrediction:
    """The predictions of the language model and the value head for a batch.

    Attributes:
        log_probs: float (n, m), log pi of the actions taken, over the full vocabulary.
        values: float (n, m + 1), V of every state.
        features: float (n, m + 1, hidden_size), without gradient.
    """

    log_probs: Tensor
    values: Tensor
    features: Tensor


class LogitsNetwork(nn.Module):
    """Q(s, a) = V(s) + tau * (log pi(a|s) - log pi_ref(a|s)): the language model's logits are the advantage.

    V is a head whose output starts at 0. It sends no gradient into the trunk, and its target is a Polyak copy
    of the head alone. At the optimum the language model's softmax is the policy (Nachum et al. 2017; Guo et
    al. 2021).

    Args:
        lm: The language model that is trained.
        reference: The frozen one it starts from: pi_ref.
        options: The configuration.

    Attributes:
        allowed: Returns the actions that the environment allows; None allows all. Both log-probabilities are
            over these, because V would be free where probability can go to tokens that are never taken.
    """

    allowed: Allowed | None = None

    def __init__(self, lm: LanguageModel, reference: LanguageModel, options: LogitsConfig) -> None:
        super().__init__()
        self.lm = lm
        self.reference = reference.requires_grad_(False)
        self.value = _ValueHead(lm.hidden_size).to(lm.device)
        self.target_value = copy.deepcopy(self.value).requires_grad_(False)
        self.temperature = float(options.tau)
        self._options = options

    def scores(self, features: Tensor) -> Tensor:
        """Returns the policy's log-probabilities float32 (n, V)."""
        return self.lm.log_probs(features)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Returns the language model's group, and the value head's with its own step size."""
        options = self._options
        trained = [p for p in self.lm.parameters() if p.requires_grad]
        value = self.value.parameters()
        return [
            parameter_group("policy", trained, options.learning_rate, options.max_grad_norm),
            parameter_group("value", value, options.value_learning_rate, options.value_max_grad_norm),
        ]

    def predict(self, batch: TrajectoryBatch) -> LogitsPrediction:
        """Returns log pi of the actions taken, and V of every state."""
        features = state_features(self.lm, batch)
        log_probs = action_log_probs(self.lm, features, batch, self.allowed)
        features = features.detach()
        return LogitsPrediction(log_probs, self.value(features), features)

    def read(self, batch: TrajectoryBatch) -> LogitsPrediction:
        """Predicts with a gradient for V alone, without a backward pass through the language model."""
        with torch.no_grad():
            predicted = self.predict(batch)
        return self.with_current_values(predicted)

    def with_current_values(self, predicted: LogitsPrediction) -> LogitsPrediction:
        """Returns a prediction with the values that the head gives now."""
        return replace(predicted, values=self.value(predicted.features))

    @torch.no_grad()
    def targets(self, batch: TrajectoryBatch, predicted: LogitsPrediction) -> Tensor:
        """Returns V of the state after each action, from the target head: float (n, m)."""
        return self.target_value(predicted.features)[:, 1:]

    def loss(
        self, batch: TrajectoryBatch, predicted: LogitsPrediction, targets: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """Returns the summed consistency loss, and values to log, summed over actions."""
        options = self._options
        values = predicted.values[:, :-1]
        log_ratios = torch.where(batch.mask, predicted.log_probs - batch.reference_log_probs, 0.0)
        settings = {"temperature": self.temperature, "gamma": options.gamma}
        step = t.one_step_residuals(
            values, log_ratios, batch.rewards, targets, batch.mask, batch.terminated, **settings
        )
        rest = t.to_the_end_residuals(
            values,
            log_ratios,
            batch.rewards,
            targets,
            batch.turn_ends,
            batch.mask,
            batch.terminated,
            **settings,
            through_path=options.to_the_end_gradient == "path",
        )
        loss = options.one_step_weight * t.regression_loss(step, options.loss)
        loss = loss + options.to_the_end_weight * t.regression_loss(rest, options.loss)
        with torch.no_grad():
            logged = {
                "td_error": float(step.abs().sum()),
                "path_error": float(rest.abs().sum()),
                "value_mean": float(torch.where(batch.mask, values, 0.0).sum()),
                "log_ratio": float(log_ratios.sum()),
            }
        return loss, logged

    def q_values(self, features: Tensor, batch: TrajectoryBatch) -> Tensor:
        """Returns V + tau * (log pi - log pi_ref) of every token and state: float32 (n, m + 1, V)."""
        reference = self.reference.log_probs(state_features(self.reference, batch))
        advantages = self.temperature * (self.lm.log_probs(features) - reference)
        return self.value(features)[..., None] + advantages

    def distances(self, batch: TrajectoryBatch, predicted: LogitsPrediction) -> np.ndarray:
        """Returns the policy's distance from behaviour: mean |log pi - log behaviour|, nats, (n,)."""
        gaps = torch.where(batch.mask, predicted.log_probs.detach() - batch.behaviour_log_probs, 0.0)
        means: np.ndarray = (gaps.abs().sum(dim=1) / batch.lengths).cpu().numpy()
        return means

    def refresh_target(self, tau: float) -> None:
        """Moves the target head towards the head."""
        move_towards(self.value, self.target_value, tau)


class _ValueHead(nn.Module):
    """A two-layer perceptron whose output starts at 0."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(size, size)
        self.out = nn.Linear(size, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, features: Tensor) -> Tensor:
        value: Tensor = self.out(torch.nn.functional.gelu(self.hidden(features.float())))[..., 0]
        return value
