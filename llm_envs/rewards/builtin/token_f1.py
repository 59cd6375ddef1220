"""The overlap of a reply's words with a reference, as dialogue and question answering count it."""

from __future__ import annotations

from collections import Counter

from llm_envs.episode import Episode
from llm_envs.tokenizers.words import words_of

_ARTICLES = frozenset({"a", "an", "the"})


def token_f1(episode: Episode, *, articles: bool = False) -> float:
    """Returns the F1 of words with the best reference, 0 to 1 (Rajpurkar et al. 2016; Dinan et al. 2019).

    Words are compared without case and punctuation. Two texts without words are equal and score 1. It costs
    some 10 microseconds a text.

    Args:
        episode: The finished episode.
        articles: Count "a", "an" and "the".

    Raises:
        ValueError: The example has no reference.
    """
    if not episode.references:
        raise ValueError("token_f1 needs references, and this example has none")
    text = _words(episode.text, articles)
    return max(_f1(text, _words(reference, articles)) for reference in episode.references)


token_f1.needs_references = True  # type: ignore[attr-defined]


def _words(text: str, articles: bool) -> list[str]:
    return [word for word in words_of(text) if articles or word not in _ARTICLES]


def _f1(text: list[str], reference: list[str]) -> float:
    if not text and not reference:
        return 1.0
    common = (Counter(text) & Counter(reference)).total()
    return 2 * common / (len(text) + len(reference))
