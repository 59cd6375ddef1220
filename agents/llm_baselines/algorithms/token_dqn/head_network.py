"""Q as a head over the vocabulary: its options, and the network with targets and loss.

The network reads an episode in one causal pass: Q of every prefix at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from llm_baselines.lm.teacher_forcing import scatter, state_features
from llm_baselines.play.exploration import top_k_support
from llm_baselines.play.trajectory import TrajectoryBatch
from llm_envs.lm.model import LanguageModel

_MASKED = torch.finfo(torch.float32).min

Allowed = Callable[[TrajectoryBatch, Tensor], Tensor | None]
"""allowed(batch, states bool (n, m + 1)) -> the actions that the environment allows, bool (k, V)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadConfig(TokenDQNConfig):
    """The options of TokenDQN with q="head"."""

    usual_exploration: ClassVar[str] = "epsilon_greedy"

    q: str = option("head", "a head over the vocabulary (Mnih et al. 2015)")
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
        """Whether behaviour draws from the reference: "sample" has no policy of its own to draw from."""
        return self.exploration == "sample" or self.make_exploration().needs_prior


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

    The target network is a whole copy: trunk and heads. With polyak_tau=1 and interval 1 it would
    equal the online network, so no copy is kept. That saves a pass, a quarter of an update's time.

    Args:
        lm: Its trunk is trained; its own head is left alone.
        reference: The frozen language model that the support is taken from; None without one.
        options: The configuration.
        from_prior: Whether the language model has learned something that Q may start from.

    Attributes:
        allowed: The actions that the environment allows; None for all.
    """

    allowed: Allowed | None = None

    def __init__(
        self, lm: LanguageModel, reference: LanguageModel | None, options: HeadConfig, *, from_prior: bool
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
        options = self._options
        return [parameter_group("q_net", self._trained(), options.learning_rate, options.max_grad_norm)]

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

    def q_values(self, features: Tensor) -> Tensor:
        """Q of every token in every state, float32 (n, m + 1, V), from the states' features."""
        q: Tensor = self.online(features)
        return q

    def refresh_target(self, tau: float) -> None:
        """theta- <- (1 - tau) theta- + tau theta; tau = 1 copies (Lillicrap et al. 2016)."""
        if self.target is not None:
            move_towards(self.online, self.target, tau)


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
