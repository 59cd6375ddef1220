"""Bodies: the networks that read embedded tokens. `register_body` adds a new one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from llm_envs.checks.suggestions import did_you_mean


class Body(nn.Module):
    """Reads embedded tokens.

    Args:
        dim: Width of the embeddings and of the state.
        layers: Depth.
        heads: Attention heads, where it attends.
    """

    def __init__(self, dim: int, layers: int, heads: int) -> None:
        super().__init__()
        self.dim, self.layers, self.heads = dim, layers, heads

    def forward(self, x: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the state, and the tokens in context.

        Args:
            x: Embedded tokens float (n, L, dim), the first `length` columns of a row hold tokens, in order.
            length: int64 (n,), at least 1; columns after it must not matter.

        Returns:
            state (n, dim) and hidden (n, L, dim).
        """
        raise NotImplementedError


BODIES: dict[str, type[Body]] = {}


def register_body(name: str) -> Callable[[type[Body]], type[Body]]:
    """Registers a body under a name, for the option `body` of an agent."""

    def register(body: type[Body]) -> type[Body]:
        BODIES[name] = body
        return body

    return register


def make_body(name: str, dim: int, layers: int, heads: int) -> Body:
    """Makes a body.

    Raises:
        ValueError: The name is unknown, or heads does not divide dim.
    """
    if name not in BODIES:
        raise ValueError(
            f"unknown body {name!r}{did_you_mean(name, BODIES)} the bodies are {', '.join(map(repr, BODIES))}"
        )
    if dim % heads:
        raise ValueError(f"heads={heads} must divide embedding_dim={dim}")
    return BODIES[name](dim, layers, heads)


def last_columns(x: Tensor, length: Tensor, back: int = 0) -> Tensor:
    """Returns column `length - 1 - back` of every row of x (n, L, d): (n, d), 0 without such a column."""
    column = length - 1 - back
    picked = x.gather(1, column.clamp(min=0)[:, None, None].expand(-1, 1, x.shape[2]))[:, 0]
    return picked if back == 0 else picked * (column >= 0)[:, None]


@register_body("gru")
class GRUBody(Body):
    """A GRU (Cho et al. 2014); the state is its output at the last token."""

    def __init__(self, dim: int, layers: int, heads: int) -> None:
        super().__init__(dim, layers, heads)
        self.gru = nn.GRU(dim, dim, num_layers=layers, batch_first=True)

    def forward(self, x: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """See Body."""
        hidden, _ = self.gru(x)
        return last_columns(hidden, length), hidden


class _FeedForward(nn.Sequential):
    def __init__(self, dim: int) -> None:
        super().__init__(nn.LayerNorm(dim), nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))


@register_body("transformer")
class TransformerBody(Body):
    """A small causal transformer, normalised before each layer; the state is its output at the last token."""

    def __init__(self, dim: int, layers: int, heads: int) -> None:
        super().__init__(dim, layers, heads)
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(layers))
        self.qkv = nn.ModuleList(nn.Linear(dim, 3 * dim) for _ in range(layers))
        self.out = nn.ModuleList(nn.Linear(dim, dim) for _ in range(layers))
        self.forwards = nn.ModuleList(_FeedForward(dim) for _ in range(layers))
        self.final = nn.LayerNorm(dim)

    def forward(self, x: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """See Body. Tokens come first in a row, so the causal mask also hides the columns after them."""
        n, columns, dim = x.shape
        for norm, qkv, out, forward in zip(self.norms, self.qkv, self.out, self.forwards, strict=True):
            parts = qkv(norm(x)).view(n, columns, 3, self.heads, dim // self.heads)
            q, k, v = parts.permute(2, 0, 3, 1, 4)
            mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + out(mixed.transpose(1, 2).reshape(n, columns, dim))
            x = x + forward(x)
        hidden = self.final(x)
        return last_columns(hidden, length), hidden


@register_body("attention")
class AttentionBody(Body):
    """Attends over all tokens with one query, made of the last four tokens, `layers` times.

    It costs as much as the last column of a transformer: no cheaper body can align an answer with its prompt.
    """

    RECENT = 4

    def __init__(self, dim: int, layers: int, heads: int) -> None:
        super().__init__(dim, layers, heads)
        self.recent = nn.Linear(self.RECENT * dim, dim)
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(layers))
        self.query = nn.ModuleList(nn.Linear(dim, dim) for _ in range(layers))
        self.key_value = nn.ModuleList(nn.Linear(dim, 2 * dim) for _ in range(layers))
        self.out = nn.ModuleList(nn.Linear(dim, dim) for _ in range(layers))
        self.forwards = nn.ModuleList(_FeedForward(dim) for _ in range(layers))
        self.final = nn.LayerNorm(dim)

    def forward(self, x: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """See Body."""
        n, columns, dim = x.shape
        size = dim // self.heads
        valid = torch.arange(columns, device=x.device)[None] < length[:, None]
        hide = torch.zeros(n, columns, device=x.device).masked_fill(~valid, -torch.inf)[:, None]
        state = self.recent(torch.cat([last_columns(x, length, i) for i in range(self.RECENT)], dim=1))
        for layer, norm in enumerate(self.norms):
            q = self.query[layer](norm(state)).view(n, 1, self.heads, size) * size**-0.5
            k, v = self.key_value[layer](x).view(n, columns, 2, self.heads, size).unbind(2)
            # One query: sums of products are several times faster here than a fused attention.
            weights = ((q * k).sum(3).transpose(1, 2) + hide).softmax(dim=2)
            mixed = (weights.transpose(1, 2)[..., None] * v).sum(1)
            state = state + self.out[layer](mixed.reshape(n, dim))
            state = state + self.forwards[layer](state)
        return self.final(state), x


@register_body("llama")
class LlamaBody(Body):
    """A Llama. With dim 128, layers 2, heads 4 it is the trunk of the language agents' preset "mini"."""

    def __init__(self, dim: int, layers: int, heads: int) -> None:
        super().__init__(dim, layers, heads)
        from transformers import LlamaConfig, LlamaModel

        config = LlamaConfig(
            vocab_size=1,  # the extractor embeds
            hidden_size=dim,
            intermediate_size=2 * dim,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            bos_token_id=None,
            eos_token_id=None,
            pad_token_id=None,
        )
        self.trunk = LlamaModel(config)

    def forward(self, x: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """See Body. Tokens come first in a row, so the causal mask also hides the columns after them."""
        positions = torch.arange(x.shape[1], device=x.device).expand(x.shape[:2])
        hidden = self.trunk(inputs_embeds=x, position_ids=positions, use_cache=False).last_hidden_state
        return last_columns(hidden, length), hidden
