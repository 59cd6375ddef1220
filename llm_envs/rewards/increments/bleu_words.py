"""The tokens of BLEU in a growing text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from llm_envs.rewards.bleu_tokens import chinese_pieces, chinese_tokens, tokenizer, tokens_within
from llm_envs.rewards.increments.growing_tokens import (
    GrowingTokens,
    cut_anywhere,
    cut_at_space,
    unless_sigma,
)
from llm_envs.rewards.increments.growth import Growth

_SKIPPED = "<skipped>"
# Symbols that 13a always parts from their neighbours; "<", ">" and ";" may belong to something longer.
_SYMBOL = re.compile(r"[!-&(-+/:=?@\[-`{-~]")


class Reader(Protocol):
    """Reads the tokens of a growing text."""

    def read(self, growth: Growth) -> tuple[Sequence[str], Sequence[str]]:
        """Returns the tokens that are settled by the next prefix, and all behind them."""
        ...


def growing_bleu_tokens(name: str, *, lowercase: bool) -> Reader:
    """Returns a reader of the tokens of a growing text.

    Args:
        name: A tokeniser of `bleu_tokens`.
        lowercase: Put the text in lower case first.
    """
    if name == "zh":
        return _GrowingChinese(lowercase=lowercase)
    piece, last = tokens_within if name == "13a" else tokenizer(name), tokenizer(name)
    cut = _CUTS[name]
    if not lowercase:
        return GrowingTokens(piece, cut, last)
    lowered = unless_sigma(cut, _cut_lines) if name == "13a" else unless_sigma(cut)
    return GrowingTokens(lambda text: piece(text.lower()), lowered, lambda text: last(text.lower()))


def _cut_lines(text: str, looked: int) -> int:
    """Cuts behind white space. Not where "-" and a line break are joined."""
    at = cut_at_space(text, looked)
    return _unjoined(text, at) if "-" in text else at


def cut_13a(text: str, looked: int) -> int:
    """Cuts behind white space, or before a symbol. Not where "-" and a line break are joined."""
    at = _cut_lines(text, looked)
    for match in _SYMBOL.finditer(text, max(at + 1, looked)):
        at = match.start()
    return at


def _unjoined(text: str, at: int) -> int:
    """Returns the last place up to `at`, behind white space, that is a border of words whatever follows.

    13a joins "-" and the line break after it, unless they end the text.
    """
    if at == len(text):
        if not text.rstrip().replace(_SKIPPED, "").endswith("-"):
            return at
        at = cut_at_space(text.rstrip(), 0)
    while at and not text[:at].replace(_SKIPPED, "").replace("-\n", "")[-1:].isspace():
        at = cut_at_space(text[:at].rstrip(), 0)
    return at


_CUTS = {"13a": cut_13a, "char": cut_anywhere, "none": cut_at_space}


class _GrowingChinese:
    """The tokens of zh: its first and its last piece are split in another way than those between."""

    __slots__ = ("_first", "_lowercase", "_tail")

    def __init__(self, *, lowercase: bool) -> None:
        self._lowercase = lowercase
        self._first, self._tail = True, ""

    def read(self, growth: Growth) -> tuple[Sequence[str], Sequence[str]]:
        settled: list[str] = []
        if growth.added:
            text = self._tail + growth.added
            cased = self._cased(text)
            pieces = chinese_pieces(cased)
            if len(pieces) > 1 and len(cased) == len(text) and not (self._lowercase and "\u03a3" in text):
                settled = chinese_tokens([p[0] for p in pieces[:-1]], first=self._first, last=False)
                self._first, text = False, text[pieces[-1].start() :]
            self._tail = text
        text = self._cased(self._tail + growth.pending)
        behind = [piece[0] for piece in chinese_pieces(text)]
        return settled, chinese_tokens(behind, first=self._first, last=True)

    def _cased(self, text: str) -> str:
        return text.lower() if self._lowercase else text
