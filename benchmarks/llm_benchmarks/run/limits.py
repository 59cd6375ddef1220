"""Limits on the time and the memory of one cell, and how the command line and suites write them.

The process that started a cell watches it and kills it when it passes a limit. The memory is the resident
memory of the cell's process and of its children: an address-space limit (RLIMIT_AS) would count what torch
and CUDA only reserve, which is many gigabytes.
"""

from __future__ import annotations

import math
import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil

_NUMBER = re.compile(r"(\d{1,12}(?:\.\d{1,6})?) ?([A-Za-z]*)")
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"MB": 10**6, "GB": 10**9, "TB": 10**12, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_EVERY = 0.25  # seconds between two looks at a cell

TIMEOUT, MEMORY = "CellTimeout", "CellMemoryExceeded"
"""Error types of the records of cells that passed a limit."""


@dataclass(frozen=True)
class Limits:
    """What one cell may use.

    Attributes:
        seconds: Wall-clock time of the cell's process; None for no limit.
        memory_bytes: Resident memory of the cell's process and its children; None for no limit.
    """

    seconds: float | None = None
    memory_bytes: int | None = None


def parse_duration(text: str, where: str) -> float:
    """Returns the seconds of a text such as "90", "30s", "45m", "2h" or "1.5d".

    Args:
        text: The text.
        where: The option it belongs to, for errors.

    Raises:
        ValueError: The text has another form, or the time is 0.
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None or match[2] not in _SECONDS or not float(match[1]):
        raise ValueError(f"{where} {text!r} is no time above 0; write seconds, or 30s, 45m, 2h, 1d")
    return float(match[1]) * _SECONDS[match[2]]


def parse_memory(text: str, where: str) -> int:
    """Returns the bytes of a text such as "500MB", "4GB" or "4GiB".

    Args:
        text: The text.
        where: The option it belongs to, for errors.

    Raises:
        ValueError: The text has another form, or the size is 0.
    """
    match = _NUMBER.fullmatch(text.strip())
    units = {unit.lower(): size for unit, size in _BYTES.items()}
    size = 0 if match is None else math.floor(float(match[1]) * units.get(match[2].lower(), 0))
    if not size:
        raise ValueError(
            f"{where} {text!r} is no size above 0 in MB, GB, TB, MiB, GiB or TiB; write it as 500MB or 4GiB"
        )
    return size


def watch(pid: int, limits: Limits, is_running: Callable[[], bool]) -> tuple[str, str] | None:
    """Waits until a process has ended or passes a limit.

    Args:
        pid: The process.
        limits: Its limits.
        is_running: False once the process has ended.

    Returns:
        The error type and its message if the process passes a limit; None if it ended before.
    """
    begun = time.monotonic()
    while is_running():
        if limits.seconds is not None and time.monotonic() - begun > limits.seconds:
            return TIMEOUT, f"ran longer than its limit of {limits.seconds:g} s (--cell-timeout)"
        if limits.memory_bytes is not None and (used := resident_bytes(pid)) > limits.memory_bytes:
            megabytes = (used // 10**6, limits.memory_bytes // 10**6)
            return MEMORY, f"used {megabytes[0]:,} MB, its limit is {megabytes[1]:,} MB (--cell-memory)"
        time.sleep(_EVERY)
    return None


def resident_bytes(pid: int) -> int:
    """Returns the resident memory of a process and its children; 0 if it has ended."""
    used = 0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                used += one.memory_info().rss
    return used


def kill_group(pid: int) -> None:
    """Kills a process that leads a session, and what it started in that session."""
    if os.name == "posix":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    else:
        with suppress(psutil.Error):
            psutil.Process(pid).kill()
