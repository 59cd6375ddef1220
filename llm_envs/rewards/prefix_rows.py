"""PrefixRows and FollowedRows: weighted sums of rewards on the texts of all rows of a vector environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np

from llm_envs.episode import Example
from llm_envs.rewards.context import RewardError


class Rows(Protocol):
    """One reward on many growing texts of one turn. It reads token ids, so it is made for a tokenizer."""

    def begin(self, rows: Sequence[int], examples: Sequence[Example]) -> None:
        """Starts some texts."""
        ...

    def step(self, tokens: np.ndarray) -> np.ndarray:
        """Reads a token of each text, V (the size of the vocabulary) for none. Returns their scores.

        End tokens are no part of a text. The array of tokens is not changed later, nor that of scores.
        """
        ...

    def finish(self, rows: np.ndarray) -> Sequence[float | None]:
        """Ends some texts. Returns their scores, exactly as from scratch."""
        ...


class FinalRows(Protocol):
    """One reward that reads many growing texts of one turn, and scores those that end."""

    def begin(self, rows: Sequence[int], examples: Sequence[Example]) -> None:
        """Starts some texts."""
        ...

    def read(self, tokens: np.ndarray) -> None:
        """Reads a token of each text, as `Rows.step` does."""
        ...

    def finish(self, rows: np.ndarray) -> Sequence[float | None]:
        """Ends some texts. Returns their scores, exactly as from scratch; None where it has none."""
        ...


Part = TypeVar("Part", bound=FinalRows | Rows)


class _Parts(Generic[Part]):
    """A weighted sum of rewards on many texts.

    Args:
        parts: Name, weight and rows of each component.
    """

    def __init__(self, parts: Sequence[tuple[str, float, Part]]) -> None:
        self._parts = parts

    def begin(self, rows: Sequence[int], examples: Sequence[Example]) -> None:
        """Starts some texts.

        Args:
            rows: Their numbers, each once.
            examples: The example of each.

        Raises:
            RewardError: A reward raised an error.
        """
        for name, _, part in self._parts:
            try:
                part.begin(rows, examples)
            except Exception as error:
                raise RewardError(name, "", f"raised {type(error).__name__}: {error}") from error

    def finish(self, rows: np.ndarray) -> list[tuple[float, dict[str, float]] | None]:
        """Ends some texts. Returns the weighted sum and the components of each, as `RewardSet.score` does.

        It is None for a text that a part has not followed.
        """
        columns = [(name, weight, part.finish(rows)) for name, weight, part in self._parts]
        found: list[tuple[float, dict[str, float]] | None] = []
        for at in range(len(rows)):
            total, table = 0.0, {}
            for name, weight, values in columns:
                value = values[at]
                if value is None:
                    found.append(None)
                    break
                table[name] = value
                total += weight * value
            else:
                found.append((total, table))
        return found


class PrefixRows(_Parts[Rows]):
    """Scores growing texts, many in one call. It equals the RewardSet on each."""

    def step(self, tokens: np.ndarray) -> np.ndarray:
        """Reads a token of each text. Returns their weighted sums.

        Args:
            tokens: One of each text, int64 (number,); V for none. It must not be changed later.

        Returns:
            float64 (number,).
        """
        _, weight, part = self._parts[0]
        totals = part.step(tokens)
        if weight != 1.0:
            totals = weight * totals
        for _, weight, part in self._parts[1:]:
            totals = totals + weight * part.step(tokens)
        return totals


class FollowedRows(_Parts[FinalRows]):
    """Reads growing texts, and scores those that end. It equals the RewardSet on each."""

    def read(self, tokens: np.ndarray) -> None:
        """Reads a token of each text, as `PrefixRows.step` does."""
        for _, _, part in self._parts:
            part.read(tokens)
