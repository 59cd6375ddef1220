"""Texts as pieces, so that words can be edited and everything else stays as it is written.

A piece is a word, or a character of a script without spaces, with the white space before it. Upper case,
punctuation marks at words, indentation and line breaks survive an edit of other words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from llm_envs.tokenizers.words import is_unspaced

_SPACED = re.compile(r"(\s*)(\S+)")
_UNSPACED = re.compile(r"(\s*)(\S)")


class Piece(NamedTuple):
    """The white space before a word, and the word."""

    space: str
    word: str


def pieces_of(text: str) -> list[Piece]:
    """Returns the pieces of a text. White space at the end is lost."""
    pattern = _UNSPACED if is_unspaced(text) else _SPACED
    return [Piece(space, word) for space, word in pattern.findall(text)]


def text_of(pieces: Sequence[Piece]) -> str:
    """Returns the text of pieces, without white space before the first line."""
    text = "".join(piece.space + piece.word for piece in pieces)
    return text.lstrip(" ") if not text.startswith("\n") else text.lstrip()


def words_in(text: str) -> list[str]:
    """Returns the words of a text as they are written."""
    return [piece.word for piece in pieces_of(text)]


def written(words: Sequence[str], like: str) -> str:
    """Returns words as a text: with spaces, unless `like` is in a script without."""
    return ("" if is_unspaced(like) else " ").join(words)


def shuffled(text: str, rng: Random) -> str:
    """Returns a text with its words in another order, if there is one."""
    pieces = pieces_of(text)
    words = [piece.word for piece in pieces]
    for _ in range(4):
        order = rng.sample(words, len(words))
        if order != words:
            break
    return (
        text_of([Piece(piece.space, word) for piece, word in zip(pieces, order, strict=True)])
        if words
        else ""
    )


def truncated(text: str, share: float) -> str:
    """Returns the beginning of a text: a share of its words, one at least."""
    pieces = pieces_of(text)
    return text_of(pieces[: max(1, round(share * len(pieces)))])
