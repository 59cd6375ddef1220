"""A tiny random Llama with a byte-level tokenizer, which writes any text."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.decoders import ByteLevel
from tokenizers.processors import TemplateProcessing
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TURNS = (
    "{% for turn in messages %}<|start|>{{ turn['role'] }}\n{{ turn['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
_SPECIAL = ["<|end|>", "<|start|>", "<|bos|>", "<|im_start|>", "<|im_end|>", "<|endoftext|>"]


def save_byte_tokenizer(
    folder: Path,
    *,
    chat_template: str | None = None,
    bos: bool = False,
    end: str = "<|end|>",
    merges: tuple = (),
) -> None:
    """Bytes; `merges` are pairs that become one token; `bos` writes a token before every text."""
    words = [*_SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(pair) for pair in merges)]
    backend = Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, list(merges)))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = ByteLevel()
    if bos:
        backend.post_processor = TemplateProcessing(single="<|bos|> $A", special_tokens=[("<|bos|>", 2)])
    more = {"bos_token": "<|bos|>"} if bos else {}
    fast = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=end, pad_token="<|endoftext|>", **more)
    fast.add_special_tokens({"additional_special_tokens": [t for t in _SPECIAL if t != end]})
    fast.chat_template = chat_template
    fast.save_pretrained(folder)


def save_byte_model(folder: Path, *, positions: int = 512, seed: int = 0, **tokenizer: object) -> str:
    """Saves the model and its tokenizer; returns the folder."""
    config = LlamaConfig(
        vocab_size=len(_SPECIAL) + 256 + len(tokenizer.get("merges", ())),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=positions,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=None,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        LlamaForCausalLM(config).save_pretrained(folder)
    save_byte_tokenizer(folder, **tokenizer)
    return str(folder)
