"""Pieces: the text of every token of a vocabulary, and what it can do to the words before it."""

from __future__ import annotations

from codecs import utf_8_decode
from collections.abc import Sequence

from llm_envs.tokenizers import Tokenizer
from llm_envs.tokenizers.streams import ByteStream, PieceStream, text_stream

WORD, BREAK, MARK, OTHER, NOTHING = range(5)
"""What a token is, and what a text ends with: a word, white space or nothing, a mark, or else."""

# A text that ends with white space is usually followed without another space, one that ends with a word by a
# space. In these states it is the other way round.
SPACED_BREAK, TIGHT_WORD, TIGHT_OTHER = 5, 6, 7
TIGHT_OF = {BREAK: SPACED_BREAK, WORD: TIGHT_WORD, OTHER: TIGHT_OTHER}
_TIGHT = frozenset([BREAK, TIGHT_WORD, TIGHT_OTHER])

_WHOLE = frozenset([WORD, BREAK, MARK, SPACED_BREAK])
_MARKS = frozenset(".,!?:;)]}%")  # tokens of 13a of their own after a letter or digit at the end of a text


class Pieces:
    """The pieces of a tokenizer whose texts only grow.

    Attributes:
        kinds: What each token is.
        words: The text of each token, without the space before it.
        reads: reads[kind][state]: whether the words of a text in this state stay as they are.
    """

    def __init__(self, stream: PieceStream | ByteStream) -> None:
        self._bytes: Sequence[bytes] = ()
        self._pieces: Sequence[tuple[str | None, bool, bool]] = ()
        after_word = _WHOLE
        if isinstance(stream, ByteStream):
            self._bytes = stream.pieces
            made = [_of_bytes(piece) for piece in stream.pieces]
            after_word = _WHOLE | {TIGHT_WORD}  # its space is part of the token
        else:
            self._pieces = stream.pieces
            made = [_of_text(*piece) for piece in stream.pieces]
        self.kinds = [kind for kind, _ in made]
        self.words = [word for _, word in made]
        rows = {WORD: after_word, BREAK: _WHOLE | {TIGHT_WORD}, MARK: {WORD, TIGHT_WORD}}
        self.reads = [[state in rows.get(kind, ()) for state in range(8)] for kind in range(5)]

    def added(self, state: int, rest: bytes, token: int) -> tuple[str, bytes, bool]:
        """Returns what a token adds to a text.

        Args:
            state: The text's state.
            rest: Bytes of an unfinished character at its end.
            token: The token.

        Returns:
            The text, the bytes of an unfinished character, and whether the next piece follows without space.
        """
        if self._bytes:
            data = rest + self._bytes[token]
            text, read = utf_8_decode(data, "replace", False)
            return text, data[read:], True
        piece, binds_left, binds_right = self._pieces[token]
        assert piece is not None
        return (piece if state in _TIGHT or binds_left else " " + piece), b"", binds_right


def pieces_of(tokenizer: Tokenizer) -> Pieces | None:
    """Returns the pieces of a tokenizer, None if decoding does more than to put pieces together."""
    stream = text_stream(tokenizer)
    return Pieces(stream) if isinstance(stream, PieceStream | ByteStream) else None


def _of_text(piece: str | None, binds_left: bool, binds_right: bool) -> tuple[int, str]:
    if piece is None:
        return NOTHING, ""
    if piece == "\n" and binds_left and binds_right:
        return BREAK, piece
    if piece in _MARKS and binds_left and not binds_right:
        return MARK, piece
    return (WORD if piece.isalnum() and not (binds_left or binds_right) else OTHER), piece


def _of_bytes(piece: bytes) -> tuple[int, str]:
    try:
        text = piece.decode()
    except UnicodeDecodeError:
        return OTHER, ""
    if not text:
        return NOTHING, ""
    if text.isspace():
        return BREAK, text
    if text in _MARKS:
        return MARK, text
    return (WORD, text[1:]) if text[0] == " " and text[1:].isalnum() else (OTHER, text)
