"""RowPrefixes: dense and shaped rewards of all rows of a vector environment, in one call."""

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
        self._scores, self._before = np.zeros(number), np.zeros(number)
        self._unread: dict[int, tuple[Example, list[int]]] = {}  # texts to begin, with tokens they have

    def begin(self, row: int, example: Example, tokens: Sequence[int] = ()) -> None:
        """Starts the text of a row. It is read at the next step.

        Args:
            row: The row.
            example: Its example.
            tokens: Tokens that the text has already, in a copied environment.
        """
        self._unread[row] = example, list(tokens)
        self._scores[row] = 0.0

    def pay(self, rows: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Returns the rewards of a step, as if it ended no episode.

        Args:
            rows: The rows that step.
            tokens: The token of each.
        """
        if self._unread:
            self._read_begun()
        before = self._before[rows] = self._scores[rows]
        stopped = self._task.is_end[tokens]
        if stopped.any():  # end tokens are no part of the text
            going = rows[~stopped]
            self._scores[going] = self._scorer.step(going, tokens[~stopped])
            after = self._scores[rows]
        else:
            after = self._scores[rows] = self._scorer.step(rows, tokens)
        return self._task.timing.pay_many(before, after)

    def finish(self, rows: np.ndarray) -> list[tuple[float, dict[str, float]]] | None:
        """Returns the scores and the components of the texts that this step ended, as from scratch.

        It is None if the potential is another reward than the one that is paid at the end.
        """
        return self._scorer.finish(rows) if self._task.potential is self._task.reward else None

    def pay_final(self, row: int, score: float) -> float:
        """Returns the reward of the last step of a row, given the score of its finished text."""
        return self._task.timing.pay(self._before.item(row), score, finished=True)

    def _read_begun(self) -> None:
        for row, (example, tokens) in self._unread.items():
            self._scorer.begin(row, example)
            for token in tokens:
                self._scores[row] = self._scorer.step(np.array([row]), np.array([token]))[0]
        self._unread.clear()


def row_prefixes(task: Task, number: int) -> RowPrefixes | None:
    """Returns what follows all rows at once. None if rewards come at the end, or each row needs its own."""
    if not task.timing.needs_prefixes or task.max_turns > 1:
        return None
    scorer = task.potential.rows(task.tokenizer, number)
    return None if scorer is None else RowPrefixes(task, scorer, number)
