"""Small random language models of several families, and one that is a table."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import nn
from transformers import AutoModelForCausalLM, PretrainedConfig
from transformers.models.auto import CONFIG_MAPPING

FAMILIES = {
    "llama": {},
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32},
    "qwen2": {"num_attention_heads": 4, "num_key_value_heads": 2},  # grouped queries
    "mistral": {"sliding_window": 4},
    "gemma2": {"head_dim": 8, "final_logit_softcapping": 30.0},
}
_SIZES = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32,
}


def small_model(family: str = "llama", vocabulary: int = 11, **changes):
    """A transformers model with random weights, large enough for what it computes to be told apart."""
    sizes = {} if family == "gpt2" else _SIZES
    ends = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
    options = {"vocab_size": vocabulary, **ends, **sizes, **FAMILIES[family], **changes}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[family](**options))
        for parameter in model.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.4)
    return model


class TableModel(nn.Module):
    """A causal LM whose features say which of some texts it has read: whatever is learned is a table.

    Args:
        texts: The texts it can tell apart.
        vocabulary: V.
    """

    def __init__(self, texts, vocabulary: int) -> None:
        super().__init__()
        self.config = PretrainedConfig()
        self.numbers = {tuple(text): number for number, text in enumerate(texts)}
        self.base_model = _Table(self.numbers)
        self.head = nn.Linear(len(self.numbers), vocabulary, bias=False)
        nn.init.zeros_(self.head.weight)

    def get_output_embeddings(self):
        return self.head

    def get_input_embeddings(self):
        return self.base_model

    def forward(self, **inputs):
        return SimpleNamespace(logits=self.head(self.base_model(**inputs).last_hidden_state))


class _Table(nn.Module):
    def __init__(self, numbers) -> None:
        super().__init__()
        self.numbers = numbers

    def forward(self, *, input_ids, attention_mask, position_ids, use_cache=False):
        features = torch.zeros(*input_ids.shape, len(self.numbers))
        for row, (ids, mask) in enumerate(zip(input_ids.tolist(), attention_mask.tolist(), strict=True)):
            first = mask.index(1)
            for last in range(first, len(ids)):
                number = self.numbers.get(tuple(ids[first : last + 1]))
                if mask[last] and number is not None:
                    features[row, last, number] = 1.0
        return SimpleNamespace(last_hidden_state=features)


def loss_of(network, batch):
    """A Q network's summed loss on a batch, with gradient."""
    predicted = network.predict(batch)
    return network.loss(batch, predicted, network.targets(batch, predicted))[0]
