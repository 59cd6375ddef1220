"""What is told while an agent trains: how far it is, its scores on validation, and what it writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from llm_benchmarks.console.report import figure, say
from llm_benchmarks.run.phases import PhaseClock, minutes, stage_of
from llm_envs import EvaluationResult
from llm_envs.foreign import shown

LINE_EVERY = 60.0
"""Seconds between two lines on how far it is, where there is no terminal to draw a bar on."""
_TEXT = 160  # characters of a sample that are shown


class TrainingProgress:
    """Tells of a training while it lasts; a context.

    Args:
        console: Where.
        agent: What trains. One that takes a listener is asked for its evaluations.
        phases: From `phases_of`.
        total: Its own steps in all.
        clock: Seconds.
    """

    def __init__(
        self,
        console: Console,
        agent: Any,
        phases: Sequence[str],
        total: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console, self._agent, self._total, self._clock = console, agent, total, clock
        self._phases = PhaseClock(phases, clock)
        self._started = self._spoken = clock()
        self._evaluations = 0
        self._best = float("-inf")
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._bars: Progress | None = None
        self._task = TaskID(0)
        if console.is_terminal:
            self._bars = Progress(
                BarColumn(bar_width=24),
                TextColumn("{task.fields[detail]}", markup=False),
                console=console,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._task = self._bars.add_task("", total=None, detail="starting")

    def __enter__(self) -> TrainingProgress:
        if hasattr(self._agent, "on_evaluation"):
            self._agent.on_evaluation = self.evaluated
        if self._bars is not None:
            self._bars.start()
        self._watcher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._watcher.join()
        if self._bars is not None:
            self._bars.stop()
        if hasattr(self._agent, "on_evaluation"):
            self._agent.on_evaluation = None

    def evaluated(self, steps: int, result: EvaluationResult) -> None:
        """Tells of an evaluation on validation: the score, and one text, each time of another example."""
        self._best = max(self._best, result.mean_reward)
        phase, done, total = stage_of(self._agent, self._total)
        score, best = figure(result.mean_reward), figure(self._best)
        self._say(f"{self._phases.told(phase, done, total)}: validation {score}, best {best}")
        row = result.rows[self._evaluations % len(result.rows)]
        self._evaluations += 1
        text = shown(row.text, _TEXT) or "(nothing)"
        self._say(f"  {shown(row.source, _TEXT)} -> {text} ({figure(row.reward)})")

    def tick(self) -> None:
        """Draws the bar; without a terminal, says a line where the last one is a minute old."""
        phase, done, total = stage_of(self._agent, self._total)
        told = self._phases.told(phase, done, total)
        if self._bars is not None:
            self._bars.update(self._task, completed=done, total=max(total, 1), detail=told)
        elif self._clock() - self._spoken >= LINE_EVERY:
            self._say(f"{told}, {minutes(self._clock() - self._started)} since the start")

    def _say(self, line: str) -> None:
        self._spoken = self._clock()
        with suppress(OSError):  # a terminal that is gone ends no training
            say(self._console, line)

    def _watch(self) -> None:
        while not self._over.wait(1.0):
            self.tick()
