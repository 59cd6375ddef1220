"""How a suite goes: bars on a terminal, lines anywhere else."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from llm_baselines.spec import RunSpec
from llm_benchmarks.console.report import say
from llm_benchmarks.records.trained_on import in_a_line
from llm_benchmarks.run.cells import Cell
from llm_benchmarks.run.phases import PhaseClock, minutes, phases_of
from llm_envs.foreign import shown

_LINE_EVERY = 60.0  # seconds between two lines about a running cell where there are no bars


class SuiteProgress:
    """Shows which cells run, since when, how far they are, and what the ended ones scored.

    Args:
        console: Where; None shows nothing.
    """

    def __init__(self, console: Console | None) -> None:
        self._console = console
        self._total = self._done = 0
        self._tasks: dict[int | str, TaskID] = {}
        self._spoken: dict[int, float] = {}
        self._phases: dict[int, PhaseClock] = {}
        self._started = time.monotonic()
        self._bars: Progress | None = None
        if console is not None and console.is_terminal:
            self._bars = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[detail]}", markup=False),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )

    def __enter__(self) -> SuiteProgress:
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

    def begin(self, total: int) -> None:
        """Tells the number of cells."""
        self._total = total
        self._started = time.monotonic()
        if self._bars is not None:
            self._tasks["all"] = self._bars.add_task("all cells", total=total, detail="planning")

    def planning(self, cell: Cell) -> None:
        """A cell is looked up in the store."""
        if self._bars is not None:
            self._bars.update(self._tasks["all"], detail=f"planning {shown(cell.env)}")

    def skipped(self, cell: Cell) -> None:
        """The store has a cell's record."""
        self._count()
        self._say(f"{self._place()} {cell}: already in the store")

    def waiting(self, cell: Cell) -> None:
        """Another process runs a cell."""
        self._say(f"{self._place()} {cell}: another process runs it, its record is waited for")

    def planned(self, cell: Cell, spec: RunSpec) -> None:
        """A cell is about to start; its spec says what it is trained on."""
        self._phases[id(cell)] = PhaseClock(phases_of(spec, evaluated=True))
        learns = "" if spec.environment.signature is None else in_a_line(spec)
        if learns:
            self._say(f"{self._place()} {cell}: trained on {learns}")

    def started(self, cell: Cell) -> None:
        """A cell's process has been started."""
        self._spoken[id(cell)] = time.monotonic()
        if self._bars is not None:
            self._count(0)
            self._tasks[id(cell)] = self._bars.add_task(f"  {shown(cell)}", total=None, detail="starting")
        else:
            self._say(f"{self._place()} {cell}: started")

    def advanced(self, cell: Cell, phase: str, done: int, total: int) -> None:
        """A running cell has come further."""
        detail = self._phases.setdefault(id(cell), PhaseClock(())).told(phase, done, total)
        if self._bars is not None:
            self._bars.update(self._tasks[id(cell)], completed=done, total=max(total, 1), detail=detail)
        elif time.monotonic() - self._spoken.get(id(cell), 0.0) >= _LINE_EVERY:
            self._spoken[id(cell)] = time.monotonic()
            self._say(f"{self._place()} {cell}: {detail}, {self._minutes()} since the start")

    def ended(self, cell: Cell, status: str, score: float | None, seconds: float, message: str) -> None:
        """A cell is over."""
        self._count()
        if self._bars is not None and id(cell) in self._tasks:
            self._bars.remove_task(self._tasks.pop(id(cell)))
        result = f"score {score:.3f}" if score is not None else status
        told = f": {message}" if message else ""
        style = "" if status == "completed" else "red"
        self._say(f"{self._place()} {cell}: {result} in {seconds:.0f} s{told}", style)

    def _count(self, more: int = 1) -> None:
        self._done += more
        if self._bars is not None:
            self._bars.update(
                self._tasks["all"],
                completed=self._done,
                detail=f"{self._done} of {self._total} done",
            )

    def _place(self) -> str:
        return f"[{self._done}/{self._total}]"

    def _minutes(self) -> str:
        return minutes(time.monotonic() - self._started)

    def _say(self, line: str, style: str = "") -> None:
        if self._console is not None:
            say(self._console, line, style)
