"""PrefixRows: a weighted sum of rewards on the growing texts of all rows of a vector environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from llm_envs.episode import Example
from llm_envs.rewards.context import RewardError


class Rows(Protocol):
    """One reward on many growing texts of one turn. It reads token ids, so it is made for a tokenizer."""

    def begin(self, row: int, example: Example) -> None:
        """Starts a text."""
        ...

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> Sequence[float]:
        """Reads a token of some texts. Returns their scores."""
        ...

    def finish(self, row: int, token: int | None) -> float:
        """Ends a text, whose last token is None if it is no part of the text.

        Returns:
            Its score, exactly as from scratch.
        """
        ...


class PrefixRows:
    """Scores growing texts, many in one call. It equals the RewardSet on each.

    Args:
        parts: Name, weight and rows of each component.
    """

    def __init__(self, parts: Sequence[tuple[str, float, Rows]]) -> None:
        self._parts = parts

    def begin(self, row: int, example: Example) -> None:
        """Starts a text.

        Raises:
            RewardError: A reward raised an error.
        """
        for name, _, rows in self._parts:
            try:
                rows.begin(row, example)
            except Exception as error:
                raise RewardError(name, "", f"raised {type(error).__name__}: {error}") from error

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> Sequence[float]:
        """Reads a token of some texts. Returns their weighted sums."""
        (_, weight, first), *others = self._parts
        scores = first.step(rows, tokens)
        if weight != 1.0 or others:
            scores = [0.0 + weight * score for score in scores]
        for _, weight, more in others:
            added = more.step(rows, tokens)
            scores = [total + weight * score for total, score in zip(scores, added, strict=True)]
        return scores

    def finish(self, row: int, token: int | None) -> tuple[float, dict[str, float]]:
        """Ends a text. Returns the weighted sum and the components, as `RewardSet.score` does."""
        total = 0.0
        values: dict[str, float] = {}
        for name, weight, rows in self._parts:
            value = values[name] = rows.finish(row, token)
            total += weight * value
        return total, values
