"""Warm starts that are kept in a folder, so that agents that begin alike train once."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from llm_baselines.algorithms.language_agent import LanguageAgent
from llm_baselines.configuration.options import values_of
from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.storage.temporary import temporary_folder

OF_NO_EFFECT = ("warm_start_folder", "checkpoint_freq")
"""Options that do not change what is trained."""


def name_of(agent: LanguageAgent, total_timesteps: int) -> str:
    """The name of what a training gives: whatever decides the result decides the name.

    Args:
        agent: On an environment of ours, not yet trained.
        total_timesteps: The length of its training.
    """
    assert agent.env.spec is not None
    decides = [
        agent.model_spec,
        agent.task.signature,
        agent.task.split,
        agent.seed,
        str(agent.device),
        {k: v for k, v in values_of(agent.config).items() if k not in OF_NO_EFFECT},
        total_timesteps,
        torch.__version__,
        torch.get_num_threads(),
    ]
    key = hashlib.sha256(json.dumps(decides, default=repr).encode()).hexdigest()[:16]
    return f"{agent.env.spec.id}-{agent.seed}-{key}"


def keep(agent: LanguageAgent, kept: Path) -> None:
    """Saves what was trained as a warm start, whole or not at all."""
    with deferred_signals(), temporary_folder(kept.parent, f".{kept.name}-") as place:
        agent.save(place / "agent")
        try:
            (place / "agent").rename(kept)
        except OSError:  # another process was faster, with the same weights
            if not kept.exists():
                raise


@contextmanager
def alone(kept: Path) -> Iterator[None]:
    """Waits while another process trains the same warm start; without locks where files have none.

    Args:
        kept: Where the warm start will stand.
    """
    lock = FileLock(kept.with_name(f".{kept.name}.lock"))
    try:
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout:
            print(f"another process trains the warm start {kept.name}: waiting for it", file=sys.stderr)
            lock.acquire()
        except OSError:  # a folder that is read only, or files that nobody can lock
            pass
        yield
    finally:
        lock.release()
