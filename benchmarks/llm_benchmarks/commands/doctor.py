"""What an installation can do, for `llm-envs doctor`: versions, extras, device, threads, cache."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

from llm_benchmarks.console.fitting_table import Column, Row, print_table, print_wrapped
from llm_benchmarks.console.report import plain, report_console
from llm_benchmarks.run.threads import THREAD_VARIABLES
from llm_envs.assets import ASSETS, AssetError, cache_home, is_fetched
from llm_envs.checks.extras import EXTRAS

LIBRARIES = (
    "llm-envs",
    "gymnasium",
    "numpy",
    "torch",
    "transformers",
    "stable-baselines3",
    "tokenizers",
    "sacrebleu",
)
"""Distributions whose versions a bug report needs."""


def findings() -> dict[str, Any]:
    """Returns what is known about this installation, as JSON values.

    Keys: "python", "platform", "libraries" (name -> version or null), "extras" (name -> missing modules),
    "device", "threads", "cache" (folder, problem, free bytes, assets).
    """
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "extras": {name: _missing(modules) for name, modules in EXTRAS.items()},
        "device": _device(),
        "threads": {
            "cores": os.cpu_count(),
            "torch": _torch_threads(),
            "set": {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ},
        },
        "cache": _cache(),
    }


def show(*, json_output: bool) -> None:
    """Prints the findings, as text or as JSON."""
    found = findings()
    if json_output:
        print(json.dumps(found, indent=2))
        return
    console = report_console(110)
    versions = ", ".join(f"{name} {version or '-'}" for name, version in found["libraries"].items())
    print_wrapped(console, f"Python {found['python']} on {found['platform']}")
    print_wrapped(console, f"Versions  {versions}")
    device = found["device"]
    print_wrapped(console, f"Device    {device['name']}" + (f" ({device['why']})" if device["why"] else ""))
    threads = found["threads"]
    pinned = ", ".join(f"{name}={value}" for name, value in threads["set"].items())
    print_wrapped(
        console,
        f"Threads   {threads['cores']} cores"
        + (f", torch uses {threads['torch']}" if threads["torch"] else "")
        + (f"; {pinned}" if pinned else ""),
    )
    cache = found["cache"]
    print_wrapped(
        console, f"Cache     {cache['folder'] or '-'}{': ' + cache['problem'] if cache['problem'] else ''}"
    )
    print_wrapped(console, "")
    rows = [
        Row(
            [
                plain(name),
                plain("no" if gone else "yes"),
                plain(", ".join(gone)),
                plain(f"pip install 'llm-envs[{name}]'" if gone else ""),
            ]
        )
        for name, gone in found["extras"].items()
    ]
    rows += [
        Row(
            [
                plain(name),
                plain("yes" if fetched else "no"),
                plain(""),
                plain("" if fetched else f"llm-envs fetch {name}"),
            ]
        )
        for name, fetched in cache["assets"].items()
    ]
    columns = [Column("extra or asset"), Column("there"), Column("missing", rank=1), Column("how to get it")]
    print_table(console, columns, rows, all_in="--json has all")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _missing(modules: tuple[str, ...]) -> list[str]:
    return [module for module in dict.fromkeys(modules) if importlib.util.find_spec(module) is None]


def _device() -> dict[str, str]:
    """Returns the device that "auto" stands for, and why it is none better."""
    try:
        import torch
    except ImportError:
        return {"name": "none", "why": "torch is not installed: pip install 'llm-envs[agents]'"}
    from llm_baselines.lm.build import choose_device

    chosen = choose_device("auto")
    if chosen.type == "cuda":
        return {"name": str(chosen), "why": torch.cuda.get_device_name(chosen)}
    if torch.version.cuda is None and shutil.which("nvidia-smi"):
        return {"name": str(chosen), "why": "a GPU is there, but this build of torch has no CUDA"}
    return {"name": str(chosen), "why": "" if chosen.type != "cpu" else "no GPU is visible"}


def _torch_threads() -> int | None:
    try:
        import torch
    except ImportError:
        return None
    return torch.get_num_threads()


def _cache() -> dict[str, Any]:
    try:
        folder = cache_home()
    except AssetError as error:
        return {"folder": None, "problem": str(error), "free_bytes": None, "assets": {}}
    there = _nearest(folder)
    problem = "" if os.access(there, os.W_OK) else f"{there} cannot be written; set LLM_ENVS_HOME"
    return {
        "folder": str(folder),
        "problem": problem,
        "free_bytes": shutil.disk_usage(there).free,
        "assets": {name: is_fetched(name) for name in ASSETS},
    }


def _nearest(folder: Path) -> Path:
    """Returns a folder, or the nearest one above that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())
