"""TokenFeaturesExtractor: turns observations of token ids into features; -1 stands for no token."""

from __future__ import annotations

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from llm_baselines.algorithms.sb3.bodies import make_body


class TokenFeaturesExtractor(BaseFeaturesExtractor):
    """Embeds the tokens of an observation and reads them with a body.

    Stable-Baselines3 passes Box observations as floats; they become integers again. Positions come from the
    mask (observation >= 0), so padding never matters. The embedding of a token is a sum over:

    - the token itself;
    - its position, counted from the first token;
    - its column (an answer always begins in the same column);
    - its distance from the last token, if a window moves;
    - three facts that make copying easy to learn: whether the token occurs again later, whether it equals the
      last token, and whether the token before it does.

    With `pointer` each token that is read also gets a score, a bilinear form of the state and the token in
    context. A head adds it to the value of choosing that token. The features are then
    [state (embedding_dim) | scores (L) | token ids + 1, or 0 for no token (L)].

    Args:
        observation_space: Box(-1, V-1, (context_length,)).
        embedding_dim: Width of embeddings and state.
        body: A name of `llm_baselines.algorithms.sb3.bodies.BODIES`.
        layers: The body's depth.
        heads: The body's attention heads.
        window: How many of the last tokens are read; 0 reads all.
        prompt: How many of the first tokens are read too, if `window` leaves tokens out.
        pointer: Whether to append scores and tokens.
        copy_bias: Initial bias of the score of tokens that do not occur again later, without the last one. It
            is a first guess that a word of the prompt is worth writing once.

    Raises:
        ValueError: The space does not hold tokens, or an option does not fit.
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        embedding_dim: int = 64,
        body: str = "attention",
        layers: int = 2,
        heads: int = 4,
        window: int = 0,
        prompt: int = 0,
        pointer: bool = True,
        copy_bias: float = 0.0,
    ) -> None:
        if not isinstance(observation_space, spaces.Box) or len(observation_space.shape) != 1:
            raise ValueError(f"observations are Box(-1, V-1, (context_length,)); got {observation_space}")
        if window < 0 or prompt < 0:
            raise ValueError(f"window={window} and prompt={prompt} must be at least 0")
        context = observation_space.shape[0]
        read = min(context, window + prompt) if window else context
        super().__init__(observation_space, embedding_dim + (2 * read if pointer else 0))
        self.state_dim = embedding_dim
        self.vocabulary_size = int(observation_space.high.max()) + 1
        self.context_length = context
        self.tokens_read = read
        self.prompt = prompt if window and read < context else 0
        self.pointer = pointer
        self.embedding = nn.Embedding(self.vocabulary_size, embedding_dim)
        self.from_start = nn.Embedding(context, embedding_dim)
        self.column = nn.Embedding(context, embedding_dim)
        self.from_end = nn.Embedding(context, embedding_dim) if self.prompt < read < context else None
        self.facts = nn.Embedding(8, embedding_dim)
        self.norm = nn.LayerNorm(embedding_dim)
        self.body = make_body(body, embedding_dim, layers, heads)
        for table in self.children():
            if isinstance(table, nn.Embedding):
                nn.init.normal_(table.weight, std=0.5)
        if pointer:
            self.pointer_query = nn.Linear(embedding_dim, embedding_dim)
            self.pointer_key = nn.Linear(embedding_dim, embedding_dim)
            self.pointer_bias = nn.Embedding(8, 1)
            # Facts 0 and 4: neither written again later nor equal to the last token.
            bias = torch.tensor([copy_bias, 0, 0, 0, copy_bias, 0, 0, 0])
            self.pointer_bias.weight.data = bias[:, None]

    def read(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Returns the tokens that are read, in order, from column 0 on.

        Args:
            tokens: int64 (n, context_length), -1 for no token.

        Returns:
            tokens (n, L), 0 for no token; their columns and positions (n, L); the number of tokens of
            each row, all and read, (n, 2).
        """
        mask = tokens >= 0
        length = mask.sum(dim=1)
        first = mask.to(torch.int8).argmax(dim=1)
        longest = max(1, min(self.tokens_read, int(length.max())))
        k = torch.arange(longest, device=tokens.device)[None]
        skipped = (length - self.tokens_read).clamp(min=0)[:, None]
        position = torch.where(k < self.prompt, k, k + skipped)
        column = (first[:, None] + position).clamp(max=self.context_length - 1)
        valid = position < length[:, None]
        picked = tokens.gather(1, column).clamp(min=0) * valid
        return picked, column, position * valid, torch.stack([length, valid.sum(dim=1)], dim=1)

    def forward(self, observations: Tensor) -> Tensor:
        """Returns features float (n, features_dim) of observations (n, context_length)."""
        tokens, column, position, lengths = self.read(observations.long())
        length, count = lengths[:, 0], lengths[:, 1].clamp(min=1)
        valid = torch.arange(tokens.shape[1], device=tokens.device)[None] < lengths[:, 1:]
        ids = tokens.masked_fill(~valid, -1)
        x = self.embedding(tokens) + self.from_start(position) + self.column(column)
        facts = copy_facts(ids, count)
        x = x + self.facts(facts)
        if self.from_end is not None:
            x = x + self.from_end((length[:, None] - 1 - position).clamp(min=0))
        x = self.norm(x)
        state, hidden = self.body(x, count)
        if not self.pointer:
            return torch.as_tensor(state)
        query = self.pointer_query(state)[:, :, None]
        scores = (self.pointer_key(hidden) @ query)[..., 0] / self.state_dim
        scores = (scores + self.pointer_bias(facts)[..., 0]) * valid
        missing = self.tokens_read - tokens.shape[1]
        padded = nn.functional.pad(torch.stack([scores, (ids + 1).to(scores.dtype)], dim=1), (0, missing))
        return torch.cat([state, padded.flatten(1)], dim=1)


def copy_facts(ids: Tensor, count: Tensor) -> Tensor:
    """Returns three facts about every token, as the bits of a number.

    Args:
        ids: int64 (n, L), -1 for no token.
        count: Number of tokens of each row, at least 1.

    Returns:
        int64 (n, L), 0 to 7: 1 if it occurs again later, 2 if it equals the last token, 4 if the token
        before it does.
    """
    columns = ids.shape[1]
    later = torch.ones(columns, columns, dtype=torch.bool, device=ids.device).triu(1)
    again = ((ids[:, :, None] == ids[:, None, :]) & later).any(dim=2).long()
    is_last = (ids == ids.gather(1, (count - 1)[:, None])).long()
    return again + 2 * is_last + 4 * nn.functional.pad(is_last[:, :-1], (1, 0))
