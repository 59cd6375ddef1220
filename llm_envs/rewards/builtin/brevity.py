"""The share of a token allowance that is left."""

from __future__ import annotations

from llm_envs.episode import Episode, Example
from llm_envs.rewards.increments.lengths import LengthIncrement


class Brevity:
    """The share of a token allowance that was not used: 1 - length / limit, and 0 beyond the limit.

    It is a factor for products: it weights a result by the length of the way to it (compare success weighted
    by path length, Anderson et al. 2018, arXiv:1807.06757). Alone it rewards silence. The agent's tokens
    count, end tokens included. The other side's tokens do not.

    Args:
        limit: The length that scores 0.
    """

    needs_text = False

    def __init__(self, *, limit: int = 100) -> None:
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            raise ValueError(f"limit is a whole number from 1, got {limit!r}")
        self._limit = limit

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        return self._score(len(episode.action_ids))

    def increment(self, example: Example) -> LengthIncrement:
        """Returns the scores of the growing prefixes of one text."""
        return LengthIncrement("tokens", self._score)

    def _score(self, length: int) -> float:
        return max(0.0, 1.0 - length / self._limit)
