"""Q as the language model's own logits: the options, and the networks with and without a value head.

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
from llm_baselines.algorithms.reward_scale import RewardScale
from llm_baselines.algorithms.token_dqn import targets as t
from llm_baselines.algorithms.token_dqn.config import TokenDQNConfig, check_choice
from llm_baselines.algorithms.token_dqn.polyak import move_towards
from llm_baselines.algorithms.token_dqn.state_kl import log_probs_and_kl
from llm_baselines.configuration.options import option, redefined
from llm_baselines.lm.teacher_forcing import (
    Allowed,
    acting_logits,
    action_log_probs,
    scatter,
    state_features,
)
from llm_baselines.play.trajectory import TrajectoryBatch
from llm_envs.lm.model import LanguageModel

_GRADIENTS = ("path", "action")
_BASELINES = ("auto", "group", "value")
_CREDITS = ("auto", "text", "token")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogitsConfig(TokenDQNConfig):
    """The options of TokenDQN with q="logits"."""

    q: str = option(
        "logits", "Q = V + tau (log pi - log pi_ref), from any language model (Nachum et al. 2017)"
    )
    learning_rate: float = option(
        2e-4, "AdamW's step size; it stays, as the errors are in spreads of the scores; measured", above=0
    )
    beta2: float = option(
        0.999,
        "AdamW's decay of squared gradients (Kingma and Ba 2015); rare rewards need a long memory: measured",
        at_least=0,
        below=1,
    )
    batch_size: int = redefined(TokenDQNConfig, "batch_size", 128)
    reuse: float = redefined(TokenDQNConfig, "reuse", 8.0)
    averaging: float = redefined(TokenDQNConfig, "averaging", 8.0)
    max_age: int = redefined(TokenDQNConfig, "max_age", 2)
    tau: float = option(
        0.02, "weight of the KL to the reference, in spreads of the reward per nat; measured", above=0
    )
    reward_scale: float = option(
        0.0,
        "rewards are divided by it; 0: by the spread of the run's scores, as the advantages of Schulman et "
        "al. 2017 are, but by one number for the whole run",
        at_least=0,
    )
    baseline: str = option(
        "auto",
        "what a text is expected to earn: 'group', what the example's other texts earn (Richter et al. 2020, "
        "VarGrad); 'value', a value head; 'auto': 'group' where the environment lets an example be chosen",
    )
    group_size: int = option(
        4, "episodes of a round on each example, for baseline 'group' (Ahmadian et al. 2024)", at_least=2
    )
    visits: int = option(
        1, "rounds in a row in which an example is played, so that new texts join its old ones", at_least=1
    )
    credit: str = option(
        "auto",
        "what is compared in a group: 'text', whole texts; 'token', what was earned from each token on; "
        "'auto': 'token' with dense rewards",
    )
    taper: bool = option(
        True,
        "whether old texts that earned too little count by min(1, pi / mu) (Le Roux et al. 2025); without "
        "it they are pushed down without end",
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
        check_choice("baseline", self.baseline, _BASELINES)
        check_choice("credit", self.credit, _CREDITS)


class LogitsNetwork(nn.Module):
    """Q(s, a) - V(s) = tau * (log pi(a|s) - log pi_ref(a|s)): the language model's logits are the advantage.

    At the optimum the language model's softmax is the policy (Nachum et al. 2017; Guo et al. 2021).

    Args:
        lm: The language model that is trained.
        reference: The frozen one it starts from: pi_ref.
        options: The configuration.

    Attributes:
        scale: The scale of the rewards.
        temperature: tau, in units of `scale` per nat.
        allowed: Returns the actions that the environment allows; None allows all. Both log-probabilities are
            over these: V would be free if probability could go to tokens that are never taken.
    """

    allowed: Allowed | None = None

    def __init__(self, lm: LanguageModel, reference: LanguageModel, options: LogitsConfig) -> None:
        super().__init__()
        self.lm = lm
        self.reference = reference.requires_grad_(False)
        self.temperature = float(options.tau)
        self.scale = RewardScale(options.reward_scale)
        self._options = options

    def scores(self, features: Tensor) -> Tensor:
        """Returns the policy's log-probabilities float32 (n, V)."""
        return self.lm.log_probs(features)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Returns one group, "policy"."""
        options = self._options
        trained = [p for p in self.lm.parameters() if p.requires_grad]
        return [parameter_group("policy", trained, options.learning_rate, options.max_grad_norm)]

    def log_probs(self, batch: TrajectoryBatch) -> Tensor:
        """Returns log pi of the actions taken: float (n, m), 0 outside the mask."""
        return action_log_probs(self.lm, state_features(self.lm, batch), batch, self.allowed)

    def read_states(self, batch: TrajectoryBatch, reference: Tensor) -> tuple[Tensor, Tensor]:
        """Returns log pi of the actions taken, and KL(pi || pi_ref) in their states, nats: float (n, m).

        The KL is over all actions, so it says what one sampled action cannot: where probability has gone.

        Args:
            batch: The batch.
            reference: From `ReferenceMemory.log_probs`.
        """
        logits = acting_logits(self.lm, state_features(self.lm, batch), batch, self.allowed)
        taken, kl = log_probs_and_kl(logits, batch.actions[batch.mask], reference)
        return scatter(taken, batch.mask), scatter(kl, batch.mask)

    def log_ratios(self, batch: TrajectoryBatch, log_probs: Tensor) -> Tensor:
        """Returns log pi - log pi_ref of the actions taken: float (n, m)."""
        return torch.where(batch.mask, log_probs - batch.reference_log_probs, 0.0)

    def rewards(self, batch: TrajectoryBatch) -> Tensor:
        """Returns the rewards in units of the scale: float (n, m)."""
        return batch.rewards / self.scale.value

    def gains(self, batch: TrajectoryBatch, log_probs: Tensor) -> Tensor:
        """Returns r - tau * (log pi - log pi_ref) of every action, in units of the scale: float (n, m)."""
        return self.rewards(batch) - self.temperature * self.log_ratios(batch, log_probs)

    def values(self, features: Tensor) -> Tensor:
        """Returns V in units of the scale; 0 here, because a group says nothing of single states."""
        return features.new_zeros(features.shape[:-1], dtype=torch.float32)

    def q_values(self, features: Tensor, batch: TrajectoryBatch) -> Tensor:
        """Returns Q of every token and state, in units of reward: float32 (n, m + 1, V)."""
        reference = self.reference.log_probs(state_features(self.reference, batch))
        advantages = self.temperature * (self.lm.log_probs(features) - reference)
        return self.scale.value * (self.values(features)[..., None] + advantages)

    def values_of(self, batch: TrajectoryBatch) -> dict[str, Tensor]:
        """Returns log pi of the actions taken, and their advantage in units of reward: float (n, m).

        A group of texts is its own baseline, so there is no V of a state here.
        """
        log_probs = self.log_probs(batch)
        features = state_features(self.reference, batch)
        reference = action_log_probs(self.reference, features, batch, self.allowed)
        advantage = self.scale.value * self.temperature * (log_probs - reference)
        return {"log_prob": log_probs, "advantage": advantage}

    def distances(self, batch: TrajectoryBatch, log_probs: Tensor) -> np.ndarray:
        """Returns the policy's distance from behaviour: mean |log pi - log behaviour|, nats, (n,)."""
        gaps = behaviour_gaps(batch, log_probs)
        means: np.ndarray = (gaps.abs().sum(dim=1) / batch.lengths).cpu().numpy()
        return means


def behaviour_gaps(batch: TrajectoryBatch, log_probs: Tensor) -> Tensor:
    """Returns log pi - log mu of the actions taken, without gradient: float (n, m), 0 outside the mask."""
    return torch.where(batch.mask, log_probs.detach() - batch.behaviour_log_probs, 0.0)


@dataclass(frozen=True)
class ValuePrediction:
    """The predictions of the language model and the value head for a batch.

    Attributes:
        log_probs: float (n, m), log pi of the actions taken.
        values: float (n, m + 1), V of every state.
        features: float (n, m + 1, hidden_size), without gradient.
    """

    log_probs: Tensor
    values: Tensor
    features: Tensor


class ValueNetwork(LogitsNetwork):
    """Adds V, a head whose output starts at 0.

    It sends no gradient into the trunk, and its target is a Polyak copy of the head alone.
    """

    def __init__(self, lm: LanguageModel, reference: LanguageModel, options: LogitsConfig) -> None:
        super().__init__(lm, reference, options)
        self.value = _ValueHead(lm.hidden_size).to(lm.device)
        self.target_value = copy.deepcopy(self.value).requires_grad_(False)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Returns the language model's group, and the value head's with its own step size."""
        options, value = self._options, self.value.parameters()
        group = parameter_group("value", value, options.value_learning_rate, options.value_max_grad_norm)
        return [*super().parameter_groups(), group]

    def values(self, features: Tensor) -> Tensor:
        """Returns V in units of the scale: float (...)."""
        value: Tensor = self.value(features)
        return value

    def values_of(self, batch: TrajectoryBatch) -> dict[str, Tensor]:
        """Returns V of the states and Q = V + advantage too, in units of reward: float (n, m)."""
        values = super().values_of(batch)
        v = self.scale.value * self.value(state_features(self.lm, batch))[:, :-1]
        return {**values, "v": v, "q": v + values["advantage"]}

    def predict(self, batch: TrajectoryBatch) -> ValuePrediction:
        """Returns log pi of the actions taken, and V of every state."""
        features = state_features(self.lm, batch)
        log_probs = action_log_probs(self.lm, features, batch, self.allowed)
        features = features.detach()
        return ValuePrediction(log_probs, self.value(features), features)

    def read(self, batch: TrajectoryBatch) -> ValuePrediction:
        """Predicts with a gradient for V alone, without a backward pass through the language model."""
        with torch.no_grad():
            predicted = self.predict(batch)
        return self.with_current_values(predicted)

    def with_current_values(self, predicted: ValuePrediction) -> ValuePrediction:
        """Returns a prediction with the values that the head gives now."""
        return replace(predicted, values=self.value(predicted.features))

    @torch.no_grad()
    def targets(self, batch: TrajectoryBatch, predicted: ValuePrediction) -> Tensor:
        """Returns V of the state after each action, from the target head: float (n, m)."""
        return self.target_value(predicted.features)[:, 1:]

    def loss(
        self, batch: TrajectoryBatch, predicted: ValuePrediction, targets: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """Returns the summed consistency loss, and values to log, summed over actions.

        V and the policy have the same errors. Only what moves the policy is tapered: V is to be the mean of
        all outcomes.
        """
        options, values = self._options, predicted.values[:, :-1]
        log_ratios = self.log_ratios(batch, predicted.log_probs)
        step, rest = self._residuals(batch, values.detach(), log_ratios, targets)
        gaps = behaviour_gaps(batch, predicted.log_probs)
        ends = t.last_actions(batch.mask) | batch.turn_ends
        of_value = torch.where(batch.mask, values - values.detach(), 0.0)  # 0, with the gradient of V
        loss = torch.zeros((), device=values.device)
        for weight, errors, judged in (
            (options.one_step_weight, step, gaps),
            (options.to_the_end_weight, rest, t.returns(gaps, batch.mask, ends=ends)),
        ):
            if options.taper:
                weights = torch.where(errors > 0, t.presence(judged), 1.0)  # where too little was earned
                errors = t.tapered(errors, weights.detach())
            loss = loss + weight * t.regression_loss(errors + of_value, options.loss)
        with torch.no_grad():
            logged = {
                "td_error": float(step.abs().sum()),
                "path_error": float(rest.abs().sum()),
                "value_mean": float(torch.where(batch.mask, values, 0.0).sum()),
                "log_ratio": float(log_ratios.sum()),
            }
        return loss, logged

    def _residuals(
        self, batch: TrajectoryBatch, values: Tensor, log_ratios: Tensor, targets: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns the errors of the one-step consistency and of the one to the segment's end."""
        options, rewards = self._options, self.rewards(batch)
        settings = {"temperature": self.temperature, "gamma": options.gamma}
        step = t.one_step_residuals(
            values, log_ratios, rewards, targets, batch.mask, batch.terminated, **settings
        )
        rest = t.to_the_end_residuals(
            values,
            log_ratios,
            rewards,
            targets,
            batch.turn_ends,
            batch.mask,
            batch.terminated,
            **settings,
            through_path=options.to_the_end_gradient == "path",
        )
        return step, rest

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
