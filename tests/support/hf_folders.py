"""Folders as `from_pretrained` reads them: tiny random models with a tokenizer of their own."""

from __future__ import annotations

from pathlib import Path

from small_models import small_model
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

NOUNS, VERBS = ("dog", "cat", "bird"), ("sees", "likes", "finds")
WORDS = ["the", "a", ".", "and", *NOUNS, *VERBS, "good", "bad", "happy", "sad", "great", "awful"]
TOKENS = ["<|start|>", "<|end|>", "<|stop|>", *WORDS, *(f" {word}" for word in WORDS), "\n"]


def save_tokenizer(folder: Path, chat_template: str | None = None) -> None:
    """Words, with and without a space before them; ends with <|end|>."""
    backend = Tokenizer(models.WordLevel({t: i for i, t in enumerate(TOKENS)}, unk_token="\n"))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"<\|\w+\|>| ?[\w.]+|\n"), "isolated")
    backend.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|end|>")
    fast.add_special_tokens({"additional_special_tokens": ["<|start|>", "<|stop|>"]})
    fast.chat_template = chat_template
    fast.save_pretrained(folder)


def save_model(folder: Path, family: str = "llama", *, wider_by: int = 0, dtype=None, **changes) -> str:
    """A random model and its tokenizer; the head may be wider than the tokenizer."""
    sizes = {"n_positions": 64} if family == "gpt2" else {"max_position_embeddings": 64}
    model = small_model(family, len(TOKENS) + wider_by, **{**sizes, **changes})
    (model if dtype is None else model.to(dtype)).save_pretrained(folder)
    save_tokenizer(folder)
    return str(folder)
