"""Counts of words in a growing text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from llm_envs.rewards.increments.growing_tokens import cut_at_space
from llm_envs.rewards.increments.growth import Growth
from llm_envs.tokenizers.words import count_words, has_unspaced, scripts


class GrowingTokenCount:
    """The number of the agent's tokens."""

    def read(self, growth: Growth) -> int:
        """Reads the next prefix. Returns the number of its tokens."""
        return growth.tokens


class GrowingCount:
    """The number of words of one growing text, as `count_words` counts them."""

    __slots__ = ("_count", "_in_unspaced", "_tail")

    def __init__(self) -> None:
        self._count, self._tail = 0, ""
        self._in_unspaced = False  # the tail continues a word in a script without spaces

    def read(self, growth: Growth) -> int:
        """Reads the next prefix. Returns the number of its words."""
        if growth.added:
            text = self._tail + growth.added
            at = cut_at_space(text, 0)
            if at:
                self._count += self._words(text[:at])
                self._in_unspaced = False
                text = text[at:]
            if not text.isascii() and has_unspaced(text):
                starts = [match.start() for match in scripts().unspaced.finditer(text)]
                if starts and starts[-1] and (self._in_unspaced or has_unspaced(text[: starts[-1]])):
                    self._count += _characters(text[: starts[-1]])
                    self._in_unspaced, text = True, text[starts[-1] :]
            self._tail = text
        return self._count + self._words(self._tail + growth.pending)

    def _words(self, text: str) -> int:
        if not self._in_unspaced:
            return count_words(text)
        first = text.split(None, 1)
        if not first:
            return 0
        return _characters(first[0]) + (count_words(first[1]) if len(first) > 1 else 0)


class GrowingLength:
    """The number of characters of one growing text."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        self._count = 0

    def read(self, growth: Growth) -> int:
        """Reads the next prefix. Returns its length."""
        self._count += len(growth.added)
        return self._count + len(growth.pending)


class Reader(Protocol):
    """Reads the length of a growing text."""

    def read(self, growth: Growth) -> int:
        """Returns the length of the next prefix."""
        ...


class LengthIncrement:
    """A reward of the length of the growing prefixes of one text.

    Args:
        unit: "tokens", "words" or "characters".
        score: length -> the reward.
    """

    __slots__ = ("_reader", "_score")

    def __init__(self, unit: str, score: Callable[[int], float]) -> None:
        self._reader: Reader = _READERS[unit]()
        self._score = score

    def __call__(self, growth: Growth) -> float:
        """Returns the score of the next prefix."""
        return self._score(self._reader.read(growth))


_READERS: dict[str, Callable[[], Reader]] = {
    "tokens": GrowingTokenCount,
    "words": GrowingCount,
    "characters": GrowingLength,
}


def _characters(word: str) -> int:
    """Returns the number of words in a piece of a word that has characters of a script without spaces."""
    letters = scripts().unspaced.sub(" ", word)
    return len(scripts().unspaced.findall(word)) + len(scripts().lettered.findall(letters))
