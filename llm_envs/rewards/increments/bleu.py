"""BLEU of a growing text: each n-gram is matched once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llm_envs.rewards.increments.bleu_words import Reader
from llm_envs.rewards.increments.growth import Growth
from llm_envs.rewards.ngram_table import Matches, NgramTable


class GrowingMatches:
    """Clipped n-gram matches of a growing text, the tokens of its unfinished word included.

    Args:
        table: The n-grams of the references.
    """

    __slots__ = ("_behind", "_read", "matches")

    def __init__(self, table: NgramTable) -> None:
        self.matches = Matches(table)
        self._behind: Sequence[str] = ()
        self._read = self.matches.extend(())

    def read(self, settled: Sequence[str], behind: Sequence[str]) -> bool:
        """Reads the next prefix.

        Args:
            settled: Tokens that now stay.
            behind: All tokens behind them.

        Returns:
            True if the counts may have changed.
        """
        if not settled and behind == self._behind:
            return False
        matches = self.matches
        matches.take_back(self._read)
        if settled:
            matches.extend(settled)
        self._read, self._behind = matches.extend(behind), behind
        return True


class BleuIncrement:
    """BLEU of the growing prefixes of one text.

    Args:
        table: The n-grams of the references.
        reader: Finds the text's tokens.
        score: BLEU of clipped counts.
    """

    __slots__ = ("_matches", "_reader", "_score", "_value")

    def __init__(self, table: NgramTable, reader: Reader, score: Callable[[Matches], float]) -> None:
        self._matches, self._reader, self._score = GrowingMatches(table), reader, score
        self._value = 0.0

    def __call__(self, growth: Growth) -> float:
        """Returns the score of the next prefix."""
        if self._matches.read(*self._reader.read(growth)):
            self._value = self._score(self._matches.matches)
        return self._value
