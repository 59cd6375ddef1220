"""The process of one cell, as the process of its suite sees it. worker.py is its other side."""

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
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from llm_baselines.spec import RunSpec
from llm_baselines.storage.locks import Lock
from llm_benchmarks.records.provenance import utc_now
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.cells import Cell
from llm_benchmarks.run.suite import Run
from llm_benchmarks.run.threads import THREAD_VARIABLES
from llm_envs.foreign import allowed_code

_TAIL = 4000  # characters of a dead process's standard error that its record keeps


class PlannedCell(NamedTuple):
    """A cell that will run, with its run and its facts as far as they are known."""

    cell: Cell
    spec: RunSpec
    facts: Mapping[str, Any]


class CellProcess:
    """Starts the process of a cell and puts its events into a queue.

    Args:
        planned: The cell.
        run: How the suite's cells are run.
        store: The process writes its record here.
        lock: The store's lock on the cell; it goes over to the process.
        records_before: Ids of the cell's records in the store so far.
        command: The command line that the record names.
        events: Takes (this object, event); the event is None when the process has ended.

    Attributes:
        cell: The cell.
        spec: Its run.
        facts: The facts of its record.
        records_before: Ids of the cell's records before the process started.
        started_at: When the process started, as records write it.
        last_event: How the run ended, as the process reported it; None before.
    """

    def __init__(
        self,
        planned: PlannedCell,
        *,
        run: Run,
        store: RecordStore,
        lock: Lock,
        records_before: set[str],
        command: list[str],
        events: Events,
    ) -> None:
        self.cell, self.spec, self.facts = planned
        self.records_before = records_before
        self.last_event: dict[str, Any] | None = None
        self._events = events
        environment = dict(os.environ)
        environment.update(dict.fromkeys(THREAD_VARIABLES, str(run.threads)))
        environment["TOKENIZERS_PARALLELISM"] = "false"
        environment["PYTHONIOENCODING"] = "utf-8:backslashreplace"  # of the standard error that is read below
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "llm_benchmarks.run.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            env=environment,
            start_new_session=True,  # Ctrl-C reaches only the suite's process, which passes it on
            pass_fds=(lock.descriptor,) if os.name == "posix" else (),
        )
        lock.hand_on()
        self.started_at, self._clock = utc_now(), time.monotonic()
        request = {
            "cell": self.cell.to_dict(),
            "store": str(store.path.absolute()),
            "device": run.device,
            "threads": run.threads,
            "keep_checkpoints": run.keep_checkpoints,
            "command": command,
            "allow_code": sorted(allowed_code()),
        }
        threading.Thread(target=self._listen, args=(json.dumps(request),), daemon=True).start()

    def interrupt(self) -> None:
        """Sends SIGINT."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Sends SIGKILL."""
        self._process.kill()

    def seconds(self) -> float:
        """Returns the seconds since the process started."""
        return time.monotonic() - self._clock

    def death(self) -> dict[str, str]:
        """Returns the error section of a record for a process that ended without a result."""
        code = self._process.returncode
        try:
            how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
        except ValueError:
            how = f"by signal {-code}"
        self._errors.seek(0)
        tail = self._errors.read()[-_TAIL:]
        return {"type": "ProcessDied", "message": f"the process ended {how}", "traceback": tail}

    def close(self) -> None:
        """Deletes the file with the standard error of the process."""
        self._errors.close()

    def _listen(self, request: str) -> None:
        """Sends the request to the process, and its events to the queue.

        Standard input stays open until the process ends: its end tells the process that its parent is gone.
        """
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(OSError):  # the process may have died already
            process.stdin.write(request + "\n")
            process.stdin.flush()
        with process.stdout:
            for line in process.stdout:
                try:
                    self._events.put((self, json.loads(line)))
                except ValueError:
                    continue
        process.wait()
        with suppress(OSError):
            process.stdin.close()
        self._events.put((self, None))


Events = queue.Queue[tuple[CellProcess, dict[str, Any] | None]]
"""The events of the processes, in the order in which they arrive."""
