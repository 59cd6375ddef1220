"""How much a text repeats itself."""

from __future__ import annotations

from llm_envs.episode import Episode
from llm_envs.rewards.words import words_of


def distinct(episode: Episode, *, n: int = 2) -> float:
    """Distinct n-grams of words divided by all n-grams, 0 to 1 (Li et al. 2016); 0 if there is none.

    Args:
        episode: What was written.
        n: Words in an n-gram.
    """
    all_ngrams, different = _count(episode.text, n)
    return different / all_ngrams if all_ngrams else 0.0


def repetition(episode: Episode, *, n: int = 2) -> float:
    """The share of word n-grams that stood in the text before, 0 to 1; 0 if there is none.

    A penalty: to be used with a negative weight.

    Args:
        episode: What was written.
        n: Words in an n-gram.
    """
    all_ngrams, different = _count(episode.text, n)
    return 1.0 - different / all_ngrams if all_ngrams else 0.0


def _count(text: str, n: int) -> tuple[int, int]:
    if not isinstance(n, int) or n < 1:
        raise ValueError(f"n is a whole number from 1, got {n!r}")
    words = words_of(text)
    ngrams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    return len(ngrams), len(set(ngrams))
