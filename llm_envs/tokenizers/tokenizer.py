"""The protocol of tokenizers, and the names of the tokens that mark structure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

END, SEPARATOR = "<eos>", "<sep>"
ROLES = ("user", "database", "agent")


@runtime_checkable
class Tokenizer(Protocol):
    """What an environment needs from a tokenizer.

    Attributes:
        vocabulary_size: Number of token ids V; actions are 0 .. V-1.
        end_token_ids: Ids that end the agent's turn.
        markers: Ids of the structure around texts: "start" (before a prompt), "separator" (between prompt
            and answer) and one entry per role of a dialogue ("user", "database", "agent").
        spec: JSON-able. `make_tokenizer(spec, texts)` on the same train texts gives an equal tokenizer.
        content_hash: SHA-256 (hex) of everything that decides encoding and decoding.
    """

    vocabulary_size: int
    end_token_ids: tuple[int, ...]
    markers: Mapping[str, tuple[int, ...]]
    spec: str | dict[str, Any]
    content_hash: str

    def encode(self, text: str) -> list[int]:
        """Returns the token ids of a text, without any markers."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of token ids, without markers and without end tokens at its end."""
        ...

    def token(self, index: int) -> str:
        """Returns a token as people should see it."""
        ...


def digest(content: Any) -> str:
    """Returns the SHA-256 (hex) of JSON-able content."""
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
