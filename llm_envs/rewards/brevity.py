"""How much of an allowance of tokens is left."""

from __future__ import annotations

from llm_envs.episode import Episode


class Brevity:
    """The share of an allowance of tokens that was not used: 1 - length / limit, 0 from there on.

    A factor for products: what is earned, weighted by the length of the way to it (compare success
    weighted by path length, Anderson et al. 2018, arXiv:1807.06757). Alone it pays for silence.
    The agent's tokens count, end tokens among them; the other side's do not.

    Args:
        limit: Tokens at which nothing is left.
    """

    needs_text = False

    def __init__(self, *, limit: int = 100) -> None:
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            raise ValueError(f"limit is a whole number from 1, got {limit!r}")
        self._limit = limit

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        return max(0.0, 1.0 - len(episode.action_ids) / self._limit)
