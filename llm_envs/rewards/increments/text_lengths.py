"""TextLengths: the lengths of many growing texts, and what they make of BLEU."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np

from llm_envs.rewards.increments.smoothed_counts import SmoothedCounts
from llm_envs.rewards.ngram_table import NgramTable

_FIRST_LENGTHS = 128
_EARLY = 4


class Counts(Protocol):
    """BLEU of clipped counts."""

    max_order: int

    @property
    def table(self) -> Callable[[tuple[str, ...]], NgramTable]:
        """Gives the n-grams of some references."""
        ...

    def of_many_counts(self, keys: Iterable[tuple[int, ...]]) -> list[float]:
        """Returns the scores of keys: a length, that of the closest reference, matches by order."""
        ...

    def factor(self, length: int, reference_length: int) -> float:
        """Returns what of a score depends on lengths alone."""
        ...


class TextLengths:
    """The lengths of texts in words, as places in a table of factors by set of references and length.

    Args:
        score: BLEU of clipped counts.
        number: The number of texts.
        empty: The n-grams of set 0, in which all texts are at first.

    Attributes:
        at: text -> its place, int64. What is added to it is added to the length.
    """

    def __init__(self, score: Counts, number: int, empty: NgramTable) -> None:
        self._score = score
        self.at, self._first = np.zeros(number, np.int64), np.zeros(number, np.int64)
        self._factors = np.zeros((0, _FIRST_LENGTHS))
        self._rows: dict[tuple[int, ...], int] = {}  # lengths of references -> the row of `_factors`
        self._row_of = np.zeros(1, np.int64)  # set -> its row
        self._room = _FIRST_LENGTHS - 1  # words before some text may be too long for `_factors`
        self._any_early = False
        self._early = np.zeros((0, *[_EARLY] * 4))
        self.add(0, empty)

    def add(self, number: int, table: NgramTable) -> None:
        """Adds a set of references."""
        lengths = tuple(table.lengths)
        row = self._rows.get(lengths)
        if row is None:
            row = self._rows[lengths] = len(self._factors)
            self._factors = np.vstack([self._factors, self._factors_of(table)])
            self._flat = self._factors.reshape(-1)
            self._early = np.concatenate([self._early, self._early_of(table)[None]])
        if number >= len(self._row_of):
            self._row_of = np.concatenate([self._row_of, np.zeros_like(self._row_of)])
        self._row_of[number] = row

    def begin(self, rows: np.ndarray, sets: np.ndarray) -> None:
        """Sets the lengths of some texts to 0."""
        self._first[rows] = self.at[rows] = self._row_of[sets] * self._factors.shape[1]
        self._any_early = True

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Returns the lengths of some texts."""
        lengths: np.ndarray = self.at[rows] - self._first[rows]
        return lengths

    def grown(self, most: int, sets: np.ndarray, tables: Sequence[NgramTable]) -> None:
        """Is told after each step how much a text may have grown, and makes room for longer texts.

        Args:
            most: Words.
            sets: The set of each text.
            tables: The n-grams of each set.
        """
        self._room -= most
        if self._room > 0:
            return
        size, lengths = self._factors.shape[1], self.at - self._first
        self._room = size - 1 - int(lengths.max())
        if self._room > size // 4:
            return
        self._rows.clear()
        self._factors, self._early = np.zeros((0, 2 * size)), self._early[:0]
        for number, table in enumerate(tables):
            self.add(number, table)
        self._first = self._row_of[sets] * self._factors.shape[1]
        self.at = lengths + self._first
        self._room += size

    def scores(self, counts: SmoothedCounts) -> np.ndarray:
        """Returns the scores of all texts, given their matches."""
        scores: np.ndarray = self._flat.take(self.at)
        scores *= counts.products()
        np.sqrt(np.sqrt(scores, out=scores), out=scores)
        if self._any_early:
            self._score_early(scores, counts)
        return scores

    def _score_early(self, scores: np.ndarray, counts: SmoothedCounts) -> None:
        """Writes the scores of texts of less than four words."""
        lengths = self.at - self._first
        (rows,) = (lengths < _EARLY).nonzero()
        self._any_early = len(rows) > 0
        if self._any_early:
            correct = counts.counts(rows).T
            of = self._first[rows] // self._factors.shape[1]
            scores[rows] = self._early[of, lengths[rows], correct[0], correct[1], correct[2]]

    def _factors_of(self, table: NgramTable) -> list[float]:
        size = self._factors.shape[1]
        if not table.lengths:
            return [0.0] * size
        lengths = range(_EARLY, size)
        return [0.0] * _EARLY + [self._score.factor(n, table.closest_length(n)) for n in lengths]

    def _early_of(self, table: NgramTable) -> np.ndarray:
        """Returns the scores of texts of less than four words, by length and counts."""
        scores = np.zeros((_EARLY, _EARLY, _EARLY, _EARLY))
        for length in range(1, _EARLY) if table.lengths else ():
            for counts in np.ndindex(length + 1, length, max(1, length - 1)):
                key = (length, table.closest_length(length), *counts, 0)
                (scores[(length, *counts)],) = self._score.of_many_counts([key])
        return scores
