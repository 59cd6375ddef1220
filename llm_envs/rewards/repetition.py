"""How much a text repeats itself."""

from __future__ import annotations

from llm_envs.episode import Episode
from llm_envs.rewards.words import ngrams_of, words_of


def distinct(episode: Episode, *, n: int = 2) -> float:
    """Distinct word n-grams divided by all, 0 to 1 (Li et al. 2016); 0 if there is none.

    Args:
        episode: What was written.
        n: Words in an n-gram.
    """
    ngrams = _ngrams(episode.text, n)
    return len(set(ngrams)) / len(ngrams) if ngrams else 0.0


def repetition(episode: Episode, *, n: int = 2) -> float:
    """The share of word n-grams that stood in the text before, 0 to 1; 0 if there is none.

    A penalty: to be used with a negative weight.

    Args:
        episode: What was written.
        n: Words in an n-gram.
    """
    ngrams = _ngrams(episode.text, n)
    return 1.0 - len(set(ngrams)) / len(ngrams) if ngrams else 0.0


def _ngrams(text: str, n: int) -> list[str]:
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ValueError(f"n is a whole number from 1, got {n!r}")
    return ngrams_of(words_of(text), n)
