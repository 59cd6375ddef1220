"""Ranks that admit ties: an interval of ranks for each row of a table.

Every two rows are compared. Each row is one of many comparisons, so the p-values of a row against all others
are corrected by Holm's procedure, and two rows can be told apart if both corrections say so. A row's rank
interval begins after the rows that are better for certain and ends before the rows that are worse for
certain. It holds the true rank with a confidence of 95 %, as a score's interval holds the true score.

Sources: Mogstad, Romano, Shaikh and Wilhelm (2024), "Inference for ranks with applications to mobility across
neighbourhoods and academic achievement across countries"; Demšar (2006), "Statistical comparisons of
classifiers over multiple data sets" (the bars that join ties).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from llm_benchmarks.leaderboard.p_values import all_p_values, holm
from llm_benchmarks.leaderboard.scores import Scores

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Ranks:
    """The ranks of the rows of one table.

    Attributes:
        first: Best rank of each row. Rows that cannot be told apart from the best one have 1.
        last: Worst rank of each row.
        adjusted: Corrected p-value of every two rows, shape (rows, rows), 1 on the diagonal.
    """

    first: tuple[int, ...]
    last: tuple[int, ...]
    adjusted: NDArray[np.float64]

    @property
    def apart(self) -> NDArray[np.bool_]:
        """True where two rows can be told apart, shape (rows, rows)."""
        told: NDArray[np.bool_] = self.adjusted <= 1 - CONFIDENCE
        return told


def rank(scores: Sequence[Scores]) -> Ranks:
    """Compares every two rows of a table.

    Args:
        scores: The scores of the rows, each with at least one completed run.
    """
    return ranks_of([row.mean for row in scores], all_p_values(scores))


def ranks_of(means: ArrayLike, p_values: ArrayLike) -> Ranks:
    """Returns the ranks that follow from the p-values of all pairs.

    Args:
        means: Scores, higher is better, shape (rows,).
        p_values: Of every two rows, shape (rows, rows).
    """
    mean = np.asarray(means, dtype=np.float64)
    table = np.asarray(p_values, dtype=np.float64).reshape(len(mean), len(mean))
    adjusted = np.ones_like(table)
    for i in range(len(table)):
        others = np.arange(len(table)) != i
        adjusted[i, others] = holm(table[i, others])
    adjusted = np.maximum(adjusted, adjusted.T)
    apart = adjusted <= 1 - CONFIDENCE
    above = apart & (mean[:, None] < mean[None, :])  # [i, j]: j is better than i for certain
    first, last = 1 + above.sum(axis=1), len(mean) - above.sum(axis=0)
    return Ranks(tuple(first.tolist()), tuple(last.tolist()), adjusted)


def tie_groups(apart: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Returns the longest runs of neighbouring rows of which no two can be told apart.

    Args:
        apart: Shape (rows, rows), the best row first.

    Returns:
        First and last row of each group of two rows or more, from the top. Groups may overlap: a row can be
        tied with better rows and with worse ones that differ from each other.
    """
    groups: list[tuple[int, int]] = []
    reached = -1
    for start in range(len(apart)):
        end = max(start, reached)  # what holds from the row before holds without it
        while end + 1 < len(apart) and not apart[start : end + 1, end + 1].any():
            end += 1
        if end > start and end > reached:
            groups.append((start, end))
        reached = max(reached, end)
    return groups


def neighbours_apart(apart: NDArray[np.bool_]) -> int:
    """Returns how many rows can be told apart from the next row."""
    return int(np.count_nonzero(np.diagonal(apart, offset=1)))
