"""The share of word n-grams that are distinct."""

from __future__ import annotations

from llm_envs.rewards.ngram_share import NgramShare


class Distinct(NgramShare):
    """Distinct word n-grams divided by all, 0 to 1 (Li et al. 2016); 0 if there is none.

    Args:
        n: Words in an n-gram.
    """

    def of_share(self, distinct: float | None) -> float:
        """Returns the score."""
        return distinct or 0.0
