"""chrF of a growing text: each n-gram is matched once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llm_envs.rewards.increments.bleu import GrowingMatches
from llm_envs.rewards.increments.bleu_words import Reader
from llm_envs.rewards.increments.growth import Growth
from llm_envs.rewards.ngram_table import NgramTable

Kind = tuple[Reader, Sequence[NgramTable]]
"""A reader of characters or words, and a table of their n-grams for each reference."""

Score = Callable[[Sequence[tuple[int, int, int]]], float]
"""(n-grams of the text, of the reference, of both) of each order -> the score."""


class ChrfIncrement:
    """chrF of the growing prefixes of one text.

    Args:
        kinds: For characters, and for words where they count.
        score: chrF of the counts of all orders.
    """

    def __init__(self, kinds: Sequence[Kind], score: Score) -> None:
        self._kinds = [(reader, [GrowingMatches(table) for table in tables]) for reader, tables in kinds]
        self._score = score
        self._value = 0.0

    def __call__(self, growth: Growth) -> float:
        """Returns the score of the next prefix."""
        changed = False
        for reader, references in self._kinds:
            settled, behind = reader.read(growth)
            for matches in references:
                changed = matches.read(settled, behind) or changed
        if changed:
            self._value = max(map(self._of_reference, range(len(self._kinds[0][1]))))
        return self._value

    def _of_reference(self, index: int) -> float:
        counts: list[tuple[int, int, int]] = []
        for _, references in self._kinds:
            matches = references[index].matches
            length, total, correct = matches.length, matches.table.lengths[0], matches.correct
            counts += [
                (max(0, length - n), max(0, total - n), correct[n + 1]) for n in range(len(correct) - 1)
            ]
        return self._score(counts)
