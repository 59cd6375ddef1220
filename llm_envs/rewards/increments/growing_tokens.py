"""GrowingTokens: the tokens of a growing text, each found once.

A function from text to tokens can follow a growing text if there are places at which the text may be cut:
the tokens of both sides, one after the other, are then those of the whole. What stands before the last such
place is settled. Behind it stands the unfinished word, whose tokens are found again at each step.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from llm_envs.rewards.increments.growth import Growth
from llm_envs.tokenizers.words import has_unspaced, scripts, tokens_within, words_of

Split = Callable[[str], Sequence[str]]
"""text -> its tokens."""

Cut = Callable[[str, int], int]
"""(text, looked) -> the last place at which it may be cut. The first `looked` characters hold none but 0."""

_SIGMA = "\u03a3"  # its lower case depends on what follows
# An ASCII sign that is no part of a word; or the second of two that join words.
_SIGN = re.compile(r"[!-&(-,./:-@\[-^`{-~]|(?<=['-])['-]")


class GrowingTokens:
    """The tokens of one growing text.

    Args:
        tokens: Splits a piece of a text.
        cut: Finds where a text may be cut.
        last: Splits the last piece of a text, if that is done in another way.
    """

    __slots__ = ("_cut", "_last", "_looked", "_tail", "_tokens")

    def __init__(self, tokens: Split, cut: Cut, last: Split | None = None) -> None:
        self._tokens, self._cut, self._last = tokens, cut, last or tokens
        self._tail, self._looked = "", 0

    def read(self, growth: Growth) -> tuple[Sequence[str], Sequence[str]]:
        """Reads the next prefix.

        Returns:
            The tokens that are settled by it, and all tokens behind them, which may still change.
        """
        settled: Sequence[str] = ()
        tail = self._tail
        if growth.added:
            tail += growth.added
            at = self._cut(tail, self._looked)
            if at:
                settled, tail = self._tokens(tail[:at]), tail[at:]
            self._tail, self._looked = tail, len(tail)
        if growth.pending:
            tail += growth.pending
        return settled, self._last(tail) if tail else ()


def cut_at_space(text: str, looked: int) -> int:
    """Cuts behind the last white space."""
    words = text.rsplit(None, 1)
    if not words or text[-1].isspace():
        return len(text)
    return len(text) - len(words[-1])


def cut_anywhere(text: str, looked: int) -> int:
    """Cuts at the end."""
    return len(text)


def unless_sigma(cut: Cut, at_space: Cut = cut_at_space) -> Cut:
    """Returns a cut for a text that is then put in lower case, where a Greek letter may look ahead.

    Args:
        cut: The cut of other texts.
        at_space: The cut of texts with that letter, behind white space.
    """

    def lowered(text: str, looked: int) -> int:
        return at_space(text, looked) if _SIGMA in text else cut(text, looked)

    return lowered


def cut_words(text: str, looked: int) -> int:
    """Cuts between words, before a sign, or before a character of a script without spaces."""
    at = cut_at_space(text, looked)
    if at == len(text) or _SIGMA in text:
        return at
    for match in _SIGN.finditer(text, max(at, looked)):
        at = match.start()
    if not text.isascii() and has_unspaced(text):
        for match in scripts().unspaced.finditer(text, at):
            at = match.start()
    return at


def growing_words() -> GrowingTokens:
    """Returns a reader of what `words_of` finds."""
    return GrowingTokens(words_of, cut_words)


def growing_tokens() -> GrowingTokens:
    """Returns a reader of what `tokens_of` finds, and of line breaks at both ends of the text."""
    return GrowingTokens(tokens_within, cut_words)
