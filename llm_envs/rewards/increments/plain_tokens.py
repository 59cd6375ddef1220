"""Plain tokens: those that BLEU reads alike in every text, whatever stands before and behind them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from llm_envs.rewards.bleu_tokens import tokens_within
from llm_envs.rewards.increments.bleu_automata import NOTHING, UNKNOWN
from llm_envs.tokenizers import Tokenizer
from llm_envs.tokenizers.streams import PieceStream, text_stream

# 13a always parts these from their neighbours. "&", "<" and ">" may belong to something longer.
_SYMBOLS = frozenset('!"#$%()*+/:;=?@[\\]^_`{|}~')
_POINTS = frozenset(".,")  # it parts these from what follows, unless that is a digit
JOINS = 2
"""Stands in `words` for a token that changes the word before it or behind it."""

SKIPPED, SPACE, WORD, SYMBOL, POINT, LETTERS, OTHER = range(7)
"""Kinds of tokens. Letters follow without a space, and belong to the word before them if there is one."""

_WORDS = {SKIPPED: 0, SPACE: 0, WORD: 1, SYMBOL: 1, POINT: 1, LETTERS: JOINS, OTHER: JOINS}


class PlainTokens(NamedTuple):
    """What the tokens of a vocabulary are to BLEU with tokenize="13a".

    All have an entry more than the vocabulary: a token that leaves every text as it is.

    Attributes:
        kinds: Their kinds. Markers and end tokens are skipped.
        words: The words that a token adds: 0, 1, or JOINS; int64.
        classes: UNKNOWN for a token that is a word, NOTHING for others; uint16.
        tokens_of: word -> its tokens.
        letters: text -> its tokens of the kind LETTERS.
        pieces: For every token its text (None for a marker), and whether it binds to its left and right.
    """

    kinds: list[int]
    words: np.ndarray
    classes: np.ndarray
    tokens_of: dict[str, list[int]]
    letters: dict[str, list[int]]
    pieces: list[tuple[str | None, bool, bool]]

    def endings(self, words: Iterable[str]) -> frozenset[int]:
        """Returns the tokens of letters with which some words end."""
        sizes = {len(text) for text in self.letters}
        ends = {word[-size:] for word in words for size in sizes if len(word) >= size}
        return frozenset(token for end in ends for token in self.letters.get(end, ()))


def plain_tokens(tokenizer: Tokenizer) -> PlainTokens | None:
    """Returns what is known of a vocabulary; None for tokens that are not whole pieces of text."""
    stream = text_stream(tokenizer)
    if not isinstance(stream, PieceStream):
        return None
    pieces, ends = [*stream.pieces, (None, False, False)], frozenset(tokenizer.end_token_ids)
    kinds = [SKIPPED if token in ends else _kind(*piece) for token, piece in enumerate(pieces)]
    tokens_of: dict[str, list[int]] = {}
    letters: dict[str, list[int]] = {}
    for token, kind in enumerate(kinds):
        piece = pieces[token][0] or ""
        if kind in (WORD, SYMBOL, POINT):
            tokens_of.setdefault(piece, []).append(token)
        elif kind == LETTERS:
            letters.setdefault(piece, []).append(token)
    words = np.array([_WORDS[kind] for kind in kinds], np.int64)
    classes = np.where(words == 1, UNKNOWN, NOTHING).astype(np.uint16)
    return PlainTokens(kinds, words, classes, tokens_of, letters, pieces)


def _kind(piece: str | None, binds_left: bool, binds_right: bool) -> int:
    if piece is None:
        return SKIPPED
    if piece in _SYMBOLS:
        return SYMBOL
    if piece in _POINTS and not binds_right:
        return POINT
    if not piece:
        return OTHER if binds_left or binds_right else SPACE
    if piece.isspace():
        return SPACE
    if binds_left and not binds_right and piece.isalnum():
        return LETTERS
    alone = not (binds_left or binds_right or piece.endswith("-") or "&" in piece or "<" in piece)
    return WORD if alone and tokens_within(piece) == [piece] else OTHER
