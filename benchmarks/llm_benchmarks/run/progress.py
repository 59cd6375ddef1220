"""Progress of a suite of cells, and of a single training."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from rich.console import Console

from llm_baselines.agent import EvaluationListener
from llm_baselines.spec import RunSpec
from llm_baselines.training.reward_watch import SamplesListener
from llm_baselines.training.sample_table import SampleTable
from llm_benchmarks.console.progress_display import ProgressDisplay
from llm_benchmarks.console.report import figure
from llm_benchmarks.records.trained_on import in_a_line
from llm_benchmarks.run.cells import Cell
from llm_benchmarks.run.pace import SuitePace
from llm_benchmarks.run.phases import PhaseClock, phases_of, stage_of
from llm_envs import EvaluationResult
from llm_envs.foreign import shown

_ALL = "all cells"
_TRAINING = "training"
_MAX_SAMPLE = 160  # characters of a source or text


class SuiteProgress:
    """Shows the position of every running cell and the scores of finished cells; a context manager.

    Args:
        console: Where it prints; None prints nothing.
    """

    def __init__(self, console: Console | None) -> None:
        self._display = ProgressDisplay(console)
        self._total = self._done = 0
        self._pace = SuitePace()
        self._queued: set[int] = set()  # ids of the cells that wait for a machine
        self._phases: dict[int, PhaseClock] = {}
        self._untrained: set[int] = set()  # ids of the cells that only play

    def __enter__(self) -> Self:
        self._display.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._display.__exit__(kind, error, traceback)

    def begin(self, total: int) -> None:
        """Starts with the number of cells."""
        self._total = total
        self._display.start_clock()
        self._display.add(_ALL, _ALL, detail="planning", total=total)

    def expect(self, trainings: int) -> None:
        """Says how many cells train; the time left is counted in these."""
        if trainings:
            self._pace.expect(trainings)

    def leave_out(self, count: int) -> None:
        """Leaves cells out of the total, because they belong to other shards."""
        self._total -= count
        self._count(0)

    def planning(self, cell: Cell) -> None:
        """Shows that a cell is being looked up in the store."""
        self._display.draw(_ALL, detail=f"planning {shown(cell.env)}")

    def skipped(self, cell: Cell) -> None:
        """Shows that the store already has the record of a cell."""
        self._count()
        self._display.line(f"{self._place()} {cell}: already in the store")

    def waiting(self, cell: Cell) -> None:
        """Shows that another process runs a cell."""
        self._display.line(f"{self._place()} {cell}: another process runs it; waiting for its record")

    def planned(self, cell: Cell, spec: RunSpec) -> None:
        """Shows the reward that a cell trains on.

        Args:
            cell: The cell, which will start.
            spec: Its run.
        """
        if spec.training is None:
            self._untrained.add(id(cell))
        self._phases[id(cell)] = PhaseClock(phases_of(spec, evaluated=True))
        training = "" if spec.environment.signature is None else in_a_line(spec)
        if training:
            self._display.line(f"{self._place()} {cell}: trained on {training}")

    def queued(self, cell: Cell) -> None:
        """Counts a cell that waits for a machine; thousands may wait, so it gets no bar."""
        self._queued.add(id(cell))
        self._count(0)

    def placed(self, cell: Cell, host: str) -> None:
        """Shows that a queued cell has begun on a machine."""
        self._pace.start(trains=id(cell) not in self._untrained)
        self._queued.discard(id(cell))
        if self._display.has_bars:
            self._count(0)
        else:
            self._display.line(f"{self._place()} {cell}: started on {shown(host)}")
        self._display.add(id(cell), f"  {shown(cell)}", detail=f"starting on {shown(host)}")

    def retrying(self, cell: Cell, message: str) -> None:
        """Shows that a cell whose process died will run again."""
        self._queued.discard(id(cell))
        self._display.remove(id(cell))
        self._display.line(f"{self._place()} {cell}: {message}; it runs again", "yellow")

    def withdrawn(self, cell: Cell) -> None:
        """Counts a cell no more as waiting: it will not begin, or another process runs it."""
        self._queued.discard(id(cell))
        self._count(0)

    def started(self, cell: Cell) -> None:
        """Shows that the process of a cell started."""
        self._pace.start(trains=id(cell) not in self._untrained)
        if self._display.has_bars:
            self._count(0)
        else:
            self._display.line(f"{self._place()} {cell}: started")
        self._display.add(id(cell), f"  {shown(cell)}", detail="starting")

    def advanced(self, cell: Cell, phase: str, done: int, total: int) -> None:
        """Shows the position of a running cell."""
        detail = self._phases.setdefault(id(cell), PhaseClock(())).describe(phase, done, total)
        prefix = f"{self._place()} {cell}: "
        self._display.update(id(cell), prefix=prefix, detail=detail, done=done, total=total)

    def ended(self, cell: Cell, status: str, score: float | None, seconds: float, message: str) -> None:
        """Shows the result of a cell.

        Args:
            cell: The cell.
            status: Status of its record.
            score: Its mean reward, if it was evaluated.
            seconds: How long it ran.
            message: Its error, or "".
        """
        self._pace.end(trains=id(cell) not in self._untrained)
        self._queued.discard(id(cell))
        self._count()
        self._display.remove(id(cell))
        result = f"score {score:.3f}" if score is not None else status
        error = f": {message}" if message else ""
        style = "" if status == "completed" else "red"
        left = "" if status == "interrupted" else self._pace.describe(self._total - self._done)
        left = f" ({left})" if left and not self._display.has_bars else ""
        self._display.line(f"{self._place()} {cell}: {result} in {seconds:.0f} s{error}{left}", style)

    def _count(self, more: int = 1) -> None:
        self._done += more
        left = self._pace.describe(self._total - self._done)
        queued = f"{len(self._queued)} queued" if self._queued else ""
        detail = ", ".join(filter(None, (f"{self._done} of {self._total} done", queued, left)))
        self._display.draw(_ALL, detail=detail, done=self._done, total=self._total)

    def _place(self) -> str:
        return f"[{self._done}/{self._total}]"


@runtime_checkable
class _ReportsEvaluations(Protocol):
    """An agent that calls a listener after every evaluation on validation."""

    on_evaluation: EvaluationListener | None


@runtime_checkable
class ReportsSamples(Protocol):
    """An agent that tells of the texts it samples."""

    on_samples: SamplesListener | None


class TrainingProgress:
    """Shows the position of a training, and the score and one text of every evaluation; a context manager.

    The training goes on if the terminal is closed.

    Args:
        console: Where it prints.
        agent: The agent that trains.
        phases: From `phases_of`.
        total: Steps of the agent in all.
        clock: Returns seconds.
        samples: Whether to show tables of sampled texts with their reward components too.
    """

    def __init__(
        self,
        console: Console,
        agent: object,
        phases: Sequence[str],
        total: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        samples: bool = False,
    ) -> None:
        self._agent, self._total, self._samples = agent, total, samples
        self._phases = PhaseClock(phases, clock)
        self._display = ProgressDisplay(console, clock, captures_output=False)
        self._display.add(_TRAINING, "", detail="starting")
        self._evaluations = 0
        self._best = float("-inf")
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        if isinstance(self._agent, _ReportsEvaluations):
            self._agent.on_evaluation = self.evaluated
        if self._samples and isinstance(self._agent, ReportsSamples):
            self._agent.on_samples = self.sampled
        self._display.__enter__()
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
        self._display.__exit__(kind, error, traceback)
        if isinstance(self._agent, _ReportsEvaluations):
            self._agent.on_evaluation = None
        if isinstance(self._agent, ReportsSamples):
            self._agent.on_samples = None

    def evaluated(self, steps: int, result: EvaluationResult) -> None:
        """Prints the validation score and one text, each time of another example.

        Args:
            steps: The agent's steps so far.
            result: The evaluation.
        """
        self._best = max(self._best, result.mean_reward)
        score, best = figure(result.mean_reward), figure(self._best)
        row = result.rows[self._evaluations % len(result.rows)]
        self._evaluations += 1
        text = shown(row.text, _MAX_SAMPLE) or "(nothing)"
        with suppress(OSError):
            position = self._phases.describe(*stage_of(self._agent, self._total))
            self._display.line(f"{position}: validation {score}, best {best}", key=_TRAINING)
            self._display.line(f"  {shown(row.source, _MAX_SAMPLE)} -> {text} ({figure(row.reward)})")

    def sampled(self, table: SampleTable) -> None:
        """Prints a table of sampled texts."""
        with suppress(OSError):
            for line in table.in_terminal().splitlines():
                self._display.line(line)

    def tick(self) -> None:
        """Shows the position of the training."""
        phase, done, total = stage_of(self._agent, self._total)
        detail = self._phases.describe(phase, done, total)
        with suppress(OSError):
            self._display.update(_TRAINING, prefix="", detail=detail, done=done, total=total)

    def _watch(self) -> None:
        while not self._over.wait(1.0):
            self.tick()
