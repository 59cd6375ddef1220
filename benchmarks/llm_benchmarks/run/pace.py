"""The time that the cells of a suite will still take."""

from __future__ import annotations

import time
from collections.abc import Callable

from llm_benchmarks.console.report import minutes


class SuitePace:
    """Estimates the time left from the cells that have ended.

    Args:
        clock: Returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first: float | None = None  # when the first cell began
        self._ended = 0

    def start(self) -> None:
        """Counts a cell that begins."""
        if self._first is None:
            self._first = self._clock()

    def end(self) -> None:
        """Counts a cell that ends."""
        self._ended += 1

    def describe(self, left: int) -> str:
        """Returns the time left in words, such as "about 12:00 left"; "" if nothing is known of it.

        Cells in the future are taken to end as often as those in the past, however many run at once.

        Args:
            left: Cells that have not ended.
        """
        if not self._ended or left <= 0 or self._first is None:
            return ""
        return f"about {minutes((self._clock() - self._first) / self._ended * left)} left"
