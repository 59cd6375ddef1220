"""Stock DQN under TopKActions: the value of an action depends on the token it stands for."""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.dqn.policies import DQNPolicy, QNetwork
from torch import Tensor, nn

from llm_baselines.algorithms.sb3.features_extractor import TokenFeaturesExtractor


class CandidateFeaturesExtractor(BaseFeaturesExtractor):
    """Adds the candidates' ids + 1 (k) and log-probabilities (k) to the features of a TokenFeaturesExtractor.

    Args:
        observation_space: The Dict of `llm_envs.wrappers.top_k.TopKActions`.
        **options: Options of TokenFeaturesExtractor.

    Raises:
        ValueError: The space does not come from TopKActions.
    """

    def __init__(self, observation_space: spaces.Space[Any], **options: Any) -> None:
        if not is_candidate_space(observation_space):
            raise ValueError(
                f"observations are a Dict of tokens, candidates and log_probs, as TopKActions gives; got "
                f"{observation_space}"
            )
        assert isinstance(observation_space, spaces.Dict)
        tokens = TokenFeaturesExtractor(observation_space["tokens"], **options)
        shape = observation_space["candidates"].shape
        assert shape is not None
        self.k = shape[0]
        super().__init__(observation_space, tokens.features_dim + 2 * self.k)
        self.tokens = tokens

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """Returns features float (n, features_dim) of a batch of observations."""
        read = self.tokens(observations["tokens"])
        return torch.cat([read, observations["candidates"] + 1, observations["log_probs"]], dim=1)


def is_candidate_space(space: spaces.Space[Any]) -> bool:
    """Whether a space is that of `llm_envs.wrappers.top_k.TopKActions`."""
    return isinstance(space, spaces.Dict) and set(space) == {"tokens", "candidates", "log_probs"}


class CandidateHead(nn.Module):
    """Computes a value for each candidate c, whatever its place among the candidates.

    Q(c) = v(state) + <W state, e(c)> + w * log p(c) + sum of the scores of the tokens read that are c

    e is the embedding of the token as the body reads it. w starts at 0.1, so that the untrained network
    prefers the tokens that the language model prefers.

    Args:
        extractor: Defines the layout of the features, and holds the embeddings.
    """

    def __init__(self, extractor: CandidateFeaturesExtractor) -> None:
        super().__init__()
        self.state_dim, self.k, self.pointer = (
            extractor.tokens.state_dim,
            extractor.k,
            extractor.tokens.pointer,
        )
        self._embedding = (extractor.tokens.embedding,)  # a plain reference: the extractor owns the parameter
        self.value = nn.Linear(self.state_dim, 1)
        self.output = nn.Linear(self.state_dim, self.state_dim, bias=False)
        nn.init.normal_(self.output.weight, std=0.1 / self.state_dim)
        self.prior_weight = nn.Parameter(torch.tensor(0.1))

    def forward(self, features: Tensor) -> Tensor:
        """Returns Q (n, k) for features (n, features_dim)."""
        read, ids, log_probs = features.tensor_split([-2 * self.k, -self.k], dim=1)
        state = read[:, : self.state_dim]
        embedded = self._embedding[0]((ids.long() - 1).clamp(min=0))
        out = (embedded @ self.output(state)[:, :, None])[..., 0] + self.value(state)
        out = out + self.prior_weight * log_probs
        if self.pointer:
            scores, tokens = read[:, self.state_dim :].chunk(2, dim=1)
            same = (ids[:, :, None] == tokens[:, None]).to(scores.dtype)  # ids as floats are exact
            out = out + (same @ scores[:, :, None])[..., 0]
        return torch.as_tensor(out)


class CandidateQNetwork(QNetwork):
    """A Q-network whose last layer is a CandidateHead."""

    features_extractor: CandidateFeaturesExtractor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "net_arch": []})
        self.q_net = nn.Sequential(CandidateHead(self.features_extractor))


class CandidateDQNPolicy(DQNPolicy):
    """DQNPolicy for environments under `llm_envs.wrappers.top_k.TopKActions`.

    Args:
        **kwargs: As for DQNPolicy; `features_extractor_kwargs` are those of TokenFeaturesExtractor.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("features_extractor_class", CandidateFeaturesExtractor)
        super().__init__(*args, **{**kwargs, "net_arch": []})

    def make_q_net(self) -> QNetwork:
        """Returns a network: the online or the target one."""
        arguments = self._update_features_extractor(self.net_args, features_extractor=None)
        return CandidateQNetwork(**arguments).to(self.device)
