"""The share of word n-grams that repeat."""

from __future__ import annotations

from llm_envs.rewards.ngram_share import NgramShare


class Repetition(NgramShare):
    """The share of word n-grams that occur earlier in the text, 0 to 1; 0 if there is none.

    A penalty: to be used with a negative weight.

    Args:
        n: Words in an n-gram.
    """

    def of_share(self, distinct: float | None) -> float:
        """Returns the score."""
        return 0.0 if distinct is None else 1.0 - distinct
