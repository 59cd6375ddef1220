"""Counts of distinct word n-grams, for rewards about repetition."""

from __future__ import annotations

from llm_envs.episode import Episode
from llm_envs.tokenizers.words import ngrams_of, words_of


class NgramShare:
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

    def distinct(self, episode: Episode) -> float | None:
        """Returns distinct n-grams divided by all, 0 to 1; None for a text without any."""
        ngrams = ngrams_of(words_of(episode.text), self._n)
        return len(set(ngrams)) / len(ngrams) if ngrams else None
