"""Counts of distinct word n-grams, for rewards about repetition."""

from __future__ import annotations

from abc import ABC, abstractmethod

from llm_envs.episode import Episode, Example
from llm_envs.rewards.increments.ngrams import DistinctIncrement
from llm_envs.tokenizers.words import ngrams_of, words_of


class NgramShare(ABC):
    """A reward that looks at the word n-grams of a text.

    Args:
        n: Words in an n-gram.

    Raises:
        ValueError: n is no whole number from 1.
    """

    def __init__(self, *, n: int = 2) -> None:
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            raise ValueError(f"n is a whole number from 1, got {n!r}")
        self._n = n

    @abstractmethod
    def of_share(self, distinct: float | None) -> float:
        """Returns the reward.

        Args:
            distinct: Distinct n-grams divided by all; None for a text without any.
        """

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        return self.of_share(self.distinct(episode))

    def increment(self, example: Example) -> DistinctIncrement:
        """Returns the scores of the growing prefixes of one text."""
        return DistinctIncrement(self._n, self.of_share)

    def distinct(self, episode: Episode) -> float | None:
        """Returns distinct n-grams divided by all, 0 to 1; None for a text without any."""
        ngrams = ngrams_of(words_of(episode.text), self._n)
        return len(set(ngrams)) / len(ngrams) if ngrams else None
