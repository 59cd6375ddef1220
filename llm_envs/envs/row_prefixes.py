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
        self._scores = self._before = np.zeros(number)
        self._nothing = np.full(number, task.vocabulary_size, np.int64)
        self._unread: dict[int, tuple[Example, list[int]]] = {}  # texts to begin, with tokens they have

    def begin(self, row: int, example: Example, tokens: Sequence[int] = ()) -> None:
        """Starts the text of a row. It is read at the next step.

        Args:
            row: The row.
            example: Its example.
            tokens: Tokens that the text has already, in a copied environment.
        """
        self._unread[row] = example, list(tokens)

    def pay(self, actions: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Returns the rewards of a step, as if it ended no episode.

        Args:
            actions: The token of every row, int64.
            rows: The rows that step, if some do not.

        Returns:
            float64, one of every row, 0 for those that do not step.
        """
        if self._unread:
            self._read_begun()
        tokens = actions.copy() if rows is None else self._nothing.copy()
        if rows is not None:
            tokens[rows] = actions[rows]
        self._before, self._scores = self._scores, self._scorer.step(tokens)
        rewards = self._task.timing.pay_many(self._before, self._scores)
        if rows is None:
            return rewards
        paid = np.zeros_like(rewards)
        paid[rows] = rewards[rows]
        return paid

    def finish(self, rows: np.ndarray) -> list[tuple[float, dict[str, float]]] | None:
        """Returns the scores and the components of the texts that this step ended, as from scratch.

        It is None if the potential is another reward than the one that is paid at the end.
        """
        return self._scorer.finish(rows) if self._task.potential is self._task.reward else None

    def pay_final(self, row: int, score: float) -> float:
        """Returns the reward of the last step of a row, given the score of its finished text."""
        return self._task.timing.pay(self._before.item(row), score, finished=True)

    def _read_begun(self) -> None:
        unread, self._unread = self._unread, {}
        self._scorer.begin(list(unread), [example for example, _ in unread.values()])
        self._scores = self._scores.copy()
        self._scores[list(unread)] = 0.0
        longest = max(len(tokens) for _, tokens in unread.values())
        for number in range(longest):
            of_all = self._nothing.copy()
            for row, (_, tokens) in unread.items():
                if number < len(tokens):
                    of_all[row] = tokens[number]
            self._scores = self._scorer.step(of_all)


def row_prefixes(task: Task, number: int) -> RowPrefixes | None:
    """Returns what follows all rows at once. None if rewards come at the end, or each row needs its own."""
    if not task.timing.needs_prefixes or task.max_turns > 1:
        return None
    scorer = task.potential.rows(task.tokenizer, number)
    return None if scorer is None else RowPrefixes(task, scorer, number)
