"""How much of a text is copied from its source."""

from __future__ import annotations

from llm_envs.episode import Episode
from llm_envs.tokenizers.words import ngrams_of, words_of


class CopyPenalty:
    """The share of the text's words that lie in a word n-gram of the source, 0 to 1; 0 for the empty text.

    A penalty: to be used with a negative weight. With n=1 it is the coverage of Grusky et al. 2018, up to the
    order of words. `novelty` compares with the train split instead. It costs some 20 microseconds a text.

    Args:
        n: Words in an n-gram. Shorter common passages are not copies.
        of: "source"; or "references", where copying the closest reference counts.

    Raises:
        ValueError: n is no whole number from 1, or `of` is unknown.
    """

    def __init__(self, *, n: int = 3, of: str = "source") -> None:
        if n < 1:
            raise ValueError(f"n is a whole number from 1, got {n!r}")
        if of not in ("source", "references"):
            raise ValueError(f"unknown of={of!r}; 'source' or 'references'")
        self.needs_references = of == "references"
        self._n = n

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        words = words_of(episode.text)
        if not words:
            return 0.0
        originals = episode.references if self.needs_references else (episode.source,)
        return max((self._copied(words, original) for original in originals), default=0.0)

    def _copied(self, words: list[str], original: str) -> float:
        known = set(ngrams_of(words_of(original), self._n))
        copied: set[int] = set()
        for start, ngram in enumerate(ngrams_of(words, self._n)):
            if ngram in known:
                copied.update(range(start, start + self._n))
        return len(copied) / len(words)
