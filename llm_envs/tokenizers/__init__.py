r"""Tokenizers: text to token ids and back. The width of a vocabulary is the width of the action space.

Three kinds, by spec: `"word"` (or `"word:N"`, the N most frequent words) is built from a train split,
`"byte"` needs nothing, `"hf:NAME_OR_PATH"` is any Hugging Face tokenizer. A spec may be a mapping,
`{"id": "hf:gpt2", "end_tokens": [...], "separator": "\n", "bos": false}`, where the kind takes options.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from llm_envs.assets import ASSETS
from llm_envs.checks.suggestions import did_you_mean
from llm_envs.checks.types import fits, type_name
from llm_envs.tokenizers.byte import ByteTokenizer
from llm_envs.tokenizers.hugging_face import HuggingFaceTokenizer
from llm_envs.tokenizers.tokenizer import Tokenizer
from llm_envs.tokenizers.word import WordTokenizer

_HF_OPTIONS: dict[str, Any] = {
    "end_tokens": str | list[str] | None,
    "separator": str,
    "bos": bool | None,
    "chat_template": bool,
}
_WORD_OPTIONS: dict[str, Any] = {"spell": bool}
_COUNT = re.compile(r"0|[1-9][0-9]*")

__all__ = [
    "ByteTokenizer",
    "HuggingFaceTokenizer",
    "Tokenizer",
    "WordTokenizer",
    "labelled",
    "make_tokenizer",
]


def labelled(tokenizer: Tokenizer) -> Any:
    """Returns a tokenizer's spec for records: a path is replaced by its last part and the content hash.

    Names of fetched assets and of the hub stay unchanged.
    """
    spec = tokenizer.spec
    name = spec.get("id") if isinstance(spec, Mapping) else spec
    place = name.removeprefix("hf:") if isinstance(name, str) and name.startswith("hf:") else ""
    if not place or place in ASSETS or not os.path.exists(os.path.expanduser(place)):
        return spec
    label = f"hf:{os.path.basename(os.path.abspath(os.path.expanduser(place)))}@{tokenizer.content_hash[:12]}"
    return {**spec, "id": label} if isinstance(spec, Mapping) else label


def make_tokenizer(
    spec: str | Mapping[str, Any] | Tokenizer,
    train_texts: Callable[[], Iterable[str]] | None = None,
    *,
    roles: bool = False,
) -> Tokenizer:
    """Makes a tokenizer from its spec.

    Args:
        spec: "word", "word:N", "byte", "hf:NAME_OR_PATH", a mapping with "id" and options, or a
            tokenizer, which is returned unchanged.
        train_texts: Returns the texts that a word vocabulary is built from.
        roles: True if the texts are dialogues with role markers.

    Raises:
        ValueError: The spec or an option is unknown, or the tokenizer cannot be loaded.
    """
    if not isinstance(spec, str | Mapping):
        if isinstance(spec, Tokenizer):
            return spec
        parts = (*Tokenizer.__annotations__, "encode", "decode", "token")
        missing = [name for name in parts if not hasattr(spec, name)]
        raise ValueError(
            f"a tokenizer is a spec such as 'word', or an object with {', '.join(parts)} "
            f"(llm_envs.tokenizers.Tokenizer says what they are); {spec!r} lacks {', '.join(missing)}"
        )
    options = dict(spec) if isinstance(spec, Mapping) else {"id": spec}
    name = options.pop("id", None)
    kind, colon, rest = name.partition(":") if isinstance(name, str) else ("", "", "")
    if kind == "hf" and rest:
        allowed = _HF_OPTIONS
    elif kind == "word" and (not colon or _COUNT.fullmatch(rest)):
        allowed = _WORD_OPTIONS
    elif kind == "byte" and not colon:
        allowed = {}
    else:
        kinds = ["word", "byte", "hf"]
        hint = ";" if kind in kinds else did_you_mean(kind, kinds)
        raise ValueError(
            f"unknown tokenizer {spec!r}{hint} the tokenizers are 'word', 'word:N', 'byte', 'hf:NAME_OR_PATH'"
        )
    if unknown := sorted(set(options) - set(allowed)):
        raise ValueError(f"tokenizer '{kind}' has no option {unknown[0]!r}; it takes {sorted(allowed)}")
    for option, value in options.items():
        if not fits(value, allowed[option]):
            raise ValueError(
                f"tokenizer '{kind}': option {option!r} is of type {type_name(allowed[option])}, got "
                f"{value!r} ({type(value).__name__})"
            )
    if kind == "hf":
        return HuggingFaceTokenizer(rest, **options)
    if kind == "byte":
        return ByteTokenizer()
    if train_texts is None:
        raise ValueError("a word tokenizer is built from a train split; give train_texts")
    return WordTokenizer.train(
        train_texts(),
        max_words=int(rest[:9]) if rest else None,
        roles=roles,
        spec=dict(spec) if isinstance(spec, Mapping) else spec,
        **options,
    )
