"""Text streams: the text of growing token ids, decoded token by token.

Decoding only appends, but for the end of a text: bytes of an unfinished character show as U+FFFD until the
next token. So a stream tells text that stays from text that the next token may change.
"""

from __future__ import annotations

from codecs import utf_8_decode
from collections.abc import Sequence
from typing import Protocol

from llm_envs.tokenizers.tokenizer import Tokenizer


class TextStream(Protocol):
    """The text of token ids that are read one by one: `decode(ids)` is all settled text, then `pending`.

    Attributes:
        pending: The end of the text, which the next token may change.
    """

    pending: str

    def push(self, token: int) -> str | None:
        """Reads a token.

        Returns:
            The text that it settles, which follows the text settled before. None if a token changed text that
            was settled. The stream then begins anew: nothing is settled, and `pending` is the whole text.
        """
        ...


class PieceStream:
    """A stream of whole pieces with implied spaces.

    Args:
        pieces: For every token its text (None for a marker), and whether it binds to its left and right.
    """

    __slots__ = ("_tight", "pending", "pieces")

    def __init__(self, pieces: Sequence[tuple[str | None, bool, bool]]) -> None:
        self.pieces, self._tight, self.pending = pieces, True, ""

    def push(self, token: int) -> str:
        """Reads a token. Returns its text, with a space before it where one is implied."""
        piece, binds_left, binds_right = self.pieces[token]
        if piece is None:
            return ""
        spaced = not (self._tight or binds_left)
        self._tight = binds_right
        return " " + piece if spaced else piece


class ByteStream:
    """A stream of UTF-8 bytes. Those of an unfinished character are pending.

    Args:
        pieces: The bytes of every token, none for a marker.
    """

    __slots__ = ("_bytes", "pending", "pieces")

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.pieces, self._bytes, self.pending = pieces, b"", ""

    def push(self, token: int) -> str:
        """Reads a token. Returns the characters that it completes."""
        piece = self.pieces[token]
        if self._bytes:
            piece = self._bytes + piece
        elif piece.isascii():
            return piece.decode("ascii")
        text, read = utf_8_decode(piece, "replace", False)
        self._bytes = rest = piece[read:]
        self.pending = rest.decode(errors="replace") if rest else ""
        return text


class DecodedStream:
    """A stream of any tokenizer. It decodes all tokens again at each one, and settles text one token late."""

    __slots__ = ("_ids", "_settled", "_tokenizer", "pending")

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer, self._ids = tokenizer, list[int]()
        self._settled = self.pending = ""

    def push(self, token: int) -> str | None:
        """Reads a token. Returns the text before it if it is unchanged; None if settled text changed."""
        self._ids.append(token)
        text = self._tokenizer.decode(self._ids)
        before = self._settled + self.pending
        if text.startswith(before):
            added, self._settled = self.pending, before
        elif text.startswith(self._settled):
            added = ""
        else:
            self._settled, self.pending = "", text
            return None
        self.pending = text[len(self._settled) :]
        return added


def text_stream(tokenizer: Tokenizer) -> TextStream:
    """Returns a stream of a tokenizer: its own (`tokenizer.stream()`) if it has one."""
    make = getattr(tokenizer, "stream", None)
    stream: TextStream = DecodedStream(tokenizer) if make is None else make()
    return stream
