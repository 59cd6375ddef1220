"""Runs in processes of their own, killed at a chosen moment: at a call made by or into llm_baselines."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

_HEAVY = [
    "llm_baselines.algorithms.factories",
    "transformers.models.llama.modeling_llama",
    "torch.utils.tensorboard",
]
_WRITING = {"replace_folder", "write", "write_and_seal", "_save", "write_checkpoint"}
Moment = tuple[int, bool]
_CONTEXT = multiprocessing.get_context("forkserver") if os.name == "posix" else None


class _Calls:
    """Counts calls made by or into llm_baselines, and kills the process at one of them.

    Args:
        last: (n, writing): the n-th call, or the n-th in the writing of checkpoints; None: none.
    """

    def __init__(self, last: Moment | None) -> None:
        self.counts, self.last = [0, 0], last

    def __call__(self, frame: Any, event: str, argument: Any) -> None:
        code = frame.f_code
        if event not in ("call", "c_call") or "llm_baselines" not in code.co_filename:
            return
        self.counts[0] += 1
        self.counts[1] += code.co_name in _WRITING
        if self.last is not None and self.counts[self.last[1]] == self.last[0]:
            os.kill(os.getpid(), signal.SIGKILL)


def _run(name: str, folder: Path, total: int, last: Moment | None) -> None:
    import torch
    from safetensors.torch import save_file
    from tiny_agents import make, weights
    from tqdm.auto import tqdm

    torch.set_num_threads(1)
    tqdm.set_lock(threading.RLock())  # no semaphore that a killed process would leave behind
    calls = _Calls(last)
    agent = make(name)
    sys.setprofile(calls)
    agent.learn(total, run_folder=folder, resume=True)
    sys.setprofile(None)
    save_file(weights(agent), folder / "final.safetensors")
    report = {k: v for k, v in asdict(agent.report).items() if k not in ("seconds", "curve")}
    curve = [{k: v for k, v in row.items() if k != "seconds"} for row in agent.report.curve]
    text = json.dumps({"report": report, "curve": curve, "calls": calls.counts})
    (folder / "final.json").write_text(text)


def run(name: str, folder: Path, total: int, last: Moment | None = None) -> int | None:
    """Trains in a process of its own, from the folder's checkpoint where it has one; its exit code.

    Args:
        name: One of tiny_agents.AGENTS.
        folder: The run folder; the weights at the end are written there too.
        total: Steps.
        last: The moment at which the process is killed; None: it lives to the end.
    """
    assert _CONTEXT is not None
    folder.mkdir(parents=True, exist_ok=True)
    _CONTEXT.set_forkserver_preload(_HEAVY)
    process = _CONTEXT.Process(target=_run, args=(name, folder, total, last))
    process.start()
    process.join()
    return process.exitcode


def final(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weights and report of a run that came to its end."""
    from safetensors.torch import load_file

    return load_file(folder / "final.safetensors"), json.loads((folder / "final.json").read_text())


def moments(whole: dict[str, Any], rng: np.random.Generator) -> Iterator[Moment]:
    """Moments to die at within the first third of what a whole run does, every other while it is saved.

    Args:
        whole: The report of a run that was not killed.
        rng: Draws them.
    """
    for writing in itertools.cycle((False, True)):
        yield int(rng.uniform(0.02, 0.3) * whole["calls"][writing]), writing
