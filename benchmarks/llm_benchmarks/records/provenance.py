"""The provenance section of a record: the code, the versions and the machine of a run."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

PACKAGES = (
    "llm-envs",
    "gymnasium",
    "numpy",
    "scipy",
    "tokenizers",
    "sacrebleu",
    "vaderSentiment",
    "py3langid",
    "chatterbot-corpus",
    "torch",
    "stable-baselines3",
    "safetensors",
    "transformers",
    "peft",
    "datasets",
    "evaluate",
)


def utc_now() -> str:
    """Returns the current time as records write it, such as 2026-01-31T12:00:00.250Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def collect_provenance(
    *,
    started_at: str,
    finished_at: str | None = None,
    threads: int | None = None,
    command: Sequence[str] | None = None,
    packages: Sequence[str] = (),
) -> dict[str, Any]:
    """Returns the provenance section of a record. It does not import torch, but reads it if it is loaded.

    Args:
        started_at: From `utc_now()` at the start of the run.
        finished_at: From `utc_now()` at its end; now if omitted.
        threads: CPU threads of the run; if omitted, torch's number or all cores.
        command: The command line; this process's if omitted. Records are published, so the folders that hold
            the program and what its absolute paths name are left out.
        packages: Distributions to list besides `PACKAGES`, such as that of a user's own agent.

    Returns:
        A mapping that the record schema accepts.
    """
    commit, dirty = git_state()
    words = [str(word) for word in (sys.argv if command is None else command)]
    return {
        "git_commit": commit,
        "git_dirty": dirty,
        "packages": _versions((*PACKAGES, *packages)),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "hardware": {
            "cpu": _cpu_model(),
            "cores": _cores(),
            "memory_bytes": psutil.virtual_memory().total,
            "accelerator": _accelerator(),
        },
        "threads": threads if threads is not None else _threads(),
        "started_at": started_at,
        "finished_at": finished_at if finished_at is not None else utc_now(),
        "command": [*(Path(word).name for word in words[:1]), *map(_without_folders, words[1:])],
    }


def _without_folders(word: str) -> str:
    """Returns a word of a command line; an absolute path in it tells no folders above the current one."""
    key, equals, value = word.rpartition("=")
    path = Path(value)
    if not path.is_absolute():
        return word
    here = Path.cwd()
    short = path.relative_to(here).as_posix() if path.is_relative_to(here) else f".../{path.name}"
    return f"{key}{equals}{short}"


def git_state() -> tuple[str | None, bool | None]:
    """Returns the commit of this code's checkout, and whether it has changes; (None, None) without one.

    An installed copy inside another repository does not count as a checkout.
    """
    here = Path(__file__).resolve()
    if _git(here, "ls-files", "--error-unmatch", here.name) is None:
        return None, None
    commit, changes = (
        _git(here, "rev-parse", "HEAD"),
        _git(here, "status", "--porcelain", "--untracked-files=no"),
    )
    return commit, None if changes is None else bool(changes)


def peak_memory_bytes() -> int:
    """Returns the peak memory of this process, without its children."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def _git(file: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=file.parent, capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _versions(names: Sequence[str]) -> dict[str, str]:
    versions = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip() or "unknown"
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown"


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _threads() -> int:
    torch = sys.modules.get("torch")
    return int(torch.get_num_threads()) if torch is not None else _cores()


def _accelerator() -> str | None:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name(0)}"
