"""The engine `submitit`: a cell is a job of SLURM, or of submitit's local executor.

A job writes the events of its cell into a file beside the job's own files, and this process reads them. So
the folder of these files must be seen by all machines; by default it lies in the store.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from llm_baselines.configuration.options import make_config, option
from llm_baselines.storage.locks import Lock
from llm_benchmarks.console.termination import termination_interrupts
from llm_benchmarks.run.engines.engine import Death, EngineError, Event, Events, Request
from llm_benchmarks.run.engines.node import run_here
from llm_benchmarks.run.engines.remote_cell import RemoteCell
from llm_benchmarks.run.limits import Limits
from llm_benchmarks.run.suite import Run
from llm_envs.checks.extras import require

FOLDER = ".jobs"
_ALL = 10_000  # jobs in SLURM's queue at most
_EVERY = 1.0  # seconds between two looks at the jobs
_MARGIN = 10  # minutes of a job beyond the limit of its cell
_DAY = 24 * 60
_TAIL = 4000
_FINAL = ("TIMEOUT", "OUT_OF_ME", "CANCELLED")  # states of jobs that would end so again, or were told to end
_END: Event = {"event": "end"}


@dataclass(frozen=True, kw_only=True)
class SubmititOptions:
    """Options of the engine `submitit`."""

    cluster: str = option("slurm", "slurm, or local for processes of this machine")
    folder: str = option("", "for the files of the jobs, seen by all machines; by default in the store")
    timeout_min: int = option(
        0, "minutes of a job; by default 10 more than --cell-timeout, or a day", at_least=0
    )
    mem_gb: float = option(0.0, "memory of a job in GB; by default that of --cell-memory", at_least=0)
    gpus: int = option(0, "GPUs of a job; one if [run] device is cuda", at_least=0)
    partition: str = option("", "partition of SLURM")
    account: str = option("", "account of SLURM")
    qos: str = option("", "quality of service of SLURM")
    constraint: str = option("", "constraint of SLURM")
    setup: list[str] = option([], "shell commands before each job of SLURM, such as module load python")


def parameters_of(run: Run, limits: Limits, options: SubmititOptions) -> dict[str, Any]:
    """Returns the parameters of a job, as submitit's `AutoExecutor` takes them.

    Args:
        run: How the suite's cells are run.
        limits: What a cell may use. Its own limits act first, so that the reason stands in its record.
        options: Options of the engine.
    """
    minutes = _DAY if limits.seconds is None else int(limits.seconds // 60) + 1 + _MARGIN
    memory = options.mem_gb or (limits.memory_bytes or 0) * 1.1 / 2**30
    chosen = {name: getattr(options, name) for name in ("partition", "account", "qos", "constraint", "setup")}
    chosen = {f"slurm_{name}": value for name, value in chosen.items() if value}
    if gpus := options.gpus or int(run.device.startswith("cuda")):
        chosen["gpus_per_node"] = gpus
    if memory:
        chosen["mem_gb"] = round(memory, 3)
    return {
        "name": "llm-envs",
        "timeout_min": options.timeout_min or minutes,
        "cpus_per_task": run.threads,
        "tasks_per_node": 1,
        **chosen,
    }


class SubmititEngine:
    """Runs cells as jobs.

    Args:
        run: How the suite's cells are run.
        limits: What a cell may use.
        settings: Values of `SubmititOptions` by name.
        store: Folder of the store.

    Raises:
        MissingExtra: submitit is not installed.
        ValueError: A setting is unknown or wrong.
        EngineError: There is no SLURM here, or it refuses the parameters.
    """

    queues = True

    def __init__(self, run: Run, limits: Limits, settings: Mapping[str, Any], store: Path) -> None:
        options = make_config(SubmititOptions, settings)
        if options.cluster not in ("slurm", "local"):
            raise ValueError(f"cluster={options.cluster!r} is none of slurm, local")
        require("slurm", ("submitit",), "--engine submitit")
        import submitit

        self.slots = run.processes if options.cluster == "local" else _ALL
        place = Path(options.folder).absolute() if options.folder else store.absolute() / FOLDER
        self._folder = place / uuid4().hex[:12]
        try:
            self._folder.mkdir(parents=True, mode=0o700)
            self._executor = submitit.AutoExecutor(self._folder, cluster=options.cluster)
            self._executor.update_parameters(**parameters_of(run, limits, options))
        except Exception as error:
            self.close()
            raise EngineError(
                f"submitit: {error}; `sinfo` must work on this machine, or name cluster=local"
            ) from None
        self._jobs: list[_Job] = []
        self._is_closed = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def start(self, request: Request, lock: Lock, events: Events) -> RemoteCell:
        """Submits a job for a cell."""
        lock.release()  # the machine of the cell takes it
        place = self._folder / uuid4().hex
        try:
            submitted = self._executor.submit(run_job, request.to_dict(), str(place))
        except Exception as error:
            raise EngineError(f"SLURM takes no job: {error}") from error
        job = _Job(submitted, self._executor.cluster == "local", place, events)
        self._jobs.append(job)
        return job.cell

    def close(self) -> None:
        """Deletes the files of the jobs."""
        if hasattr(self, "_is_closed"):
            self._is_closed.set()
        shutil.rmtree(self._folder, ignore_errors=True)
        with suppress(OSError):  # another suite has files there
            self._folder.parent.rmdir()

    def _listen(self) -> None:
        """Passes the events of all jobs on, until the engine is closed."""
        while not self._is_closed.wait(_EVERY):
            for job in list(self._jobs):
                if job.look():
                    self._jobs.remove(job)


class _Job:
    """A submitted job.

    Args:
        job: As submitit returned it.
        is_local: Whether it is a process of this machine, whose number is the job's.
        place: The file into which it writes its events.
        events: Receives the events.
    """

    def __init__(self, job: Any, is_local: bool, place: Path, events: Events) -> None:
        self._job, self._is_local, self._place = job, is_local, place
        self._read = 0  # bytes of the file
        self.cell = RemoteCell(events, self._cancel)

    def look(self) -> bool:
        """Passes new events on. Returns whether the job has ended."""
        try:
            over = self._job.done()
        except Exception:  # the scheduler does not answer; the next look may tell
            over = False
        for event in self._new():  # after the state was asked for, so that no last event is missed
            if event == _END:
                self.cell.end()
                return True
            self.cell.receive(event)
        if over:
            self.cell.end(self._death())
        return over

    def _new(self) -> list[Event]:
        try:
            with self._place.open("rb") as file:
                file.seek(self._read)
                text = file.read()
        except OSError:
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        return [json.loads(line) for line in whole.splitlines()]

    def _death(self) -> Death:
        state, tail = "unknown", ""
        with suppress(Exception):
            state = str(self._job.state)
        with suppress(OSError):
            tail = self._job.paths.stderr.read_text(encoding="utf-8", errors="replace")[-_TAIL:]
        message = f"job {self._job.job_id} ended without a result, in state {state}"
        error = {"type": "JobDied", "message": message, "traceback": tail}
        return Death(error, again=not state.upper().startswith(_FINAL))

    def _cancel(self, force: bool) -> None:
        with suppress(Exception):  # it may have ended
            if self._is_local and not force:
                # `cancel` would kill the job after a second. SIGTERM is what SLURM sends first.
                if not self._job.done():
                    os.kill(int(self._job.job_id), signal.SIGTERM)
            else:
                self._job.cancel(check=False)


def run_job(request: dict[str, Any], place: str) -> None:
    """Runs a cell; a job calls it on its machine.

    Args:
        request: From `Request.to_dict`.
        place: The file that takes the events.
    """
    # submitit ignores SIGTERM, by which SLURM says that a job must end.
    with termination_interrupts():
        for event in run_here(Request.from_dict(request)):
            _append(place, event)
    _append(place, _END)


def _append(place: str, event: Event) -> None:
    """Adds an event to a file. It is closed at once, so that other machines see the event."""
    with open(place, "a", encoding="utf-8") as file:
        file.write(json.dumps(event) + "\n")
