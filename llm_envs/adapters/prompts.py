"""Prompts as texts that a model's own tokenizer turns into exactly the environment's prompt tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llm_envs.assets import resolve_model
from llm_envs.checks.arguments import short
from llm_envs.foreign import load_pretrained
from llm_envs.tokenizers.hugging_face import HuggingFaceTokenizer


def model_place(tokenizer: Any, library: str) -> str:
    """Returns the folder or hub name of the model that a Hugging Face tokenizer of ours belongs to.

    Raises:
        ValueError: It is another tokenizer, so no pretrained model reads its tokens.
    """
    if not isinstance(tokenizer, HuggingFaceTokenizer):
        raise ValueError(
            f"{library} trains a model with the model's own tokenizer, and this environment has "
            f"tokenizer={short(tokenizer.spec)}: pass tokenizer='hf:NAME_OR_FOLDER', or a mapping such as "
            "{'id': 'hf:NAME_OR_FOLDER', 'chat_template': True}"
        )
    spec = tokenizer.spec
    name = str(spec["id"] if isinstance(spec, dict) else spec).removeprefix("hf:")
    return resolve_model(name)


def load_processing_class(tokenizer: HuggingFaceTokenizer, place: str) -> Any:
    """Returns the transformers tokenizer of a model, set up as the environment reads and ends texts."""
    from transformers import AutoTokenizer

    processing = load_pretrained(AutoTokenizer, place)
    processing.padding_side = "left"
    processing.eos_token = tokenizer.token(tokenizer.end_token_ids[0])
    if processing.pad_token is None:
        processing.pad_token = processing.eos_token
    return processing


def head_width(place: str) -> int | None:
    """Returns how many tokens a model's head has. None if the folder has a tokenizer alone."""
    from transformers import AutoConfig

    try:
        config = load_pretrained(AutoConfig, place).get_text_config()
    except (OSError, ValueError):
        return None
    width: int | None = getattr(config, "vocab_size", None)
    return width


def prompt_text(processing: Any, ids: Sequence[int], what: str) -> str:
    """Returns the text that a transformers tokenizer turns into these tokens.

    Args:
        processing: The transformers tokenizer, called as trainers call it: with special tokens.
        ids: The environment's prompt.
        what: The prompt's name in errors.

    Raises:
        ValueError: No text gives these tokens, so the model would be trained on other prompts.
    """
    wanted = list(ids)
    whole = processing.decode(wanted, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    texts = [whole]
    if processing.bos_token and whole.startswith(processing.bos_token):  # the tokenizer adds it itself
        texts.append(whole.removeprefix(processing.bos_token))
    for text in texts:
        if processing(text=text)["input_ids"] == wanted:
            return text
    got = processing(text=texts[-1])["input_ids"]
    at = next((i for i, (a, b) in enumerate(zip(got, wanted, strict=False)) if a != b), len(wanted))
    raise ValueError(
        f"{what}: the model's tokenizer reads {texts[-1]!r} as other tokens than the environment's prompt, "
        f"from token {at} on. Its separator may join with the words before it. Pass a tokenizer with another "
        "one, {'id': 'hf:...', 'separator': ...}, with 'bos': False if the model reads no start token, or "
        "with 'chat_template': True"
    )
