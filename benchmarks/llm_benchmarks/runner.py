"""Runs the cells of a suite in processes of their own, a few at a time, and keeps what became of each.

A cell that a store has a completed record of is not run again. A cell that fails, or whose process dies,
leaves a failed record, and the others go on.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from llm_benchmarks.cell import THREAD_VARIABLES
from llm_benchmarks.plan import draft_plan, make_plan, plan_agent, settled
from llm_benchmarks.progress import SuiteProgress
from llm_benchmarks.provenance import collect_provenance, utc_now
from llm_benchmarks.records import cell_key, new_record
from llm_benchmarks.store import RecordStore
from llm_benchmarks.suite import Cell, Run, Suite
from llm_benchmarks.termination import termination_interrupts

_GRACE = 20.0  # seconds an interrupted cell has to write its record
_TAIL = 4000  # characters of a dead process's last words that are kept


@dataclass
class SuiteOutcome:
    """What became of a suite's cells.

    Attributes:
        completed: Cells run to the end.
        skipped: Cells the store had.
        failed: Cells that failed, with the error in a line.
        interrupted: Whether the suite was interrupted.
        seconds: Wall-clock time.
    """

    completed: list[Cell] = field(default_factory=list)
    skipped: list[Cell] = field(default_factory=list)
    failed: list[tuple[Cell, str]] = field(default_factory=list)
    interrupted: bool = False
    seconds: float = 0.0


def run_suite(
    suite: Suite,
    store: RecordStore,
    *,
    progress: SuiteProgress | None = None,
    processes: int | None = None,
    command: Sequence[str] | None = None,
) -> SuiteOutcome:
    """Runs what a store has no completed record of.

    Args:
        suite: From `load_suite`.
        store: Where records are sought and written.
        progress: Where to show how it goes; nothing is shown by default.
        processes: Cells at a time, where it shall differ from the suite's.
        command: What to write down as the command line; this process's by default.

    Returns:
        What became of each cell; an interruption, by Ctrl-C or SIGTERM, is told there too, after the
        running cells have been ended and recorded.

    Raises:
        ValueError: processes is below 1.
    """
    if processes is not None and processes < 1:
        raise ValueError(f"processes={processes} must be at least 1")
    runner = _Runner(suite.run, store, list(sys.argv if command is None else command))
    shown = progress if progress is not None else SuiteProgress(None)
    outcome, started = SuiteOutcome(), time.monotonic()
    with shown, termination_interrupts():  # else the cells' processes would outlive this one
        try:
            waiting = runner.plan(suite.cells, outcome, shown)
            runner.run(waiting, processes or suite.run.processes, outcome, shown)
        except KeyboardInterrupt:
            outcome.interrupted = True
            runner.stop(outcome, shown)
        except BaseException:
            runner.stop(outcome, SuiteProgress(None))  # it may be what is shown that failed
            raise
    outcome.seconds = time.monotonic() - started
    return outcome


@dataclass
class _Job:
    """A cell whose process runs."""

    cell: Cell
    plan: dict[str, Any]
    process: subprocess.Popen[str]
    errors: IO[str]
    started_at: str
    clock: float
    end: dict[str, Any] | None = None


class _Runner:
    def __init__(self, run: Run, store: RecordStore, command: list[str]) -> None:
        self._run = run
        self._store = store
        self._command = command
        self._jobs: list[_Job] = []
        self._stopping = False
        self._events: queue.Queue[tuple[_Job, dict[str, Any] | None]] = queue.Queue()

    def plan(
        self, cells: Sequence[Cell], outcome: SuiteOutcome, shown: SuiteProgress
    ) -> list[tuple[Cell, dict[str, Any]]]:
        """The cells to run with their plans: those the store lacks; a repeated cell runs once."""
        shown.begin(len(cells))
        waiting: list[tuple[Cell, dict[str, Any]]] = []
        planned: set[str] = set()
        for cell in cells:
            shown.planning(cell)
            try:
                agent = plan_agent(cell)
                plan = make_plan(settled(cell, agent), agent)
            except Exception:
                plan = draft_plan(cell)  # the cell's own process will say what is wrong
            key = cell_key(plan)
            if key in planned or self._store.find(key):
                outcome.skipped.append(cell)
                shown.skipped(cell)
            else:
                waiting.append((cell, plan))
            planned.add(key)
        return waiting

    def run(
        self,
        waiting: list[tuple[Cell, dict[str, Any]]],
        processes: int,
        outcome: SuiteOutcome,
        shown: SuiteProgress,
    ) -> None:
        """Runs cells until none is left."""
        todo = list(reversed(waiting))
        while todo or self._jobs:
            while todo and len(self._jobs) < processes:
                job = self._start(*todo.pop())
                self._jobs.append(job)
                shown.started(job.cell)
            self._hear(outcome, shown)

    def _hear(self, outcome: SuiteOutcome, shown: SuiteProgress) -> None:
        """Waits a moment for what a process says."""
        try:
            job, event = self._events.get(timeout=0.5)
        except queue.Empty:
            return
        if event is None:
            self._end(job, outcome, shown)
        elif event["event"] == "progress":
            shown.advanced(job.cell, event["phase"], event["done"], event["total"])
        else:
            job.end = event

    def _start(self, cell: Cell, plan: dict[str, Any]) -> _Job:
        environment = dict(os.environ)
        environment.update(dict.fromkeys(THREAD_VARIABLES, str(self._run.threads)))
        environment["TOKENIZERS_PARALLELISM"] = "false"
        environment["PYTHONIOENCODING"] = "utf-8:backslashreplace"  # what is read of a dead process's words
        errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "llm_benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            env=environment,
            start_new_session=True,  # a Ctrl-C reaches this process alone, which passes it on
        )
        job = _Job(cell, plan, process, errors, utc_now(), time.monotonic())
        request = {
            "cell": cell.to_dict(),
            "store": str(self._store.path.absolute()),
            "device": self._run.device,
            "threads": self._run.threads,
            "keep_checkpoints": self._run.keep_checkpoints,
            "command": self._command,
        }
        threading.Thread(target=self._listen, args=(job, json.dumps(request)), daemon=True).start()
        return job

    def _listen(self, job: _Job, request: str) -> None:
        """Hands a process its request, and its events to the queue; None when it has ended."""
        process = job.process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(request)
            process.stdin.close()
        except OSError:  # it has died already
            pass
        with process.stdout:
            for line in process.stdout:
                try:
                    self._events.put((job, json.loads(line)))
                except ValueError:
                    continue
        process.wait()
        self._events.put((job, None))

    def _end(self, job: _Job, outcome: SuiteOutcome, shown: SuiteProgress) -> None:
        self._jobs.remove(job)
        end = job.end or self._died(job)
        job.errors.close()
        if end["event"] == "completed":
            outcome.completed.append(job.cell)
        elif not self._stopping or end["event"] != "interrupted":
            outcome.failed.append((job.cell, end["message"]))
        shown.ended(job.cell, end["event"], end["score"], end["seconds"], end["message"])

    def _died(self, job: _Job) -> dict[str, Any]:
        """Records a process that ended without a word."""
        seconds = time.monotonic() - job.clock
        if self._stopping:
            told = self._write(job, "interrupted", None)
            return {"event": "interrupted", "score": None, "seconds": seconds, "message": told}
        code = job.process.returncode
        try:
            how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
        except ValueError:
            how = f"by signal {-code}"
        job.errors.seek(0)
        said = job.errors.read()[-_TAIL:]
        error = {"type": "ProcessDied", "message": f"the process ended {how}", "traceback": said}
        told = self._write(job, "failed", error)
        message = f"{error['message']}; {told}" if told else error["message"]
        return {"event": "failed", "score": None, "seconds": seconds, "message": message}

    def _write(self, job: _Job, status: str, error: dict[str, str] | None) -> str:
        """Writes a record for a process that did not; what went wrong with that, if anything."""
        record = new_record(
            job.plan,
            status=status,
            error=error,
            provenance=collect_provenance(
                started_at=job.started_at, threads=self._run.threads, command=self._command
            ),
            cost={
                "wall_clock_seconds": {"training": None, "evaluation": None},
                "environment_steps": None,
                "gradient_steps": None,
                "tokens": None,
                "reward_calls": None,
                "peak_memory_bytes": None,
            },
        )
        try:
            self._store.write(record)
        except OSError as unwritten:
            return f"no record of it: {unwritten}"
        return ""

    def stop(self, outcome: SuiteOutcome, shown: SuiteProgress) -> None:
        """Ends the running cells; each records that it was interrupted, or it is recorded here.

        What a process had said before it heard of it holds: a cell that was done is done.
        """
        self._stopping = True
        for job in self._jobs:
            job.process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + _GRACE
        while self._jobs:
            try:
                if time.monotonic() > deadline:
                    for job in self._jobs:
                        job.process.kill()
                self._hear(outcome, shown)
            except KeyboardInterrupt:  # once more: there is no grace any longer
                deadline = 0.0
