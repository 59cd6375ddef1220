"""Exploration: the distribution that actions are drawn from, and the support that bounds it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

STRATEGIES = ("epsilon_greedy", "epsilon_boltzmann", "boltzmann", "sample", "prior_epsilon")


@dataclass(frozen=True)
class Exploration:
    """How actions are chosen from scores.

    Attributes:
        strategy: "epsilon_greedy": with probability epsilon a uniform token of the support, else the best.
            "boltzmann": softmax of scores / temperature. "epsilon_boltzmann": with probability epsilon a
            Boltzmann token, else the best. "sample": the language model's own distribution, which is the
            prior if one is given and the scores otherwise. "prior_epsilon": with probability epsilon a
            token drawn from the prior, else the best.
        temperature: Temperature of "boltzmann", "epsilon_boltzmann", "sample" and the prior.
        top_k: Restricts draws from a language model to its k best tokens; 0 allows all.
        top_p: Restricts them to the fewest tokens with this probability (Holtzman et al. 2020); 1 allows all.

    Raises:
        ValueError: A value is outside its range.
    """

    strategy: str
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise ValueError(f"unknown exploration={self.strategy!r}; there are {', '.join(STRATEGIES)}")
        if self.temperature <= 0:
            raise ValueError(f"exploration_temperature={self.temperature!r} must be above 0")
        if self.top_k < 0 or not 0 < self.top_p <= 1:
            raise ValueError(f"top_k={self.top_k!r} must be 0 or more and top_p={self.top_p!r} in (0, 1]")

    @property
    def needs_prior(self) -> bool:
        """Whether it draws from the prior."""
        return self.strategy == "prior_epsilon"

    def probabilities(
        self,
        scores: Tensor,
        *,
        epsilon: float = 0.0,
        prior: Tensor | None = None,
        support: Tensor | None = None,
    ) -> Tensor:
        """Returns the distribution of the next action.

        Args:
            scores: float (n, V): Q-values, or the policy's log-probabilities.
            epsilon: Probability of exploring, for the strategies with an epsilon.
            prior: float (n, V), the prior's log-probabilities.
            support: bool (n, V), the allowed tokens; None allows all.

        Returns:
            float32 (n, V); rows sum to 1.
        """
        scores = scores.float()
        if support is not None:
            scores = scores.masked_fill(~support, -torch.inf)
        if self.strategy == "boltzmann":
            return self._softmax(scores)
        if self.strategy == "sample":
            return self.truncated(scores if prior is None else prior, support)
        if self.strategy == "prior_epsilon":
            assert prior is not None
            drawn = self.truncated(prior, support)
        elif self.strategy == "epsilon_boltzmann":
            drawn = self._softmax(scores)
        elif support is None:
            drawn = torch.full_like(scores, 1.0 / scores.shape[1])
        else:
            drawn = support.float() / support.sum(dim=1, keepdim=True)
        probabilities = epsilon * drawn
        best = scores.argmax(dim=1, keepdim=True)
        probabilities.scatter_add_(1, best, torch.full_like(best, 1, dtype=scores.dtype) * (1.0 - epsilon))
        return probabilities

    def _softmax(self, scores: Tensor) -> Tensor:
        return torch.softmax(scores / self.temperature, dim=1)

    def truncated(self, log_probs: Tensor, support: Tensor | None = None) -> Tensor:
        """Returns a language model's distribution with temperature, top_k and top_p: float (n, V)."""
        scores = log_probs.float() / self.temperature
        if support is not None:
            scores = scores.masked_fill(~support, -torch.inf)
        if 0 < self.top_k < scores.shape[1]:
            scores = scores.masked_fill(~top_k_support(scores, self.top_k), -torch.inf)
        probabilities = torch.softmax(scores, dim=1)
        if self.top_p < 1.0:
            ordered, order = probabilities.sort(dim=1, descending=True)
            cut = ordered.cumsum(dim=1) - ordered >= self.top_p
            cut = torch.zeros_like(cut).scatter(1, order, cut)
            probabilities = probabilities.masked_fill(cut, 0.0)
            probabilities = probabilities / probabilities.sum(dim=1, keepdim=True)
        return probabilities


def top_k_support(prior: Tensor, k: int) -> Tensor:
    """Returns the prior's k best tokens, bool (n, V), from log-probabilities (n, V)."""
    k = min(k, prior.shape[1])
    return torch.zeros_like(prior, dtype=torch.bool).scatter_(1, prior.topk(k, dim=1).indices, True)


def draw(probabilities: Tensor, uniforms: np.ndarray) -> np.ndarray:
    """Draws actions int64 (n,) from distributions (n, V) by inversion of uniform numbers (n,)."""
    if probabilities.device.type == "mps":  # it has no float64
        probabilities = probabilities.cpu()
    cumulative = probabilities.double().cumsum(dim=1)
    quantiles = torch.as_tensor(uniforms, dtype=torch.float64, device=cumulative.device)[:, None]
    indices = torch.searchsorted(cumulative, quantiles * cumulative[:, -1:], right=True)
    actions: np.ndarray = indices[:, 0].clamp(max=probabilities.shape[1] - 1).cpu().numpy()
    return actions


def linear_epsilon(progress: float, *, initial: float, final: float, fraction: float) -> float:
    """Returns epsilon, which falls linearly over the first `fraction` of training (Mnih et al. 2015).

    Args:
        progress: Share of the training that is done, 0 to 1.
        initial: Epsilon at the start.
        final: Epsilon after `fraction`.
        fraction: Share of the training in which epsilon falls.
    """
    if fraction <= 0 or progress >= fraction:
        return final
    return initial + progress / fraction * (final - initial)
