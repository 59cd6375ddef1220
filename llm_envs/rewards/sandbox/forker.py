"""The interpreter that forks the processes of each text. It reads jobs on its input until that ends."""

from __future__ import annotations

import codecs
import gc
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.machinery import BuiltinImporter, FrozenImporter
from typing import Any

from llm_envs.rewards.sandbox import frames, lockdown, test_process, text_process

MODULES = (
    *("abc", "array", "bisect", "calendar", "cmath", "collections", "collections.abc", "contextlib", "copy"),
    *("dataclasses", "datetime", "decimal", "difflib", "enum", "fractions", "functools", "hashlib", "heapq"),
    *("inspect", "io", "itertools", "json", "math", "numbers", "operator", "os", "pprint", "random", "re"),
    *("statistics", "string", "struct", "sys", "textwrap", "time", "types", "typing", "unicodedata", "uuid"),
    *("__future__", "base64", "binascii", "queue", "secrets", "shlex", "weakref", "zlib"),
)
"""What a text may import, besides modules that are part of the interpreter."""
ENCODINGS = ("ascii", "latin-1", "utf-8", "utf-8-sig", "utf-16", "utf-32", "unicode_escape", "cp1252")
"""Encodings are modules as well."""
REPORT = 4 << 20


def main() -> None:
    """Answers jobs.

    A job is a header and a program. If the program defines its functions, tests follow, which only the
    process of the tests reads.
    """
    jobs, answers = 0, os.dup(1)
    os.dup2(2, 1)  # nothing but answers is written there
    for module in MODULES:
        import_module(module)
    for encoding in ENCODINGS:
        codecs.lookup(encoding)
    sys.meta_path[:] = [BuiltinImporter, FrozenImporter]
    sys.path.clear()
    sys.path_importer_cache.clear()
    gc.collect()
    gc.freeze()
    while True:
        try:
            header = json.loads(frames.receive(jobs))
        except frames.Closed:
            return
        work = _check if header["syntax_only"] else _job
        frames.send(answers, work(header, jobs, answers))


def _check(header: dict[str, Any], jobs: int, _: int) -> bytes:
    """Checks the syntax of many programs in one process. The answer is null if it was ended."""
    programs = json.loads(frames.receive(jobs))
    reports, report = os.pipe()
    checker = _fork(header, (report,), lambda: text_process.check_syntax(programs, report))
    os.close(report)
    said = _message(reports, time.monotonic() + header["wall_seconds"], REPORT)
    os.close(reports)
    _end(checker)
    return b"null" if said is None else said


def _job(header: dict[str, Any], jobs: int, answers: int) -> bytes:
    """Runs one job and returns its end: the report of the tests, or why there is none."""
    program = frames.receive(jobs).decode("utf-8", "surrogatepass")
    deadline = time.monotonic() + header["wall_seconds"]
    from_tests, requests = os.pipe()
    from_text, replies = os.pipe()
    text = _fork(
        header,
        (from_tests, replies),
        lambda: text_process.serve(program, from_tests, replies, header["longest"]),
    )
    os.close(from_tests)
    os.close(replies)
    broken = _defined(from_text, deadline)
    if broken:
        os.close(requests)
        os.close(from_text)
        number = _end(text)
        return json.dumps({"broken": broken, "signals": [number]}).encode()
    frames.send(answers, b"{}")
    reports, report = os.pipe()
    tests = _fork(
        header,
        (requests, from_text, report),
        lambda data: _run_tests(data, header["longest"], requests, from_text, report),
        reads=jobs,
    )
    for pipe in (requests, from_text, report):
        os.close(pipe)
    said = _message(reports, deadline, REPORT)
    os.close(reports)
    report_text = None if said is None else said.decode()
    return json.dumps({"report": report_text, "signals": [_end(text), _end(tests)]}).encode()


def _defined(replies: int, deadline: float) -> str:
    """Returns why a program does not define its functions, or "" if it does."""
    said = _message(replies, deadline, 8 * text_process.MESSAGE)
    if said is None:
        return "TextEnded: the text ended its process, or broke a limit"
    return said.decode("utf-8", "replace")


def _end(process: int) -> int:
    """Kills a process and returns the signal that ended it, 0 if it had ended by itself."""
    os.kill(process, signal.SIGKILL)
    status = os.waitpid(process, 0)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def _run_tests(data: bytes, longest: int, requests: int, replies: int, report: int) -> None:
    job = json.loads(data)
    text = test_process.Text(requests, replies, longest)
    frames.send(report, json.dumps(test_process.run(text, job["names"], job["tests"])).encode())


def _fork(
    header: dict[str, Any], pipes: tuple[int, ...], work: Callable[..., None], reads: int | None = None
) -> int:
    """Forks a process that locks itself down and works. `reads` is a pipe with a message for the work."""
    process = os.fork()
    if process:
        return process
    try:
        lockdown.die_with_parent()
        given = () if reads is None else (frames.receive(reads),)
        lockdown.keep_only(*pipes)
        lockdown.limit(cpu_seconds=header["cpu_seconds"], memory=header["memory"])
        lockdown.close_system()
        work(*given)
    finally:
        os._exit(0)


def _message(pipe: int, deadline: float, longest: int) -> bytes | None:
    """Returns the first message of a pipe; None if it does not come in time, is cut short, or is too long.

    The other side may be foreign code, so no read waits beyond the deadline.
    """
    data = b""
    while (left := deadline - time.monotonic()) > 0:
        length = int.from_bytes(data[:4], "big") if len(data) >= 4 else longest
        if length > longest:
            return None
        if len(data) >= 4 and len(data) >= 4 + length:
            return data[4 : 4 + length]
        part = os.read(pipe, 1 << 16) if select.select([pipe], [], [], left)[0] else b""
        if not part:
            return None
        data += part
    return None
