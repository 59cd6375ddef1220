"""Texts of all rows of a vector environment, read token by token: their rewards, or final scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llm_envs.envs.task import Task
from llm_envs.episode import Example
from llm_envs.rewards.prefix_rows import FollowedRows, PrefixRows

Scores = Sequence[tuple[float, dict[str, float]] | None]
"""Of each text the weighted sum and the components; None where they are to be computed from scratch."""


class _Rows:
    """Hands the tokens of all rows to a scorer.

    Args:
        task: The task.
        scorer: Scores the texts.
        number: The number of rows.
    """

    def __init__(self, task: Task, scorer: PrefixRows | FollowedRows, number: int) -> None:
        self._task, self._parts = task, scorer
        self._nothing = np.full(number, task.vocabulary_size, np.int64)
        self._unread: dict[int, Example] = {}
        self._written: dict[int, list[int]] = {}  # of rows in a copied environment

    def begin(self, row: int, example: Example, tokens: Sequence[int] = ()) -> None:
        """Starts the text of a row. It is read at the next step.

        Args:
            row: The row.
            example: Its example.
            tokens: Tokens that the text has already, in a copied environment.
        """
        self._unread[row] = example
        if tokens:
            self._written[row] = list(tokens)

    def _tokens(self, actions: np.ndarray, rows: np.ndarray | None) -> np.ndarray:
        if rows is None:
            return actions.copy()
        tokens = self._nothing.copy()
        tokens[rows] = actions[rows]
        return tokens

    def _read_begun(self) -> list[int]:
        """Starts texts that have begun since the last step. Returns their rows."""
        rows = list(self._unread)
        self._parts.begin(rows, list(self._unread.values()))
        self._unread.clear()
        return rows

    def _written_tokens(self) -> list[np.ndarray]:
        """Returns tokens of copied texts, those of one step after those of another."""
        steps = []
        for number in range(max(map(len, self._written.values()), default=0)):
            steps.append(self._nothing.copy())
            for row, tokens in self._written.items():
                if number < len(tokens):
                    steps[-1][row] = tokens[number]
        self._written.clear()
        return steps


class RowPrefixes(_Rows):
    """Dense and shaped rewards of all rows.

    Args:
        task: The task.
        scorer: Scores the texts.
        number: The number of rows.
    """

    def __init__(self, task: Task, scorer: PrefixRows, number: int) -> None:
        super().__init__(task, scorer, number)
        self._scorer = scorer
        self._scores = self._before = np.zeros(number)

    def pay(self, actions: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Returns the rewards of a step, as if it ended no episode.

        Args:
            actions: The token of every row, int64.
            rows: The rows that step, if some do not.

        Returns:
            float64, one of every row, 0 for those that do not step.
        """
        if self._unread:
            begun = self._read_begun()
            self._scores = self._scores.copy()
            self._scores[begun] = 0.0
            for tokens in self._written_tokens():
                self._scores = self._scorer.step(tokens)
        self._before, self._scores = self._scores, self._scorer.step(self._tokens(actions, rows))
        rewards = self._task.timing.pay_many(self._before, self._scores)
        if rows is None:
            return rewards
        paid = np.zeros_like(rewards)
        paid[rows] = rewards[rows]
        return paid

    def finish(self, rows: np.ndarray) -> Scores | None:
        """Returns the scores and the components of the texts that this step ended, as from scratch.

        It is None if the potential is another reward than the one that is paid at the end.
        """
        return self._scorer.finish(rows) if self._task.potential is self._task.reward else None

    def pay_final(self, rows: Sequence[int], scores: Sequence[float]) -> np.ndarray:
        """Returns the rewards of the last step of some rows, given the scores of their finished texts."""
        return np.array(scores) - self._before[rows]


class RowTexts(_Rows):
    """Final scores of all rows, which cost less if their texts are read while they grow.

    Args:
        task: The task.
        scorer: Scores the texts.
        number: The number of rows.
    """

    def __init__(self, task: Task, scorer: FollowedRows, number: int) -> None:
        super().__init__(task, scorer, number)
        self._scorer = scorer

    def pay(self, actions: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Returns the rewards of a step that ends no episode, which are 0; see `RowPrefixes.pay`."""
        if self._unread:
            self._read_begun()
            for tokens in self._written_tokens():
                self._scorer.read(tokens)
        self._scorer.read(self._tokens(actions, rows))
        return np.zeros(len(actions))

    def finish(self, rows: np.ndarray) -> Scores:
        """Returns the scores and the components of the texts that this step ended, as from scratch."""
        return self._scorer.finish(rows)

    def pay_final(self, rows: Sequence[int], scores: Sequence[float]) -> np.ndarray:
        """Returns the rewards of the last step of some rows: the scores of their finished texts."""
        return np.array(scores)


def row_prefixes(task: Task, number: int) -> RowPrefixes | RowTexts | None:
    """Returns what follows all rows at once. None if texts are scored one by one.

    Args:
        task: The task.
        number: The number of rows.
    """
    if task.max_turns > 1:
        return None
    if not task.timing.needs_prefixes:
        final = task.reward.final_rows(task.tokenizer, number)
        return None if final is None else RowTexts(task, final, number)
    scorer = task.potential.rows(task.tokenizer, number)
    return None if scorer is None else RowPrefixes(task, scorer, number)
