"""Added tokens of a Hugging Face tokenizer: control tokens in markers, ordinary text in texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any


class LiteralEncoder:
    """Encodes texts so that none of their ids is a control token, whatever they spell.

    Control tokens are those flagged as special, and added tokens that markers and ends consist of. The
    library can encode special tokens as text (`encode_special_tokens`). Two cases remain: added tokens
    without the flag, and models such as Unigram that hold special tokens as pieces of their own.

    Args:
        backend: The `tokenizers.Tokenizer`. From now on it encodes special tokens as text.
        state: The state that it saves.
        marking: Ids that markers and ends of turns consist of.
    """

    def __init__(self, backend: Any, state: Mapping[str, Any], marking: Iterable[int]) -> None:
        added = backend.get_added_tokens_decoder()
        # White space may be an added token (Gemma has runs of line breaks). Markers and texts may use it.
        unflagged = {i for i in marking if i in added and not added[i].special and added[i].content.strip()}
        unknown = _unknown_id(backend, state["model"])
        self._control = ({i for i, token in added.items() if token.special} | unflagged) - {unknown}
        self._content = {i: token.content for i, token in added.items()}
        self._unknown = unknown
        self._backend = _flagged(backend, state, unflagged) if unflagged else backend
        self._backend.encode_special_tokens = True
        self._spelled = lru_cache(maxsize=4096)(self._spell)

    def encode(self, text: str) -> list[int]:
        """Returns the token ids of a text."""
        ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids
        if self._control.isdisjoint(ids):
            return ids
        return [i for index in ids for i in (self._spelled(index) if index in self._control else (index,))]

    def _spell(self, index: int) -> tuple[int, ...]:
        """Returns the letters of a control token that the model took for a piece, or the unknown token."""
        content = self._content[index]
        if len(content) == 1:  # a word such as "." that also ends turns
            return (index,)
        letters: list[int] = []
        for letter in content:
            try:
                found = [token.id for token in self._backend.model.tokenize(letter)]
            except Exception:  # the library raises its own type if the model has no unknown token
                found = []
            if not found or not self._control.isdisjoint(found) or self._unknown in found:
                return () if self._unknown is None else (self._unknown,)
            letters += found
        return tuple(letters)


def _flagged(backend: Any, state: Mapping[str, Any], indices: set[int]) -> Any:
    """Returns a copy in which these added tokens are special."""
    tokens = [
        {**token, "special": token["special"] or token["id"] in indices} for token in state["added_tokens"]
    ]
    return type(backend).from_str(json.dumps({**state, "added_tokens": tokens}))


def _unknown_id(backend: Any, model: Mapping[str, Any]) -> int | None:
    if model.get("unk_id") is not None:
        return int(model["unk_id"])
    name = model.get("unk_token")
    index: int | None = backend.token_to_id(name) if name else None
    return index


@cache
def byte_alphabet() -> dict[str, int] | None:
    """Returns the alphabet of byte-level BPE (Radford et al. 2019), or None if the library has another.

    Printable bytes stand for themselves, the others for 256, 257, ... in order.
    """
    from tokenizers.pre_tokenizers import ByteLevel

    printable = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
    others = [b for b in range(256) if b not in set(printable)]
    byte_of = {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}
    return byte_of if set(byte_of) == set(ByteLevel.alphabet()) else None


def misread_tokens(backend: Any, state: Mapping[str, Any]) -> dict[int, str]:
    """Returns the added tokens that byte-level decoding takes for bytes.

    Their ids and the text they stand for.

    An added token is plain text. But "Café" is also four letters of the byte alphabet, which decode to "Caf"
    and an incomplete byte.
    """
    decoder = state.get("decoder") or {}
    kinds = {decoder.get("type"), *(part.get("type") for part in decoder.get("decoders", []))}
    byte_of = byte_alphabet()
    if "ByteLevel" not in kinds or byte_of is None:
        return {}
    return {
        index: token.content
        for index, token in backend.get_added_tokens_decoder().items()
        if not token.special
        and all(letter in byte_of for letter in token.content)
        and bytes(byte_of[letter] for letter in token.content) != token.content.encode()
    }
