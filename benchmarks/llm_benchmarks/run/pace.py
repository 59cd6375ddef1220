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
        self._expected: int | None = None
        self._started = self._ended = 0

    def expect(self, trainings: int) -> None:
        """Says how many cells train, so that the time left is counted in trainings.

        Args:
            trainings: The cells that train. The others take no time beside them.
        """
        self._expected = trainings

    def start(self, *, trains: bool = True) -> None:
        """Counts a cell that begins."""
        if self._first is None:
            self._first = self._clock()
        self._started += trains or self._expected is None

    def end(self, *, trains: bool = True) -> None:
        """Counts a cell that ends."""
        self._ended += trains or self._expected is None

    def describe(self, left: int) -> str:
        """Returns the time left in words, such as "about 12:00 left"; "" if nothing is known of it.

        Cells in the future are taken to end as often as those in the past, however many run at once. One that
        runs counts as half done.

        Args:
            left: Cells that have not ended.
        """
        if self._expected is not None:
            left = self._expected - self._ended
        if not self._ended or left <= 0 or self._first is None:
            return ""
        running = max(0, min(self._started - self._ended, left)) / 2
        seconds = (self._clock() - self._first) / (self._ended + running)
        return f"about {minutes(seconds * (left - running))} left"
