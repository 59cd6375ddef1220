"""How many threads the process of a run uses."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from llm_baselines.spec import AgentSpec
from llm_benchmarks.run.suite import Suite

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
)


def limit_threads(asked: int | None, agent: AgentSpec) -> None:
    """Limits the threads of this process for one agent.

    Small models lose by a second thread where other programs run: each operation waits until both had their
    turn. On two busy cores an update of the preset "small" took 0.7 s with one thread and 5.6 s with two.

    Args:
        asked: A number to use whatever else is said. If None, OMP_NUM_THREADS decides where it is set.
            Otherwise torch keeps all cores for pretrained models and for agents of the user's own code, and
            gets one thread for the rest.
        agent: The agent that is going to run.
    """
    if asked is not None:
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(asked)))
        pin_torch()
    elif "OMP_NUM_THREADS" not in os.environ and agent.base_model is None and ":" not in agent.name:
        _set_torch_threads(1)


def with_threads(suite: Suite, asked: int | None) -> Suite:
    """Returns a suite whose cells use as many threads as the user says, here or by OMP_NUM_THREADS."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    threads = int(said) if asked is None and said.isdigit() and int(said) else asked
    return suite if threads is None else replace(suite, run=replace(suite.run, threads=threads))


def pin_torch() -> None:
    """Limits torch, if it is loaded, to the threads that the environment variables allow."""
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdigit():
        _set_torch_threads(int(threads))


def _set_torch_threads(threads: int) -> None:
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)
