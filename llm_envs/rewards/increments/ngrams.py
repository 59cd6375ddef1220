"""Distinct word n-grams of a growing text."""

from __future__ import annotations

from collections.abc import Callable

from llm_envs.rewards.increments.growing_tokens import growing_words
from llm_envs.rewards.increments.growth import Growth
from llm_envs.tokenizers.words import ngrams_of


class GrowingNgrams:
    """The word n-grams of one growing text.

    Args:
        n: Words in an n-gram.

    Attributes:
        last: The last n - 1 settled words.
    """

    __slots__ = ("_n", "_words", "last")

    def __init__(self, n: int) -> None:
        self._n, self._words = n, growing_words()
        self.last: list[str] = []

    def read(self, growth: Growth) -> tuple[list[str], list[str]]:
        """Reads the next prefix.

        Returns:
            The n-grams that are settled by it, and all behind them.
        """
        settled, behind = self._words.read(growth)
        new: list[str] = []
        if settled:
            words = [*self.last, *settled]
            new = ngrams_of(words, self._n)
            self.last = words[max(0, len(words) - self._n + 1) :]
        return new, ngrams_of([*self.last, *behind], self._n)


class DistinctIncrement:
    """A reward of the share of distinct word n-grams in the growing prefixes of one text.

    Args:
        n: Words in an n-gram.
        score: The share, None for a text without n-grams -> the reward.
    """

    __slots__ = ("_all", "_ngrams", "_score", "_seen")

    def __init__(self, n: int, score: Callable[[float | None], float]) -> None:
        self._ngrams, self._score = GrowingNgrams(n), score
        self._all, self._seen = 0, set[str]()

    def __call__(self, growth: Growth) -> float:
        """Returns the score of the next prefix."""
        new, behind = self._ngrams.read(growth)
        self._all += len(new)
        self._seen.update(new)
        count = self._all + len(behind)
        distinct = len(self._seen) + len(set(behind) - self._seen)
        return self._score(distinct / count if count else None)
