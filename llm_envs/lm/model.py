"""Causal language models as readers: a trunk that reads tokens, and a head over the vocabulary.

Importing this module imports torch. `import llm_envs` does not import it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_PROBE_TOLERANCE = 1e-3
_COARSE_TOLERANCE = 0.05  # relative, for numbers with 8 bits


@dataclass(frozen=True)
class ModelInputs:
    """Observations in the form that a transformers model takes.

    Attributes:
        input_ids: int64 (n, L); 0 where there is no token.
        attention_mask: int64 (n, L); 1 where there is one.
        position_ids: int64 (n, L); 0 at a row's first token, whatever padding comes before it.
    """

    input_ids: Tensor
    attention_mask: Tensor
    position_ids: Tensor


def model_inputs(observation: np.ndarray | Tensor, device: torch.device | str = "cpu") -> ModelInputs:
    """Turns observations, int32 (n, L) with -1 where there is no token, into model inputs.

    A row's tokens are contiguous: prompts are padded on the left, and tokens never move.
    """
    tokens = torch.as_tensor(observation).to(device, torch.int64)
    mask = (tokens >= 0).long()
    first = mask.argmax(dim=1, keepdim=True)
    columns = torch.arange(tokens.shape[1], device=tokens.device)
    return ModelInputs(tokens.clamp(min=0), mask, (columns - first).clamp(min=0))


class LanguageModel(nn.Module):
    """A transformers causal LM over the first `vocabulary_size` tokens of its head.

    A head that is wider than the vocabulary (padded, as Qwen's is) is cut. A narrower one is an error.

    Args:
        model: A transformers causal LM.
        vocabulary_size: Number of actions V.

    Attributes:
        config: The model's configuration.
        text_config: The part of it that is about text, if the model also reads pictures.
        longest: The most tokens it reads; None if unknown.
        hidden_size: Width of its features.
        reads_cached: True if a cache by columns gives its features; None until a Reader has tried.
    """

    def __init__(self, model: Any, vocabulary_size: int) -> None:
        super().__init__()
        if getattr(model, "peft_config", None):
            raise ValueError(
                "the model has adapters of its own: merge them into its weights, model = "
                "model.merge_and_unload(), or save what that gives and name its folder"
            )
        if getattr(model.config, "is_encoder_decoder", False):
            raise ValueError(
                f"{type(model).__name__} reads with one network and writes with another; give a causal LM"
            )
        head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
        if head is None:
            raise ValueError(f"{type(model).__name__} has no language-model head; give a causal LM")
        width = head.weight.shape[0]
        if width < vocabulary_size:
            raise ValueError(
                f"the model's head has {width} tokens and the environment {vocabulary_size}: take the "
                "model's own tokenizer (tokenizer='hf:...'), or another model"
            )
        self.model = model.eval()  # no dropout: log-probabilities are those of the weights
        self.vocabulary_size = vocabulary_size
        self.config = model.config
        self.text_config = model.config.get_text_config()
        self.longest: int | None = getattr(self.text_config, "max_position_embeddings", None)
        self.hidden_size = int(head.weight.shape[1])
        self.reads_cached: bool | None = None
        try:
            self._check_head()
            self._check_causal()
        except (TypeError, AttributeError) as error:
            raise ValueError(
                f"{type(model).__name__} cannot be read here as a causal language model, a trunk and a "
                f"head over the vocabulary: {error}"
            ) from error

    def cast(self, dtype: torch.dtype) -> None:
        """Changes the dtype of the weights. Buffers, such as rotary frequencies, stay unchanged.

        transformers keeps those in float32 when it loads bfloat16 weights, so an exported model acts alike.
        """
        for parameter in self.parameters():
            parameter.data = parameter.data.to(dtype)

    @property
    def parameter_count(self) -> int:
        """Number of weights."""
        return sum(p.numel() for p in self.parameters())

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.parameters()).device

    @property
    def trunk(self) -> nn.Module:
        """The model without its head."""
        found: nn.Module = self.model.base_model
        return found

    def features(self, inputs: ModelInputs) -> Tensor:
        """Returns the last hidden state of every token: (n, L, hidden_size), in one causal pass."""
        hidden: Tensor = self.trunk(
            input_ids=inputs.input_ids,
            attention_mask=inputs.attention_mask,
            position_ids=inputs.position_ids,
            use_cache=False,
        ).last_hidden_state
        return hidden

    def logits(self, features: Tensor) -> Tensor:
        """Returns logits (..., V) of the next token from features (..., hidden_size)."""
        head = self.model.get_output_embeddings()
        bias = getattr(head, "bias", None)
        size = self.vocabulary_size
        features = features.to(head.weight.dtype)  # some trunks return float32 for any weights
        return nn.functional.linear(features, head.weight[:size], None if bias is None else bias[:size])

    def log_probs(self, features: Tensor) -> Tensor:
        """Returns log pi(. | prefix) (..., V), over the whole vocabulary, in float32."""
        return torch.log_softmax(self.logits(features).float(), dim=-1)

    def identity(self) -> str:
        """Returns the SHA-256 (hex) of the weights, which identifies the model to the bit."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    @torch.no_grad()
    def _check_head(self) -> None:
        """Raises if a model does more between trunk and logits than a linear head (soft caps, scales).

        It checks the model as it is, and again with numbers over a wide range as the head's output. Fresh
        weights have small logits, which a cap changes little.
        """
        ids = torch.arange(3, device=self.device)[None] % self.vocabulary_size
        inputs = ModelInputs(ids, torch.ones_like(ids), torch.arange(3, device=self.device)[None])
        features = self.features(inputs)

        def logits() -> Tensor:
            found: Tensor = self.model(
                input_ids=ids, attention_mask=inputs.attention_mask, position_ids=inputs.position_ids
            ).logits
            return found

        head = self.model.get_output_embeddings()
        wide = torch.linspace(-1e3, 1e3, head.weight.shape[0], device=self.device).to(head.weight.dtype)
        given: list[Tensor] = []

        def widen(module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> Tensor:
            given.append(arguments[0])
            return wide.expand_as(output)

        same = alike(logits()[..., : self.vocabulary_size], self.logits(features))
        handle = head.register_forward_hook(widen)
        try:
            widened = logits()
        finally:
            handle.remove()
        if given:  # the model calls its head
            same = same and alike(given[0], features) and alike(widened, wide)
        if not same:
            raise ValueError(
                f"{type(self.model).__name__} changes its logits after the head (a cap or a scale), which "
                "this learner does not follow; take another model"
            )

    @torch.no_grad()
    def _check_causal(self) -> None:
        """Raises if a model looks at later tokens: one pass would not give the features of every prefix."""
        ids = torch.arange(4, device=self.device)[None] % self.vocabulary_size
        positions, mask = torch.arange(4, device=self.device)[None], torch.ones_like(ids)
        short, long = (self.features(ModelInputs(ids[:, :n], mask[:, :n], positions[:, :n])) for n in (2, 4))
        if not alike(short, long[:, :2]):
            raise ValueError(
                f"{type(self.model).__name__} reads later tokens, so it is not a causal language model"
            )


def alike(a: Tensor, b: Tensor) -> bool:
    """Returns True if two results are equal up to the precision they were computed with."""
    coarse = min(torch.finfo(x.dtype).bits for x in (a, b)) < 32
    a, b = torch.broadcast_tensors(a.float(), b.float())
    if coarse:
        return bool((a - b).norm() <= _COARSE_TOLERANCE * b.norm())
    return torch.allclose(a, b, atol=_PROBE_TOLERANCE, rtol=_PROBE_TOLERANCE)
