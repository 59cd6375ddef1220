"""PrefixRows: a weighted sum of rewards on the growing texts of all rows of a vector environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from llm_envs.episode import Example
from llm_envs.rewards.context import RewardError


class Rows(Protocol):
    """One reward on many growing texts of one turn. It reads token ids, so it is made for a tokenizer."""

    def begin(self, row: int, example: Example) -> None:
        """Starts a text."""
        ...

    def step(self, rows: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Reads a token of some texts. Returns their scores."""
        ...

    def finish(self, rows: np.ndarray) -> Sequence[float]:
        """Ends some texts. Returns their scores, exactly as from scratch."""
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

    def step(self, rows: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Reads a token of some texts. Returns their weighted sums.

        Args:
            rows: The numbers of the texts, each once, int (n,).
            tokens: One token of each, int (n,).

        Returns:
            float64 (n,).
        """
        totals = np.zeros(len(rows))
        for _, weight, part in self._parts:
            totals += weight * part.step(rows, tokens)
        return totals

    def finish(self, rows: np.ndarray) -> list[tuple[float, dict[str, float]]]:
        """Ends some texts. Returns the weighted sum and the components of each, as `RewardSet.score` does."""
        totals = [0.0] * len(rows)
        tables: list[dict[str, float]] = [{} for _ in totals]
        for name, weight, part in self._parts:
            for at, value in enumerate(part.finish(rows)):
                tables[at][name] = value
                totals[at] += weight * value
        return list(zip(totals, tables, strict=True))
