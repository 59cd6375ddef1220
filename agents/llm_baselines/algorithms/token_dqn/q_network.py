"""The two parametrisations of Q: a head over the vocabulary, and the language model's own logits.

Both read an episode in one causal pass: Q of every prefix at once. A network offers

    scores(features)            what actions are chosen by, (n, V)
    predict(batch)              everything an update needs, with gradient
    targets(batch, predicted)   what the predictions are held against, without: Q of the actions taken, or
                                V of the states after them
    loss(batch, predicted, targets)
    refresh_target(...)         towards the online parameters
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from llm_baselines.algorithms.token_dqn import targets as t
from llm_baselines.lm.adapters import sharing_copy
from llm_baselines.lm.teacher_forcing import action_log_probs, scatter, state_features
from llm_baselines.play.exploration import top_k_support
from llm_baselines.play.trajectory import TrajectoryBatch
from llm_envs.lm.model import LanguageModel

_MASKED = torch.finfo(torch.float32).min


@dataclass(frozen=True)
class HeadPrediction:
    """What the head says of a batch.

    Attributes:
        chosen: float (n, m), Q of the actions taken.
        best: int64 (n, m + 1), the best action of the support in every state.
        values: float (n, m + 1), its Q, without gradient.
        support: bool (k, V) of the states that have an action or follow one; None for all tokens.
    """

    chosen: Tensor
    best: Tensor
    values: Tensor
    support: Tensor | None


class HeadNetwork(nn.Module):
    """Q(s, .) = a linear head over the vocabulary (Mnih et al. 2015), dueling if wanted (Wang et al. 2016).

    The target network is a whole copy: trunk and heads. One that is copied at every update would say what the
    online network says, so there is none then, nor a pass through it: a quarter of an update's time.

    Args:
        lm: Its trunk is trained; its own head is left alone.
        reference: The frozen language model that the support is taken from; None without one.
        options: TokenDQNConfig.
        from_prior: Whether the language model has learned something that Q may start from.

    Attributes:
        allowed: The environment's own bound, where it has one: (batch, states (n, m + 1)) -> bool (k, V).
    """

    allowed: Callable[[TrajectoryBatch, Tensor], Tensor | None] | None = None

    def __init__(
        self, lm: LanguageModel, reference: LanguageModel | None, options: Any, *, from_prior: bool
    ) -> None:
        super().__init__()
        scale = options.head_scale if from_prior else 0.0
        self.online = _HeadBody(lm, dueling=options.dueling, prior_scale=scale)
        follows = options.polyak_tau == 1 and options.target_update_interval == 1
        self.target = None if follows else sharing_copy(self.online).requires_grad_(False)
        self.reference = reference.requires_grad_(False) if reference is not None else None
        self._options = options

    @property
    def lm(self) -> LanguageModel:
        """The language model whose trunk acts."""
        return self.online.lm

    def scores(self, features: Tensor) -> Tensor:
        """Q-values float32 (n, V)."""
        return self.online(features)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """One group: everything online but the language model's own head, where that is a tensor apart."""
        return [{"params": list(self._trained()), "lr": self._options.learning_rate, "name": "q_net"}]

    def _trained(self) -> Iterator[nn.Parameter]:
        unused = {id(p) for p in self.lm.model.get_output_embeddings().parameters()}
        unused -= {id(p) for p in self.lm.model.get_input_embeddings().parameters()}
        return (p for p in self.online.parameters() if p.requires_grad and id(p) not in unused)

    def _reached(self, batch: TrajectoryBatch) -> Tensor:
        """The states that matter, bool (n, m + 1): those with an action, and those after the last one."""
        columns = torch.arange(batch.states.shape[1], device=batch.states.device)
        return columns <= batch.lengths[:, None]

    def predict(self, batch: TrajectoryBatch) -> HeadPrediction:
        """Q of what was done, and what would be best."""
        reached = self._reached(batch)
        q = self.online(state_features(self.lm, batch)[reached])
        support = self._support(batch, reached)
        value, best = _maximum(q.detach(), support)
        taken = self._of_actions(q, batch, reached)
        return HeadPrediction(taken, scatter(best, reached), scatter(value, reached), support)

    @torch.no_grad()
    def _support(self, batch: TrajectoryBatch, reached: Tensor) -> Tensor | None:
        """What behaviour is bounded by bounds the maximum too: bool (k, V)."""
        allowed = None if self.allowed is None else self.allowed(batch, reached)
        if allowed is not None:  # where nothing may be done there is nothing to bootstrap from either
            allowed = allowed | ~allowed.any(dim=1, keepdim=True)
        k = self._options.support_top_k
        if not k or self.reference is None:
            return allowed
        prior = self.reference.logits(state_features(self.reference, batch)[reached]).float()
        if allowed is not None:
            prior = prior.masked_fill(~allowed, -torch.inf)
        best = top_k_support(prior, k)
        return best if allowed is None else best & allowed

    @torch.no_grad()
    def targets(self, batch: TrajectoryBatch, predicted: HeadPrediction) -> Tensor:
        """R + gamma * max Q(s', .; theta-), or what the options make of it: float (n, m)."""
        options = self._options
        reached = self._reached(batch)
        q = None if self.target is None else self.target(state_features(self.target.lm, batch)[reached])
        values = predicted.values if q is None else scatter(self._values(q, predicted, reached), reached)
        if options.optimality_tightening:
            found = t.tightened_targets(
                batch.rewards, values[:, 1:], batch.mask, batch.terminated, options.gamma
            )
        else:
            found = t.n_step_targets(
                batch.rewards,
                values[:, 1:],
                predicted.best[:, :-1] == batch.actions,
                batch.mask,
                batch.terminated,
                options.gamma,
                options.n_steps,
            )
        if options.advantage_learning:
            gaps = self._gaps(q, batch, predicted, reached)
            found = t.widened_targets(found, gaps, batch.mask, options.advantage_learning)
        return found

    def _values(self, q: Tensor, predicted: HeadPrediction, reached: Tensor) -> Tensor:
        """What the states that matter are worth by the target network's Q (k, V): float (k,)."""
        if self._options.double:
            return q.gather(1, predicted.best[reached][:, None])[:, 0]
        return _maximum(q, predicted.support)[0]

    def _gaps(
        self, q: Tensor | None, batch: TrajectoryBatch, predicted: HeadPrediction, reached: Tensor
    ) -> Tensor:
        """How much worse than the best each action is, by the target network where there is one: (n, m)."""
        if q is None:
            return predicted.values[:, :-1] - predicted.chosen.detach()
        largest, _ = _maximum(q, predicted.support)
        return scatter(largest, reached)[:, :-1] - self._of_actions(q, batch, reached)

    def _of_actions(self, q: Tensor, batch: TrajectoryBatch, reached: Tensor) -> Tensor:
        """Q of the actions taken, float (n, m), from that of all actions in the states that matter."""
        has_action = torch.cat([batch.mask, torch.zeros_like(batch.mask[:, :1])], dim=1)[reached]
        return scatter(q[has_action].gather(1, batch.actions[batch.mask][:, None])[:, 0], batch.mask)

    def loss(
        self, batch: TrajectoryBatch, predicted: HeadPrediction, targets: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """The summed regression loss and what to log, sums over actions."""
        errors = self._errors(batch, predicted, targets)
        with torch.no_grad():
            logged = {
                "td_error": float(errors.abs().sum()),
                "q_mean": float(predicted.chosen.sum()),
                "target_mean": float(targets.sum()),
            }
        return t.regression_loss(errors, self._options.loss), logged

    def _errors(self, batch: TrajectoryBatch, predicted: HeadPrediction, targets: Tensor) -> Tensor:
        return torch.where(batch.mask, predicted.chosen - targets, torch.zeros_like(targets))

    @torch.no_grad()
    def priorities(self, batch: TrajectoryBatch, predicted: HeadPrediction, targets: Tensor) -> np.ndarray:
        """What there is to learn from each episode: its largest |TD error|, float (n,)."""
        largest: np.ndarray = self._errors(batch, predicted, targets).abs().amax(dim=1).cpu().numpy()
        return largest

    def q_values(self, features: Tensor, batch: TrajectoryBatch) -> Tensor:
        """Q of every token in every state, float32 (n, m + 1, V), from the states' features."""
        q: Tensor = self.online(features)
        return q

    def distances(self, batch: TrajectoryBatch, predicted: HeadPrediction) -> np.ndarray:
        """0: Q-learning is off-policy however far behaviour and policy are apart."""
        return np.zeros(len(batch))

    def refresh_target(self, tau: float) -> None:
        """theta- <- (1 - tau) theta- + tau theta; tau = 1 copies (Lillicrap et al. 2016)."""
        if self.target is not None:
            _blend(self.online, self.target, tau)


def _maximum(q: Tensor, support: Tensor | None) -> tuple[Tensor, Tensor]:
    """The largest Q (k,) of a support in rows of Q (k, V), and its action."""
    value, best = (q if support is None else q.masked_fill(~support, _MASKED)).max(dim=1)
    return value, best


class _HeadBody(nn.Module):
    """A trunk and its Q head."""

    def __init__(self, lm: LanguageModel, *, dueling: bool, prior_scale: float) -> None:
        super().__init__()
        self.lm = lm
        self.advantage = nn.Linear(lm.hidden_size, lm.vocabulary_size)
        self.value = nn.Linear(lm.hidden_size, 1) if dueling else None
        with torch.no_grad():  # Q starts at 0, or in the prior's order
            for layer in (self.advantage, self.value):
                if layer is not None:
                    layer.weight.zero_()
                    layer.bias.zero_()
            if prior_scale:
                head = lm.model.get_output_embeddings().weight[: lm.vocabulary_size]
                self.advantage.weight.copy_(prior_scale * head)
        self.to(lm.device)

    def forward(self, features: Tensor) -> Tensor:
        q: Tensor = self.advantage(features.float())
        if self.value is not None:
            q = self.value(features.float()) + q - q.mean(dim=-1, keepdim=True)
        return q


@dataclass(frozen=True)
class LogitsPrediction:
    """What the language model and the value head say of a batch.

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

    V is a head on features that send no gradient into the trunk, zero at the start; its target is a Polyak
    copy of the head alone. The optimum is the softmax of the language model itself (Nachum et al. 2017;
    Guo et al. 2021).

    Args:
        lm: The language model that is trained.
        reference: The frozen one it starts from: pi_ref.
        options: TokenDQNConfig.
    """

    def __init__(self, lm: LanguageModel, reference: LanguageModel, options: Any) -> None:
        super().__init__()
        self.lm = lm
        self.reference = reference.requires_grad_(False)
        self.value = _ValueHead(lm.hidden_size).to(lm.device)
        self.target_value = copy.deepcopy(self.value).requires_grad_(False)
        self.temperature = float(options.tau)
        self._options = options

    def scores(self, features: Tensor) -> Tensor:
        """The policy's log-probabilities float32 (n, V)."""
        return self.lm.log_probs(features)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The language model, and the value head with its own step size."""
        options = self._options
        trained = [p for p in self.lm.parameters() if p.requires_grad]
        return [
            {"params": trained, "lr": options.learning_rate, "name": "policy"},
            {"params": list(self.value.parameters()), "lr": options.value_learning_rate, "name": "value"},
        ]

    def predict(self, batch: TrajectoryBatch) -> LogitsPrediction:
        """Log pi of what was done, and V of every state."""
        features = state_features(self.lm, batch)
        log_probs = action_log_probs(self.lm, features, batch)
        features = features.detach()
        return LogitsPrediction(log_probs, self.value(features), features)

    def read(self, batch: TrajectoryBatch) -> LogitsPrediction:
        """As `predict`, with a gradient for V alone: there is no pass back through the language model."""
        with torch.no_grad():
            predicted = self.predict(batch)
        return self.valued(predicted)

    def valued(self, predicted: LogitsPrediction) -> LogitsPrediction:
        """What was predicted, with the values that the head gives now."""
        return replace(predicted, values=self.value(predicted.features))

    @torch.no_grad()
    def targets(self, batch: TrajectoryBatch, predicted: LogitsPrediction) -> Tensor:
        """V of the state after each action, from the target head: float (n, m)."""
        return self.target_value(predicted.features)[:, 1:]

    def loss(
        self, batch: TrajectoryBatch, predicted: LogitsPrediction, targets: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """The summed consistency losses and what to log, sums over actions."""
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
        """V + tau * (log pi - log pi_ref) of every token in every state: float32 (n, m + 1, V)."""
        reference = self.reference.log_probs(state_features(self.reference, batch))
        advantages = self.temperature * (self.lm.log_probs(features) - reference)
        return self.value(features)[..., None] + advantages

    def distances(self, batch: TrajectoryBatch, predicted: LogitsPrediction) -> np.ndarray:
        """How far the policy is from each episode's behaviour: mean |log pi - log behaviour|, nats (n,)."""
        gaps = torch.where(batch.mask, predicted.log_probs.detach() - batch.behaviour_log_probs, 0.0)
        means: np.ndarray = (gaps.abs().sum(dim=1) / batch.lengths).cpu().numpy()
        return means

    def refresh_target(self, tau: float) -> None:
        """The target head moves towards the head."""
        _blend(self.value, self.target_value, tau)


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


@torch.no_grad()
def _blend(source: nn.Module, target: nn.Module, tau: float) -> None:
    for mine, theirs in zip(source.parameters(), target.parameters(), strict=True):
        if theirs is not mine:
            theirs.lerp_(mine.detach(), tau)
