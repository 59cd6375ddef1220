"""`llm-envs` commands in processes forked from one that has imported everything: killed at chosen moments.

Run as a script it is that process: it reads requests from standard input, a line of JSON each, and answers on
standard output. Workers of `benchmark` are forked likewise, with the streams and descriptors that
`subprocess.Popen` would give them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

_HEAVY = [
    "llm_baselines.algorithms.factories",
    "llm_baselines.algorithms.sb3.dqn",
    "llm_benchmarks.commands.evaluate",
    "llm_benchmarks.run.runner",
    "llm_benchmarks.commands.train",
    "llm_benchmarks.run.worker",
    "torch.utils.tensorboard",
    "transformers.models.llama.modeling_llama",
]
_PACKAGES = ("llm_baselines", "llm_benchmarks")
_SAVING = {"_save", "exchange", "replace_folder", "replace_file", "temporary_folder", "write_checkpoint"}
TWICE = 0.01  # seconds between two signals


class Commands:
    """Starts commands in a folder.

    Args:
        process: This module as a script.
        folder: Where they run.
    """

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process, self.folder = process, folder

    def start(self, *words: str, at: tuple[int, int] | None = None, send: tuple[int, ...] = ()) -> int:
        """Starts `llm-envs` with some words.

        Args:
            words: The command line.
            at: (n, kind), when it signals itself: at its n-th call of a kind, see `calls`. (0, 0): never,
                but calls are counted.
            send: The signals, the second after `TWICE` seconds.

        Returns:
            Its process id; its output goes to PID.log in the folder.
        """
        return int(self._ask(words=words, folder=str(self.folder), at=at, send=send))

    def wait(self, pid: int) -> int:
        """Waits for its end; the exit status, negative for a signal."""
        return int(self._ask(wait=pid))

    def run(self, *words: str, **options: Any) -> int:
        """Starts, and waits."""
        return self.wait(self.start(*words, **options))

    def log(self, pid: int) -> str:
        """What it printed."""
        path = self.folder / f"{pid}.log"
        return path.read_text() if path.exists() else ""

    def calls(self) -> list[int]:
        """Calls counted in a command: in our packages, by what saves, in runner.py and cell_process.py."""
        counted: list[int] = json.loads((self.folder / "calls.json").read_text())
        return counted

    def _ask(self, **request: Any) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


@contextmanager
def serving() -> Iterator[subprocess.Popen[str]]:
    """The process that forks commands, from start to end."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    environment |= {"COLUMNS": "500", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    with subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def _serve() -> None:
    from importlib import import_module

    for module in _HEAVY:
        import_module(module)
    _warm_up()
    answers = os.fdopen(os.dup(1), "w")
    while line := sys.stdin.readline():
        request = json.loads(line)
        if "wait" in request:
            answer = _wait(request["wait"])
        else:
            answer = os.fork()
            if not answer:
                _become_command(**request)
        answers.write(f"{answer}\n")
        answers.flush()


def _wait(pid: int) -> int:
    """The exit status of a command; one that never ends is killed, and its test fails."""
    end = time.monotonic() + 180
    while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            ended = os.waitpid(pid, 0)
            break
        time.sleep(0.005)
    return os.waitstatus_to_exitcode(ended[1])


def _warm_up() -> None:
    """Makes once what every command would make again; nothing is trained, as autograd may not be forked."""
    import gymnasium as gym

    from llm_baselines.registry import make_agent
    from llm_benchmarks.records.store import RecordStore
    from llm_benchmarks.run.cell import run_cell
    from llm_benchmarks.run.cells import Cell, Evaluation

    env = gym.make("TextGen-Tiny-v0")
    make_agent("token_dqn", env, seed=0, device="cpu", config={"model": "nano"})
    make_agent("sb3_dqn", env, seed=0, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        cell = Cell(env="TextGen-Tiny-v0", agent="random", evaluation=Evaluation(episodes=1))
        run_cell(cell, RecordStore(folder))


def _become_command(words: list[str], folder: str, at: tuple[int, int] | None, send: list[int]) -> None:
    os.chdir(folder)
    os.setsid()
    with open(f"{os.getpid()}.log", "w") as log, open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)

    from llm_benchmarks.__main__ import app
    from llm_benchmarks.run import cell_process

    cell_process.subprocess = SimpleNamespace(Popen=_ForkedWorker, PIPE=subprocess.PIPE)  # type: ignore[assignment]
    calls = _Calls(at, send)

    def command() -> int:
        sys.argv = ["llm-envs", *words]
        sys.settrace(calls if at is not None else None)
        try:
            app()
        except SystemExit as end:
            sys.settrace(None)
            Path("calls.json").write_text(json.dumps(calls.counts))
            return int(end.code or 0)
        return 0

    _exit_with(command)


def _exit_with(function: Any) -> None:
    status = 70
    try:
        status = function()
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)


class _Calls:
    """Counts calls into our packages, and signals its own process at one of them."""

    def __init__(self, at: tuple[int, int] | None, send: list[int]) -> None:
        self.counts, self._at, self._send = [0, 0, 0], at, send

    def __call__(self, frame: Any, event: str, argument: Any) -> None:
        code = frame.f_code
        if not any(package in code.co_filename for package in _PACKAGES):
            return
        self.counts[0] += 1
        self.counts[1] += _saves(frame)
        self.counts[2] += code.co_filename.endswith(("runner.py", "cell_process.py"))
        if self._at is not None and self.counts[self._at[1]] == self._at[0]:
            self._at = None
            if len(self._send) > 1:
                threading.Timer(TWICE, os.kill, (os.getpid(), self._send[1])).start()
            os.kill(os.getpid(), self._send[0])


def _saves(frame: Any) -> bool:
    """Whether a call is of something that saves, or made by it."""
    for _ in range(3):
        if frame is None:
            return False
        if frame.f_code.co_name in _SAVING:
            return True
        frame = frame.f_back
    return False


class _ForkedWorker:
    """What cell_process.py uses of `subprocess.Popen`, forked instead of begun from nothing."""

    def __init__(self, command: Any, stderr: Any, env: Any, pass_fds: Any, **options: Any) -> None:
        (child_in, self_out), (self_in, child_out) = os.pipe(), os.pipe()
        self.returncode: int | None = None
        counted = sys.gettrace()
        sys.settrace(None)  # what libraries do after a fork is no call of the command
        unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # not amid what libraries do
        self.pid = os.fork()
        signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
        if self.pid:
            sys.settrace(counted)
        else:
            for ours, theirs in ((child_in, 0), (child_out, 1), (stderr.fileno(), 2)):
                os.dup2(ours, theirs)
            kept = {0, 1, 2, *pass_fds}
            for descriptor in map(int, os.listdir("/proc/self/fd")):
                if descriptor not in kept:
                    with suppress(OSError):
                        os.close(descriptor)
            os.setsid()
            os.environ.update(env)
            _become_worker()
        os.close(child_in)
        os.close(child_out)
        self.stdin = os.fdopen(self_out, "w", encoding="utf-8")
        self.stdout = os.fdopen(self_in, encoding="utf-8")

    def send_signal(self, signum: int) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signum)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self) -> int:
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode


def _become_worker() -> None:
    from llm_benchmarks.run import worker

    sys.settrace(None)
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_DFL)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
    _exit_with(worker.main)


if __name__ == "__main__":
    _serve()
