"""ROUGE-1, ROUGE-2 and ROUGE-L."""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Sequence

from llm_envs.episode import Episode, Example
from llm_envs.rewards.context import RewardContext
from llm_envs.rewards.increments.growing_tokens import GrowingTokens, growing_words
from llm_envs.rewards.increments.rouge import (
    NgramOverlap,
    Overlap,
    RougeIncrement,
    SubsequenceOverlap,
    cut_ascii,
)
from llm_envs.rewards.sequences import common_subsequence
from llm_envs.tokenizers.words import ngrams_of, words_of

_CACHED_REFERENCES = 2048
_ASCII_WORD = re.compile(r"[a-z0-9]+")


class Rouge:
    """Overlap of n-grams, or the longest common subsequence, with the best reference, 0 to 1 (Lin 2004).

    Equal to Google's `rouge-score` without stemmer if tokens="ascii". A text without a word scores 0. It
    costs some 20 microseconds a text.

    Args:
        variant: "1" or "2" for n-grams of words; "l" for the longest common subsequence of the whole text.
        measure: "f", "precision" or "recall". The reference with the best `measure` counts.
        tokens: "ascii" (runs of a-z and 0-9, as in `rouge-score`), or "words" (those of every script). The
            default is "ascii" for English and unknown languages, else "words".
        context: Gives the language.

    Raises:
        ValueError: An option is unknown, or the example has no reference.
    """

    needs_references = True

    def __init__(
        self,
        *,
        variant: str = "l",
        measure: str = "f",
        tokens: str | None = None,
        context: RewardContext | None = None,
    ) -> None:
        if variant not in ("1", "2", "l"):
            raise ValueError(f"unknown variant={variant!r}; '1', '2' or 'l'")
        if measure not in ("f", "precision", "recall"):
            raise ValueError(f"unknown measure={measure!r}; 'f', 'precision' or 'recall'")
        if tokens is None:
            english = context is None or context.language in (None, "en", "code")
            tokens = "ascii" if english else "words"
        if tokens not in ("ascii", "words"):
            raise ValueError(f"unknown tokens={tokens!r}; 'ascii' or 'words'")
        self._variant, self._measure, self._ascii = variant, measure, tokens == "ascii"
        self._known: OrderedDict[str, list[str]] = OrderedDict()
        self.signature = f"rouge|variant:{variant}|measure:{measure}|tokens:{tokens}|v1"

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_known": OrderedDict()}

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        if not episode.references:
            raise ValueError("rouge needs references, and this example has none")
        text = self._units(self._words(episode.text))
        return max(self._score(text, self._reference(reference)) for reference in episode.references)

    def increment(self, example: Example) -> RougeIncrement | None:
        """Returns ROUGE of the growing prefixes of one text."""
        if not example.references:
            return None
        words = map(self._words, example.references)
        overlaps: list[Overlap]
        if self._variant == "l":
            overlaps = [SubsequenceOverlap(reference) for reference in words]
        else:
            overlaps = [NgramOverlap(reference, int(self._variant)) for reference in words]
        reader = GrowingTokens(self._words, cut_ascii) if self._ascii else growing_words()
        return RougeIncrement(reader, overlaps, self._of_counts)

    def _words(self, text: str) -> list[str]:
        return _ASCII_WORD.findall(text.lower()) if self._ascii else words_of(text)

    def _units(self, words: list[str]) -> list[str]:
        return words if self._variant == "l" else ngrams_of(words, int(self._variant))

    def _reference(self, reference: str) -> list[str]:
        units = self._known.get(reference)
        if units is None:
            units = self._known[reference] = self._units(self._words(reference))
            if len(self._known) > _CACHED_REFERENCES:
                self._known.popitem(last=False)
        return units

    def _score(self, text: Sequence[str], reference: Sequence[str]) -> float:
        if self._variant == "l":
            common = common_subsequence(reference, text)
        else:
            common = (Counter(text) & Counter(reference)).total()
        return self._of_counts(common, len(text), len(reference))

    def _of_counts(self, common: int, text: int, reference: int) -> float:
        if not common:
            return 0.0
        precision, recall = common / text, common / reference
        if self._measure == "f":
            return 2 * precision * recall / (precision + recall)
        return precision if self._measure == "precision" else recall
