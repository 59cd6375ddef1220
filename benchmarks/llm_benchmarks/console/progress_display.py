"""Progress of long work: bars on a terminal, a line once a minute anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from llm_benchmarks.console.report import minutes, say

LINE_EVERY = 60.0
"""Seconds between two lines about the same work if there is no terminal."""


class ProgressDisplay:
    """Shows how far one or several pieces of work are; a context manager.

    Args:
        console: Where it prints; None prints nothing.
        clock: Returns seconds.
        captures_output: What others print while bars are drawn appears above the bars.
    """

    def __init__(
        self,
        console: Console | None,
        clock: Callable[[], float] = time.monotonic,
        *,
        captures_output: bool = True,
    ) -> None:
        self._console, self._clock = console, clock
        self._started = clock()
        self._last_line: dict[Hashable, float] = {}
        self._tasks: dict[Hashable, TaskID] = {}
        self._bars: Progress | None = None
        if console is not None and console.is_terminal:
            self._bars = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[detail]}", markup=False),
                TimeElapsedColumn(),
                console=console,
                transient=True,
                redirect_stdout=captures_output,
                redirect_stderr=captures_output,
            )

    @property
    def has_bars(self) -> bool:
        """True on a terminal."""
        return self._bars is not None

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def start_clock(self) -> None:
        """Counts "since the start" from now."""
        self._started = self._clock()

    def add(self, key: Hashable, description: str, *, detail: str, total: int | None = None) -> None:
        """Adds a bar, and starts the minute until the first line.

        Args:
            key: Names the work in later calls.
            description: Text before the bar.
            detail: Text after the bar.
            total: Steps in all; None while that is unknown.
        """
        self._last_line[key] = self._clock()
        if self._bars is not None:
            self._tasks[key] = self._bars.add_task(description, total=total, detail=detail)

    def draw(self, key: Hashable, *, detail: str, done: int | None = None, total: int | None = None) -> None:
        """Updates a bar; does nothing without a terminal or for an unknown key."""
        if self._bars is not None and key in self._tasks:
            self._bars.update(self._tasks[key], completed=done, total=total, detail=detail)

    def update(self, key: Hashable, *, prefix: str, detail: str, done: int, total: int) -> None:
        """Shows progress: updates the bar, or prints a line if the last one is a minute old.

        Args:
            key: The work.
            prefix: Text before the detail on a line.
            detail: How far the work is.
            done: Steps done.
            total: Steps in all.
        """
        if self._bars is not None:
            self.draw(key, detail=detail, done=done, total=max(total, 1))
        elif self._clock() - self._last_line.get(key, float("-inf")) >= LINE_EVERY:
            self.line(f"{prefix}{detail}, {minutes(self._clock() - self._started)} since the start", key=key)

    def remove(self, key: Hashable) -> None:
        """Removes a bar."""
        if self._bars is not None and key in self._tasks:
            self._bars.remove_task(self._tasks.pop(key))

    def line(self, line: str, style: str = "", *, key: Hashable = None) -> None:
        """Prints a line.

        Args:
            line: The line.
            style: A style of rich.
            key: The work it is about; its next minute starts now.

        Raises:
            OSError: The console refuses the line.
        """
        if key is not None:
            self._last_line[key] = self._clock()
        if self._console is not None:
            say(self._console, line, style)
