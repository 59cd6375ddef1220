"""ROUGE of a growing text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from llm_envs.rewards.increments.bleu import GrowingMatches
from llm_envs.rewards.increments.bleu_words import Reader
from llm_envs.rewards.increments.growth import Growth
from llm_envs.rewards.ngram_table import NgramTable
from llm_envs.rewards.sequences import CommonSubsequence

_NO_ASCII_WORD = re.compile(r"[\0-/:-@\[-`{-\x7f]")


def cut_ascii(text: str, looked: int) -> int:
    """Cuts behind the last ASCII character that belongs to no word of a-z and 0-9."""
    at = 0
    for match in _NO_ASCII_WORD.finditer(text, looked):
        at = match.end()
    return at


class Overlap(Protocol):
    """What a growing text and one reference have in common."""

    def read(self, settled: Sequence[str], behind: Sequence[str]) -> tuple[int, int, int]:
        """Reads the next prefix. Returns the number of units in both, in the text and in the reference."""
        ...


class SubsequenceOverlap:
    """The longest common subsequence. A word costs one pass over the reference, as bits.

    Args:
        reference: The words of the reference.
    """

    def __init__(self, reference: Sequence[str]) -> None:
        self._common, self._reference, self._length = CommonSubsequence(reference), len(reference), 0

    def read(self, settled: Sequence[str], behind: Sequence[str]) -> tuple[int, int, int]:
        """Reads the next prefix."""
        common = self._common
        common.extend(settled)
        self._length += len(settled)
        row = common.row
        common.extend(behind)
        found = common.length
        common.row = row
        return found, self._length + len(behind), self._reference


class NgramOverlap:
    """The clipped matches of n-grams.

    Args:
        reference: The words of the reference.
        n: Words in an n-gram.
    """

    def __init__(self, reference: Sequence[str], n: int) -> None:
        self._matches, self._n = GrowingMatches(NgramTable([reference], n)), n

    def read(self, settled: Sequence[str], behind: Sequence[str]) -> tuple[int, int, int]:
        """Reads the next prefix."""
        self._matches.read(settled, behind)
        matches, shorter = self._matches.matches, self._n - 1
        total = matches.table.lengths[0]
        return matches.correct[self._n], max(0, matches.length - shorter), max(0, total - shorter)


class RougeIncrement:
    """ROUGE of the growing prefixes of one text.

    Args:
        reader: Finds the text's words.
        overlaps: One for each reference.
        score: The numbers of units in both, in the text and in the reference -> the score.
    """

    def __init__(
        self, reader: Reader, overlaps: Sequence[Overlap], score: Callable[[int, int, int], float]
    ) -> None:
        self._reader, self._overlaps, self._score = reader, overlaps, score

    def __call__(self, growth: Growth) -> float:
        """Returns the score of the next prefix."""
        settled, behind = self._reader.read(growth)
        return max(self._score(*overlap.read(settled, behind)) for overlap in self._overlaps)
