"""StepLog: what was read in the last steps of many texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from llm_envs.rewards.increments.plain_tokens import SKIPPED, PlainTokens

_FEW = 64


class Entry(NamedTuple):
    """One token of one text: the token, the state before it, and its transition."""

    token: int
    before: int
    transition: int


class StepLog:
    """Tokens, states and transitions of all steps since the oldest running text began.

    Args:
        number: The number of texts.

    Attributes:
        steps: Of each step the tokens, the states before it, and the transitions. A step is appended; its
            arrays must not be changed later.
    """

    def __init__(self, number: int) -> None:
        self.steps: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._first = 0  # the number of the first step that is kept
        self._begun = np.zeros(number, np.int64)

    def begin(self, rows: np.ndarray) -> None:
        """Starts some texts."""
        now = self._first + len(self.steps)
        self._begun[rows] = now
        oldest = int(self._begun.min())
        if len(self.steps) > 2 * (now - oldest) + _FEW:
            del self.steps[: oldest - self._first]
            self._first = oldest

    def transition(self, row: int) -> int:
        """Returns the transition of the last step of a text."""
        return int(self.steps[-1][2][row])

    def last(self, row: int, kinds: Sequence[int]) -> tuple[int, int]:
        """Returns the last token before this step that is not skipped, and its transition; or twice -1."""
        steps = self.steps
        for number in range(len(steps) - 2, self._begun.item(row) - self._first - 1, -1):
            token = steps[number][0].item(row)
            if kinds[token] != SKIPPED:
                return token, steps[number][2].item(row)
        return -1, -1

    def backwards(self, row: int, tokens: PlainTokens) -> Iterator[Entry]:
        """Yields the tokens before this step, the last one first; no markers and no end tokens."""
        steps = self.steps
        for number in range(len(steps) - 2, int(self._begun[row]) - self._first - 1, -1):
            of_all, before, transitions = steps[number]
            token = of_all.item(row)
            if tokens.kinds[token] != SKIPPED:
                yield Entry(token, before.item(row), transitions.item(row))

    def tokens(self, row: int) -> list[int]:
        """Returns the tokens of a text, that of this step included."""
        begun = int(self._begun[row]) - self._first
        return [int(of_all[row]) for of_all, _, _ in self.steps[begun:]]
