"""RowPrefixes: dense and shaped rewards of all rows of a vector environment, where they can be had in one call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llm_envs.envs.task import Task
from llm_envs.episode import Example
from llm_envs.rewards.prefix_rows import PrefixRows


class RowPrefixes:
    """Follows the texts of many rows token by token.

    Args:
        task: The task.
        scorer: Scores the texts.
        number: The number of rows.
    """

    def __init__(self, task: Task, scorer: PrefixRows, number: int) -> None:
        self._task, self._scorer = task, scorer
        self._scores = np.zeros(number)
        self._unread: dict[int, tuple[Example, list[int]]] = {}  # texts to begin, with tokens they have

    def begin(self, row: int, example: Example, tokens: Sequence[int] = ()) -> None:
        """Starts the text of a row. It is read with its next token.

        Args:
            row: The row.
            example: Its example.
            tokens: Tokens that the text has already, in a copied environment.
        """
        self._unread[row] = example, list(tokens)
        self._scores[row] = 0.0

    def pay(self, rows: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Returns the rewards of a step in rows that it did not end.

        Args:
            rows: The rows.
            tokens: The token of each.
        """
        numbers = rows.tolist()
        if self._unread:
            for row in self._unread.keys() & set(numbers):
                self._read_before(row)
        after = np.array(self._scorer.step(numbers, tokens.tolist()))
        before = self._scores[rows]
        self._scores[rows] = after
        return self._task.timing.pay_many(before, after)

    def finish(self, row: int, token: int | None) -> tuple[float, dict[str, float]]:
        """Ends the text of a row.

        Args:
            row: The row.
            token: Its last token, None if that is no part of the text.

        Returns:
            The score of the text and its components, as from scratch.
        """
        self._read_before(row)
        return self._scorer.finish(row, token)

    def pay_final(self, row: int, score: float) -> float:
        """Returns the reward of the last step, given the score of the finished text."""
        return self._task.timing.pay(self._scores.item(row), score, finished=True)

    def _read_before(self, row: int) -> None:
        if row in self._unread:
            example, tokens = self._unread.pop(row)
            self._scorer.begin(row, example)
            for token in tokens:
                self._scores[row] = self._scorer.step([row], [token])[0]


def row_prefixes(task: Task, number: int) -> RowPrefixes | None:
    """Returns what follows all rows at once; None if rewards come at the end, or if each row needs its own."""
    if not task.timing.needs_prefixes or task.max_turns > 1:
        return None
    scorer = task.reward.rows(task.tokenizer, number)
    return None if scorer is None else RowPrefixes(task, scorer, number)
