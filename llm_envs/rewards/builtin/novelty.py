"""Whether a text is the agent's own or copied from the train split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from llm_envs.episode import Episode
from llm_envs.rewards.context import RewardContext
from llm_envs.rewards.fitting import fit_once, text_hash
from llm_envs.rewards.signatures import number_text
from llm_envs.tokenizers.words import lines_of, ngrams_of, words_of


class _Known(NamedTuple):
    ngrams: frozenset[str]
    lines: frozenset[str]


class Novelty:
    """1 - min(1, c / limit), where c is the share of the text's word n-grams that train texts contain.

    Words are compared without case, punctuation and line breaks. A verbatim train text scores 0. So does a
    text of which `limit` or more is copied. A text shorter than n words scores 1 unless it is a whole line or
    a whole text of the train split. The empty text scores 0.

    Args:
        n: Words in an n-gram.
        limit: The copied share that scores 0; 1 makes it 1 minus the share.
        context: Gives the train texts.
    """

    def __init__(self, *, n: int = 4, limit: float = 0.5, context: RewardContext) -> None:
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            raise ValueError(f"n is a whole number from 1, got {n!r}")
        if not 0.0 < limit <= 1.0:
            raise ValueError(f"limit is a share above 0 and at most 1, got {limit!r}")
        texts = list(dict.fromkeys(context.require_train_texts()))
        digest = text_hash(texts)
        self._known = fit_once(("novelty", n, digest), lambda: _fit(texts, n))
        self._n, self._limit = n, limit
        self.signature = f"novelty|n:{n}|limit:{number_text(limit)}|train:{digest}|v1"

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        words = words_of(episode.text)
        if not words:
            return 0.0
        ngrams = ngrams_of(words, self._n)
        if not ngrams:
            return 0.0 if " ".join(words) in self._known.lines else 1.0
        copied = sum(ngram in self._known.ngrams for ngram in ngrams) / len(ngrams)
        return max(0.0, 1.0 - copied / self._limit)


def _fit(texts: Sequence[str], n: int) -> _Known:
    ngrams: set[str] = set()
    lines: set[str] = set()
    for text in texts:
        words = words_of(text)
        ngrams.update(ngrams_of(words, n))
        pieces = [words, *map(words_of, lines_of(text))]
        lines.update(" ".join(piece) for piece in pieces if len(piece) < n)
    return _Known(frozenset(ngrams), frozenset(lines))
