"""How much a text repeats itself."""

from __future__ import annotations

from llm_envs.episode import Episode
from llm_envs.tokenizers.words import ngrams_of, words_of


class _NgramShare:
    def __init__(self, *, n: int = 2) -> None:
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            raise ValueError(f"n is a whole number from 1, got {n!r}")
        self._n = n

    def _distinct(self, episode: Episode) -> float | None:
        ngrams = ngrams_of(words_of(episode.text), self._n)
        return len(set(ngrams)) / len(ngrams) if ngrams else None


class Distinct(_NgramShare):
    """Distinct word n-grams divided by all, 0 to 1 (Li et al. 2016); 0 if there is none.

    Args:
        n: Words in an n-gram.
    """

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        return self._distinct(episode) or 0.0


class Repetition(_NgramShare):
    """The share of word n-grams that occur earlier in the text, 0 to 1; 0 if there is none.

    A penalty: to be used with a negative weight.

    Args:
        n: Words in an n-gram.
    """

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        distinct = self._distinct(episode)
        return 0.0 if distinct is None else 1.0 - distinct
