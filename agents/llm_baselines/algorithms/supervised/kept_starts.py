"""A folder of trained warm starts, so that agents with the same warm start train it once."""

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
    """Returns the name of a warm start; everything that affects the result is part of the name.

    Args:
        agent: An untrained agent on an environment made from one of our ids.
        total_timesteps: The length of its training.
    """
    assert agent.env.spec is not None
    signature = agent.task.signature
    if values_of(agent.config).get("eval_freq") == 0:  # without evaluations no reward chooses the weights
        signature = signature.replace(agent.task.reward.signature, "-")
    affecting = [
        agent.model_spec,
        signature,
        agent.task.split,
        agent.seed,
        str(agent.device),
        {k: v for k, v in values_of(agent.config).items() if k not in OF_NO_EFFECT},
        total_timesteps,
        torch.__version__,
        torch.get_num_threads(),
    ]
    key = hashlib.sha256(json.dumps(affecting, default=repr).encode()).hexdigest()[:16]
    return f"{agent.env.spec.id}-{agent.seed}-{key}"


def keep(agent: LanguageAgent, kept: Path) -> None:
    """Saves a trained agent as a warm start; an interruption leaves nothing half written."""
    with deferred_signals(), temporary_folder(kept.parent, f".{kept.name}-") as place:
        agent.save(place / "agent")
        try:
            (place / "agent").rename(kept)
        except OSError:  # another process was faster, with the same weights
            if not kept.exists():
                raise


@contextmanager
def locked(kept: Path) -> Iterator[None]:
    """Locks a warm start; waits while another process trains it. A folder without locks is not locked.

    Args:
        kept: The path of the warm start.
    """
    lock = FileLock(kept.with_name(f".{kept.name}.lock"))
    try:
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout:
            print(f"another process trains the warm start {kept.name}: waiting for it", file=sys.stderr)
            lock.acquire()
        except OSError:  # the folder is read-only, or the file system has no locks
            pass
        yield
    finally:
        lock.release()
