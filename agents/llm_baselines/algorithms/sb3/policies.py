"""Policies for stock DQN and PPO whose heads can point at tokens of the observation."""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import CategoricalDistribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.dqn.policies import DQNPolicy, QNetwork
from torch import Tensor, nn

from llm_baselines.algorithms.sb3.features_extractor import TokenFeaturesExtractor


class TokenHead(nn.Module):
    """Computes one number per token of the vocabulary, from the features of a TokenFeaturesExtractor.

    out(a) = v(state) + <w_a, state> + b_a + sum of the scores of the tokens read that equal a

    All actions share v, so the value of a state is learned once, and not for each action.

    Args:
        extractor: Defines the layout of the features, and holds the embeddings.
        n_actions: Width of the vocabulary.
        tied: Use the extractor's token embeddings as w, through one linear map.
        shared_value: Whether there is a v(state); it has no effect on a softmax.
    """

    def __init__(
        self,
        extractor: TokenFeaturesExtractor,
        n_actions: int,
        *,
        tied: bool,
        shared_value: bool,
    ) -> None:
        super().__init__()
        dim = extractor.state_dim
        self.state_dim, self.n_actions, self.pointer = dim, n_actions, extractor.pointer
        self.value = nn.Linear(dim, 1) if shared_value else None
        self.bias = nn.Parameter(torch.zeros(n_actions))
        if tied:
            # A plain reference: the extractor owns the parameter.
            self._embedding: tuple[nn.Embedding, ...] = (extractor.embedding,)
            self.output = nn.Linear(dim, dim, bias=False)
            nn.init.normal_(self.output.weight, std=0.1 / dim)
        else:
            self._embedding = ()
            self.output = nn.Linear(dim, n_actions, bias=False)
            nn.init.normal_(self.output.weight, std=0.1 / dim)

    def forward(self, features: Tensor) -> Tensor:
        """Returns (n, n_actions) for features (n, features_dim)."""
        state = features[:, : self.state_dim]
        out = self.output(state)
        if self._embedding:
            out = out @ self._embedding[0].weight[: self.n_actions].T
        out = out + self.bias
        if self.value is not None:
            out = out + self.value(state)
        if self.pointer:
            scores, ids = features[:, self.state_dim :].chunk(2, dim=1)
            # The score of no token is 0, so it may be added anywhere.
            out = out.scatter_add(1, (ids.long() - 1).clamp(min=0), scores)
        return torch.as_tensor(out)


class TokenQNetwork(QNetwork):
    """A Q-network whose last layer is a TokenHead."""

    features_extractor: TokenFeaturesExtractor

    def __init__(self, *, tied: bool, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "net_arch": []})
        head = TokenHead(self.features_extractor, int(self.action_space.n), tied=tied, shared_value=True)
        self.q_net = nn.Sequential(head)


class TokenDQNPolicy(DQNPolicy):
    """DQNPolicy with TokenQNetworks.

    Args:
        tied: Whether action values use the token embeddings.
        **kwargs: As for DQNPolicy.
    """

    def __init__(self, *args: Any, tied: bool = False, **kwargs: Any) -> None:
        self._tied = tied
        kwargs.setdefault("features_extractor_class", TokenFeaturesExtractor)
        super().__init__(*args, **{**kwargs, "net_arch": []})

    def make_q_net(self) -> QNetwork:
        """Returns a network: the online or the target one."""
        arguments = self._update_features_extractor(self.net_args, features_extractor=None)
        return TokenQNetwork(tied=self._tied, **arguments).to(self.device)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "tied": self._tied}


class TokenActorCriticPolicy(ActorCriticPolicy):
    """ActorCriticPolicy with logits from a TokenHead and a value of the state alone.

    Args:
        tied: Whether logits use the token embeddings.
        **kwargs: As for ActorCriticPolicy.
    """

    features_extractor: TokenFeaturesExtractor

    def __init__(self, *args: Any, tied: bool = False, **kwargs: Any) -> None:
        self._tied = tied
        kwargs.setdefault("features_extractor_class", TokenFeaturesExtractor)
        super().__init__(*args, **{**kwargs, "net_arch": [], "ortho_init": False})

    def _build(self, lr_schedule: Any) -> None:
        super()._build(lr_schedule)
        assert isinstance(self.action_space, spaces.Discrete)
        assert isinstance(self.action_dist, CategoricalDistribution)
        extractor = self.features_extractor
        self.action_net = TokenHead(extractor, int(self.action_space.n), tied=self._tied, shared_value=False)
        self.value_net = StateValue(extractor.state_dim)  # type: ignore[assignment]
        arguments: dict[str, Any] = {"lr": lr_schedule(1), **self.optimizer_kwargs}
        self.optimizer = self.optimizer_class(self.parameters(), **arguments)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "tied": self._tied}


class StateValue(nn.Module):
    """Computes the value of a state from the state part of the features.

    Args:
        dim: Width of the state.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.net = nn.Sequential(nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Returns (n, 1) for features (n, features_dim)."""
        return torch.as_tensor(self.net(features[:, : self.dim]))
