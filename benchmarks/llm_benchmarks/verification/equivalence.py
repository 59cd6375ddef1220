"""Whether two evaluations score the same, within a margin: two one-sided tests.

Source: Schuirmann (1987), "A comparison of the two one-sided tests procedure and the power approach for
assessing the equivalence of average bioavailability". The two tests at 5 % hold if the 90 % interval of the
difference lies within the margin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llm_benchmarks.leaderboard.statistics import cluster_difference

_CONFIDENCE = 0.90

MARGINS: Mapping[str, float] = {
    "TextGen-Tiny-v0": 0.10,
    "TextGen-v0": 0.05,
    "TextGen-Script-v0": 0.05,
    "TextGen-Code-v0": 0.05,
    "Translation-v0": 0.05,
    "Translation-EnZh-v0": 0.05,
    "Translation-EnIt-v0": 0.05,
    "Dialogue-v0": 0.05,
    "Dialogue-Chat-v0": 0.05,
}
"""Environment id -> the difference of mean rewards that counts as none. Its own rewards end at 1."""

MARGIN = 0.05
"""The margin of any other id."""


@dataclass(frozen=True)
class Equivalence:
    """The comparison of a record with a new evaluation of its checkpoint.

    Attributes:
        difference: Mean reward of the record minus that of the new evaluation.
        low: Lower end of its 90 % interval over examples.
        high: Upper end.
        margin: What counts as no difference.
    """

    difference: float
    low: float
    high: float
    margin: float

    @property
    def holds(self) -> bool:
        """True if the whole interval lies within the margin."""
        return -self.margin < self.low and self.high < self.margin


def equivalence(
    there: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]], margin: float
) -> Equivalence:
    """Compares the rewards of two evaluations example by example.

    Args:
        there: Rows of the record.
        now: Rows of the new evaluation of the same examples.
        margin: What counts as no difference.

    Raises:
        ValueError: They share fewer than two examples, which leaves no interval.
    """
    sides = [[row["reward"] for row in rows] for rows in (there, now)]
    examples = [[row["example"] for row in rows] for rows in (there, now)]
    interval = cluster_difference(sides[0], examples[0], sides[1], examples[1], _CONFIDENCE)
    if interval.low is None or interval.high is None:
        raise ValueError("one example has no spread, so nothing can be said about a difference")
    return Equivalence(interval.estimate, interval.low, interval.high, margin)
