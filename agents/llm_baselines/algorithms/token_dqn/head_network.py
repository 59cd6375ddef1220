"""Q as a head over the vocabulary: the options, and the network with targets and loss.

One causal pass over an episode gives Q of every prefix.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from llm_baselines.algorithms.optimizer import parameter_group
from llm_baselines.algorithms.token_dqn import targets as t
from llm_baselines.algorithms.token_dqn.config import TokenDQNConfig, check_choice
from llm_baselines.algorithms.token_dqn.polyak import move_towards
from llm_baselines.configuration.options import option
from llm_baselines.lm.adapters import sharing_copy
from llm_baselines.lm.teacher_forcing import Allowed, scatter, state_features
from llm_baselines.play.exploration import top_k_support
from llm_baselines.play.trajectory import TrajectoryBatch
from llm_envs.lm.model import LanguageModel

_MASKED = torch.finfo(torch.float32).min
_LEAST_SCALE = 1e-2  # while nothing has been earned, no noise is taken for a reward

SCALE = "_scale"
"""Name of the tensor that holds mean and mean square of the targets, and the scale of Q."""


def unit_scale() -> Tensor:
    """Returns the tensor `SCALE` before any target has been seen."""
    return torch.tensor([0.0, 1.0, 1.0])


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadConfig(TokenDQNConfig):
    """The options of TokenDQN with q="head"."""

    usual_exploration: ClassVar[str] = "epsilon_greedy"

    q: str = option("head", "a head over the vocabulary (Mnih et al. 2015)")
    batch_tokens: int = option(
        512,
        "tokens acted of an update, so that long episodes get as many updates; 0: batch_size episodes",
        at_least=0,
    )
    target_scale: float = option(
        0.01,
        "how far each update moves the running scale of targets; Q is learned in units of it, so that step "
        "sizes mean the same whatever the rewards (van Hasselt et al. 2016, PopArt); 0: in units of reward",
        at_least=0,
        below=1,
    )
    double: bool = option(True, "double DQN (van Hasselt et al. 2016)")
    dueling: bool = option(False, "dueling heads (Wang et al. 2016)")
    n_steps: int = option(
        1, "rewards summed before bootstrapping, through greedy actions (Watkins 1989)", at_least=1
    )
    optimality_tightening: bool = option(
        False,
        "targets are no less than what the episode went on to earn: where nothing is random (He et al. 2017)",
        later=True,
    )
    advantage_learning: float = option(
        0.0,
        "targets lose this share of how much worse than the best an action is, so that errors of Q hide less "
        "of it (Bellemare et al. 2016)",
        at_least=0,
        below=1,
        later=True,
    )
    priority_exponent: float = option(
        0.0,
        "episodes are replayed by (largest |TD error| at their last use)^this (Schaul et al. 2016: 0.6); "
        "0: uniformly",
        at_least=0,
        later=True,
    )
    head_scale: float = option(
        0.05,
        "Q starts as this times the reference's logits, where there is one: a choice, Q stays below 1",
        at_least=0,
    )

    def __post_init__(self) -> None:
        check_choice("q", self.q, ("head",))
        TokenDQNConfig.__post_init__(self)
        if self.optimality_tightening and self.n_steps > 1:
            raise ValueError(
                f"optimality_tightening looks to the episode's end, so n_steps={self.n_steps} has no effect: "
                "leave one of them out"
            )

    @property
    def reads_prior(self) -> bool:
        """Whether behaviour draws from the reference; "sample" does, because Q values are no policy."""
        return self.exploration == "sample" or self.make_exploration().needs_prior


@dataclass(frozen=True)
class HeadPrediction:
    """The predictions of the head for a batch.

    Attributes:
        chosen: float (n, m), Q of the actions taken.
        best: int64 (n, m + 1), the best action of the support in every state.
        values: float (n, m + 1), Q of the best action, without gradient.
        support: bool (k, V), the allowed tokens in the k states of the episodes; None allows all.
    """

    chosen: Tensor
    best: Tensor
    values: Tensor
    support: Tensor | None


class HeadNetwork(nn.Module):
    """Q(s, .) as a linear head over the vocabulary (Mnih et al. 2015), or dueling heads (Wang et al. 2016).

    The target network is a copy of trunk and heads. With polyak_tau=1 and interval 1 it would equal the
    online network, so no copy is kept. That saves a forward pass, a quarter of an update's time.

    Q is `scale` times what the heads give. When the scale moves, the heads are rescaled, so that Q stays
    (van Hasselt et al. 2016, "Learning values across many orders of magnitude").

    Args:
        lm: The language model. Its trunk is trained; its own head is not.
        reference: The frozen language model that gives the support; None without a support.
        options: The configuration.
        from_prior: Whether the language model was trained before, so that Q can start from its logits.

    Attributes:
        allowed: Returns the actions that the environment allows; None allows all.
    """

    allowed: Allowed | None = None

    def __init__(
        self, lm: LanguageModel, reference: LanguageModel | None, options: HeadConfig, *, from_prior: bool
    ) -> None:
        super().__init__()
        scale = options.head_scale if from_prior else 0.0
        self.online = _HeadBody(lm, dueling=options.dueling, prior_scale=scale)
        equals_online = options.polyak_tau == 1 and options.target_update_interval == 1
        self.target = None if equals_online else sharing_copy(self.online).requires_grad_(False)
        self.reference = reference.requires_grad_(False) if reference is not None else None
        self._scale = nn.Parameter(unit_scale().to(lm.device), requires_grad=False)
        self._options = options

    @property
    def scale(self) -> float:
        """The unit in which the heads give Q."""
        return float(self._scale[2])

    @torch.no_grad()
    def observe(self, mean: float, mean_square: float) -> None:
        """Moves the running moments of the targets towards those of an update."""
        self._scale[:2].lerp_(self._scale.new_tensor([mean, mean_square]), self._options.target_scale)

    @torch.no_grad()
    def rescale(self) -> None:
        """Sets the scale to the running standard deviation of the targets; Q stays as it is."""
        mean, mean_square, scale = self._scale.tolist()
        fresh = max(mean_square - mean**2, _LEAST_SCALE**2) ** 0.5
        self._scale[2] = fresh
        for body in (self.online, self.target):
            if body is not None:
                body.multiply(scale / fresh)

    @property
    def lm(self) -> LanguageModel:
        """The language model whose trunk acts."""
        return self.online.lm

    def scores(self, features: Tensor) -> Tensor:
        """Returns Q-values float32 (n, V)."""
        return self._q(self.online, features)

    def _q(self, body: _HeadBody, features: Tensor) -> Tensor:
        q: Tensor = self._scale[2] * body(features)
        return q

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Returns one group: the online network without the language model's own head, unless it is tied."""
        options = self._options
        return [parameter_group("q_net", self._trained(), options.learning_rate, options.max_grad_norm)]

    def _trained(self) -> Iterator[nn.Parameter]:
        unused = {id(p) for p in self.lm.model.get_output_embeddings().parameters()}
        unused -= {id(p) for p in self.lm.model.get_input_embeddings().parameters()}
        return (p for p in self.online.parameters() if p.requires_grad and id(p) not in unused)

    def _reached(self, batch: TrajectoryBatch) -> Tensor:
        """Returns the states of the episodes, bool (n, m + 1): before each action and after the last."""
        columns = torch.arange(batch.states.shape[1], device=batch.states.device)
        return columns <= batch.lengths[:, None]

    def predict(self, batch: TrajectoryBatch) -> HeadPrediction:
        """Returns Q of the actions taken, and the best action of every state."""
        reached = self._reached(batch)
        q = self._q(self.online, state_features(self.lm, batch)[reached])
        support = self._support(batch, reached)
        value, best = _maximum(q.detach(), support)
        taken = self._of_actions(q, batch, reached)
        return HeadPrediction(taken, scatter(best, reached), scatter(value, reached), support)

    @torch.no_grad()
    def _support(self, batch: TrajectoryBatch, reached: Tensor) -> Tensor | None:
        """Returns the support of behaviour, to which the maximum is restricted too: bool (k, V)."""
        allowed = None if self.allowed is None else self.allowed(batch, reached)
        if allowed is not None:  # a state without any allowed action counts as one with all
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
        """Returns r + gamma * max Q(s', .; theta-), or the variant that the options choose: float (n, m)."""
        options = self._options
        reached = self._reached(batch)
        q = None
        if self.target is not None:
            q = self._q(self.target, state_features(self.target.lm, batch)[reached])
        values = predicted.values if q is None else scatter(self._values(q, predicted, reached), reached)
        if options.optimality_tightening:
            targets = t.tightened_targets(
                batch.rewards, values[:, 1:], batch.mask, batch.terminated, options.gamma
            )
        else:
            targets = t.n_step_targets(
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
            targets = t.widened_targets(targets, gaps, batch.mask, options.advantage_learning)
        return targets

    def _values(self, q: Tensor, predicted: HeadPrediction, reached: Tensor) -> Tensor:
        """Returns the values of k states by the target network's Q (k, V): float (k,)."""
        if self._options.double:
            return q.gather(1, predicted.best[reached][:, None])[:, 0]
        return _maximum(q, predicted.support)[0]

    def _gaps(
        self, q: Tensor | None, batch: TrajectoryBatch, predicted: HeadPrediction, reached: Tensor
    ) -> Tensor:
        """Returns max_a Q(s, a) - Q of the action taken, by the target network if there is one: (n, m)."""
        if q is None:
            return predicted.values[:, :-1] - predicted.chosen.detach()
        largest, _ = _maximum(q, predicted.support)
        return scatter(largest, reached)[:, :-1] - self._of_actions(q, batch, reached)

    def _of_actions(self, q: Tensor, batch: TrajectoryBatch, reached: Tensor) -> Tensor:
        """Returns Q of the actions taken, float (n, m), from Q (k, V) of all actions in k states."""
        has_action = torch.cat([batch.mask, torch.zeros_like(batch.mask[:, :1])], dim=1)[reached]
        return scatter(q[has_action].gather(1, batch.actions[batch.mask][:, None])[:, 0], batch.mask)

    def loss(
        self, batch: TrajectoryBatch, predicted: HeadPrediction, targets: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """Returns the summed regression loss, and values to log, summed over actions."""
        errors = self._errors(batch, predicted, targets)
        with torch.no_grad():
            logged = {
                "td_error": float(errors.abs().sum()),
                "q_mean": float(predicted.chosen.sum()),
                "target_mean": float(targets.sum()),
            }
        return t.regression_loss(errors / self._scale[2], self._options.loss), logged

    def _errors(self, batch: TrajectoryBatch, predicted: HeadPrediction, targets: Tensor) -> Tensor:
        return torch.where(batch.mask, predicted.chosen - targets, torch.zeros_like(targets))

    @torch.no_grad()
    def priorities(self, batch: TrajectoryBatch, predicted: HeadPrediction, targets: Tensor) -> np.ndarray:
        """Returns the replay priority of each episode: its largest |TD error|, float (n,)."""
        largest: np.ndarray = self._errors(batch, predicted, targets).abs().amax(dim=1).cpu().numpy()
        return largest

    def q_values(self, features: Tensor) -> Tensor:
        """Returns Q of every token in every state, float32 (n, m + 1, V), from the states' features."""
        return self._q(self.online, features)

    def values_of(self, batch: TrajectoryBatch) -> dict[str, Tensor]:
        """Returns Q of the actions taken, and V = max Q over the support in their states: float (n, m)."""
        predicted = self.predict(batch)
        return {"q": predicted.chosen, "v": predicted.values[:, :-1]}

    def refresh_target(self, tau: float) -> None:
        """Sets theta- <- (1 - tau) theta- + tau theta; tau = 1 copies (Lillicrap et al. 2016)."""
        if self.target is not None:
            move_towards(self.online, self.target, tau)


def _maximum(q: Tensor, support: Tensor | None) -> tuple[Tensor, Tensor]:
    """Returns the largest Q (k,) within the support in rows of Q (k, V), and its action."""
    value, best = (q if support is None else q.masked_fill(~support, _MASKED)).max(dim=1)
    return value, best


class _HeadBody(nn.Module):
    """A trunk and its Q head."""

    def __init__(self, lm: LanguageModel, *, dueling: bool, prior_scale: float) -> None:
        super().__init__()
        self.lm = lm
        self.advantage = nn.Linear(lm.hidden_size, lm.vocabulary_size)
        self.value = nn.Linear(lm.hidden_size, 1) if dueling else None
        with torch.no_grad():  # Q starts at 0, or at the scaled logits of the language model
            for layer in (self.advantage, self.value):
                if layer is not None:
                    layer.weight.zero_()
                    layer.bias.zero_()
            if prior_scale:
                head = lm.model.get_output_embeddings().weight[: lm.vocabulary_size]
                self.advantage.weight.copy_(prior_scale * head)
        self.to(lm.device)

    def multiply(self, factor: float) -> None:
        """Multiplies what `forward` returns."""
        for layer in (self.advantage, self.value):
            if layer is not None:
                layer.weight.mul_(factor)
                layer.bias.mul_(factor)

    def forward(self, features: Tensor) -> Tensor:
        q: Tensor = self.advantage(features.float())
        if self.value is not None:
            q = self.value(features.float()) + q - q.mean(dim=-1, keepdim=True)
        return q
