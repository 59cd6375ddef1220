"""Plain tokens: those that BLEU reads alike in every text, whatever stands before and behind them."""

from __future__ import annotations

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


class PlainTokens(NamedTuple):
    """What the tokens of a vocabulary are to BLEU with tokenize="13a".

    The arrays have an entry more than the vocabulary: a token that leaves every text as it is.

    Attributes:
        words: The words that a token adds: 0, 1, or JOINS; int64.
        classes: UNKNOWN for a token that is a word, NOTHING for others; int64.
        tokens_of: word -> its tokens.
        pieces: For every token its text (None for a marker), and whether it binds to its left and right.
        ends: The end tokens, which are no part of a text.
    """

    words: np.ndarray
    classes: np.ndarray
    tokens_of: dict[str, list[int]]
    pieces: list[tuple[str | None, bool, bool]]
    ends: frozenset[int]

    def is_symbol(self, token: int) -> bool:
        """Returns True for a symbol that is parted from whatever follows."""
        return self.pieces[token][0] in _SYMBOLS


def plain_tokens(tokenizer: Tokenizer) -> PlainTokens | None:
    """Returns what is known of a vocabulary; None for tokens that are not whole pieces of text."""
    stream = text_stream(tokenizer)
    if not isinstance(stream, PieceStream):
        return None
    pieces, ends = [*stream.pieces, (None, False, False)], frozenset(tokenizer.end_token_ids)
    words = np.zeros(len(pieces), np.int64)
    tokens_of: dict[str, list[int]] = {}
    for token, (piece, binds_left, binds_right) in enumerate(pieces):
        if token in ends or piece is None:
            continue
        words[token] = _words(piece, binds_left, binds_right)
        if words[token] == 1:
            tokens_of.setdefault(piece, []).append(token)
    classes = np.where(words == 1, UNKNOWN, NOTHING).astype(np.int64)
    return PlainTokens(words, classes, tokens_of, pieces, ends)


def _words(piece: str, binds_left: bool, binds_right: bool) -> int:
    if piece in _SYMBOLS or (piece in _POINTS and not binds_right):
        return 1
    if not piece:
        return JOINS if binds_left or binds_right else 0
    if piece.isspace():
        return 0
    alone = not (binds_left or binds_right or piece.endswith("-") or "&" in piece or "<" in piece)
    return 1 if alone and tokens_within(piece) == [piece] else JOINS
