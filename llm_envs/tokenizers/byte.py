"""Bytes as tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llm_envs.tokenizers.streams import ByteStream, TextStream
from llm_envs.tokenizers.tokenizer import END, ROLES, SEPARATOR, digest

_MARKERS = 2 + len(ROLES)
_PIECES = [*(bytes([i]) for i in range(256)), *[b""] * _MARKERS]


class ByteTokenizer:
    """UTF-8 bytes as tokens 0..255, then the markers. It needs no training and knows every text."""

    spec: str | dict[str, Any] = "byte"

    def __init__(self) -> None:
        names = [END, SEPARATOR, *(f"<{role}>" for role in ROLES)]
        self._names = names
        self.vocabulary_size = 256 + len(names)
        self.end_token_ids: tuple[int, ...] = (256,)
        self.markers: Mapping[str, tuple[int, ...]] = {
            "start": (),
            "separator": (257,),
            **{role: (258 + i,) for i, role in enumerate(ROLES)},
        }
        self.content_hash = digest(["byte", 1, names])

    def encode(self, text: str) -> list[int]:
        """Returns the UTF-8 bytes of the text."""
        return list(text.encode())

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of the bytes. Bytes that are not UTF-8 become U+FFFD."""
        return bytes(i for i in ids if i < 256).decode(errors="replace")

    def stream(self) -> TextStream:
        """Returns a stream that decodes token by token."""
        return ByteStream(_PIECES)

    def token(self, index: int) -> str:
        """Returns a token as people should see it."""
        return self._names[index - 256] if index >= 256 else repr(bytes([index]))[2:-1]
