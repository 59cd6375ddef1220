"""Small random models with tokenizers, saved to folders, for rewards that read with a model."""

from __future__ import annotations

import string
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    PreTrainedTokenizerFast,
)
from transformers.models.auto import CONFIG_MAPPING

SIZES = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
}
CLASSES = {
    "causal": AutoModelForCausalLM,
    "encoder": AutoModel,
    "classifier": AutoModelForSequenceClassification,
}


def save_model(folder: Path, kind: str, family: str = "llama", **changes) -> str:
    """Saves a model of letters; `kind` says its head. Returns the folder."""
    encoder = family in ("bert", "roberta")
    special = ["<pad>", "<s>", "</s>", "<unk>"]
    if family == "roberta":
        special = ["<s>", "<pad>", "</s>", "<unk>"]
    names = [*special, *string.ascii_letters, *string.digits, *" .,!?\n"]
    vocabulary = {name: index for index, name in enumerate(names)}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    if encoder:
        ends = [("<s>", vocabulary["<s>"]), ("</s>", vocabulary["</s>"])]
        backend.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=ends
        )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
    ids = {"bos_token_id": vocabulary["<s>"], "eos_token_id": vocabulary["</s>"]}
    options = {"vocab_size": len(names), "pad_token_id": vocabulary["<pad>"], **ids, **SIZES, **changes}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = CLASSES[kind].from_config(CONFIG_MAPPING[family](**options))
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.4)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
