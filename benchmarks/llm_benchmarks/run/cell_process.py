"""The process of one cell, as the process that started it sees it. worker.py is its other side."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress

from llm_baselines.storage.locks import Lock
from llm_benchmarks.run.engines.engine import Death, Event, Events, Request
from llm_benchmarks.run.limits import Limits, kill_group, watch
from llm_benchmarks.run.threads import THREAD_VARIABLES

_TAIL = 4000  # characters of a dead process's standard error that its record keeps


class CellProcess:
    """Starts the process of a cell and puts its events into a queue.

    Args:
        request: The cell.
        lock: The store's lock on the cell; it goes over to the process.
        events: Takes (this object, event); the event is None when the process has ended.
        environment: Environment variables of the process, beside those of this one.

    Attributes:
        has_ended: True once the process has ended.
    """

    def __init__(
        self, request: Request, lock: Lock, events: Events, environment: Mapping[str, str] | None = None
    ) -> None:
        self.has_ended = False
        self._events = events
        self._passed: tuple[str, str] | None = None  # the limit that the process passed
        self._position = ""  # as it last reported it
        variables = dict(os.environ)
        variables.update(dict.fromkeys(THREAD_VARIABLES, str(request.threads)))
        variables["TOKENIZERS_PARALLELISM"] = "false"
        variables["PYTHONIOENCODING"] = "utf-8:backslashreplace"  # of the standard error that is read below
        variables.update(environment or {})
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "llm_benchmarks.run.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            env=variables,
            cwd=request.folder if os.path.isdir(request.folder) else None,
            start_new_session=True,  # Ctrl-C reaches only the suite's process, which passes it on
            pass_fds=(lock.descriptor,) if os.name == "posix" else (),
        )
        lock.hand_on()
        threading.Thread(target=self._listen, args=(json.dumps(request.to_dict()),), daemon=True).start()
        if request.limits != Limits():
            threading.Thread(target=self._limit, args=(request.limits,), daemon=True).start()

    def interrupt(self) -> None:
        """Sends SIGINT."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Sends SIGKILL."""
        self._process.kill()

    def death(self) -> Death:
        """Returns why the process ended without a result.

        A process that died is worth another attempt: it may have been killed, or its machine had a fault. One
        that passed a limit would pass it again.
        """
        code = self._process.returncode
        try:
            how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
        except ValueError:
            how = f"by signal {-code}"
        self._errors.seek(0)
        tail = self._errors.read()[-_TAIL:]
        kind, message = self._passed or ("ProcessDied", f"the process ended {how}")
        if self._passed and self._position:
            message = f"{message}; it was at {self._position}"
        return Death({"type": kind, "message": message, "traceback": tail}, again=self._passed is None)

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
                    event: Event = json.loads(line)
                except ValueError:
                    continue
                if event["event"] == "progress":
                    self._position = f"{event['phase']} {event['done']:,}/{event['total']:,}"
                self._events.put((self, event))
        process.wait()
        with suppress(OSError):
            process.stdin.close()
        self.has_ended = True
        self._events.put((self, None))

    def _limit(self, limits: Limits) -> None:
        """Kills the process, and what it started, when it passes a limit."""
        self._passed = watch(self._process.pid, limits, lambda: self._process.returncode is None)
        if self._passed is not None:
            kill_group(self._process.pid)
