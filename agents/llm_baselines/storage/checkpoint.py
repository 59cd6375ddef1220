"""Checkpoints of a run: everything for a bit-identical resume, as safetensors and JSON with a manifest."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from llm_baselines.agent import Learner, TrainingReport
from llm_baselines.spec import RunSpec
from llm_baselines.storage.fields import CHECKPOINT, LATER, check_fields
from llm_baselines.storage.rotation import replace_checkpoint
from llm_baselines.storage.run_fields import read_run
from llm_baselines.storage.sealed_folder import (
    AgentFolderError,
    json_able,
    open_sealed,
    read_json,
    write_json,
)
from llm_baselines.storage.tensors import load_optimizer, optimizer_tensors, read_tensors, write_tensors
from llm_baselines.storage.training_spec import check_same_training, tokens_of
from llm_baselines.storage.upgrade import upgraded_checkpoint

_STATE, _NETWORK, _OPTIMIZER, _BEST = (
    "state.json",
    "network.safetensors",
    "optimizer.safetensors",
    "best.safetensors",
)
_KIND = "a checkpoint"


def write_checkpoint(
    folder: Path,
    spec: RunSpec,
    learner: Learner,
    state: dict[str, Any],
    best: dict[str, torch.Tensor] | None,
) -> Path:
    """Writes a checkpoint, then removes the earlier one.

    Args:
        folder: Holds checkpoints, each named by the round it was taken after.
        spec: The training.
        learner: The learner, between two rounds.
        state: The state of the run around it; JSON-able.
        best: The weights that were best on validation so far.
    """
    whole = {
        "spec": spec.to_dict(),
        "tokens": tokens_of(learner.env),
        "reference_identity": learner.reference_identity(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "round": learner.rounds,
        "num_timesteps": learner.num_timesteps,
        "report": json_able(asdict(learner.report)),
        "exact": learner.exact,
        "learner": learner.state(),
        **state,
    }

    def write(place: Path) -> None:
        write_tensors(learner.stored_tensors(), place / _NETWORK)
        if learner.optimizer is not None:
            write_tensors(optimizer_tensors(learner.optimizer), place / _OPTIMIZER)
        if best is not None:
            write_tensors(best, place / _BEST)
        learner.save_more(place)
        write_json(place / _STATE, whole, default=float)

    return replace_checkpoint(folder / f"{learner.rounds:09d}", write)


def read_checkpoint(
    place: Path, learner: Learner, spec: RunSpec
) -> tuple[dict[str, Any], dict[str, torch.Tensor] | None]:
    """Restores a learner from a checkpoint: its weights, optimizer, replay, counters and report.

    Args:
        place: The checkpoint.
        learner: Newly made.
        spec: The training that resumes.

    Returns:
        The state, for the run around the learner, and the weights that were best on validation, if any were
        kept. `learner.exact` stays True if the rest of the run is bit-identical to an uninterrupted one.

    Raises:
        AgentFolderError: A file is missing, altered or cut short (the error names it), or the checkpoint is
            of another training.
    """
    way_out = f"; delete '{place}' to train afresh"
    place, hashes = open_sealed(place, (_STATE, _NETWORK), kind=_KIND, way_out=way_out)
    state = read_json(place / _STATE, kind=_KIND, way_out=way_out)
    if "spec" not in state:
        state = upgraded_checkpoint(state, place / _STATE)
    check_fields(state, CHECKPOINT, place / _STATE, needed=CHECKPOINT.keys() - LATER)
    before = read_run(state["spec"], place / _STATE)
    check_same_training(place, before, spec, type(learner.config), state["tokens"], learner.env)
    deviations = list(_deviations(place, state, before, spec))
    for deviation in deviations:
        warnings.warn(deviation, stacklevel=2)
    try:
        learner.take_tensors(read_tensors(place / _NETWORK, way_out=way_out))
        if learner.optimizer is not None:
            kept = read_tensors(place / _OPTIMIZER, infinite=True, way_out=way_out)
            load_optimizer(learner.optimizer, kept)
        learner.load_more(place)
        best = read_tensors(place / _BEST, way_out=way_out) if _BEST in hashes else None
    except AgentFolderError:
        raise
    except (RuntimeError, KeyError, ValueError) as error:
        raise AgentFolderError(f"'{place}' does not fit this learner: {error}") from error
    if learner.reference_identity() != state["reference_identity"]:
        raise AgentFolderError(
            f"'{place}' was trained from another model: the SHA-256 of its reference is "
            f"{state['reference_identity']}, not {learner.reference_identity()}"
        )
    learner.rounds, learner.num_timesteps = state["round"], state["num_timesteps"]
    learner.exact = state.get("exact", True) and not deviations
    learner.report = TrainingReport(**state["report"])
    learner.restore(state["learner"])
    learner.weights_changed()
    return state, best


def _deviations(place: Path, state: dict[str, Any], kept: RunSpec, here: RunSpec) -> Iterator[str]:
    """Yields the reasons why a resumed run is not bit-identical to an uninterrupted one."""
    if state["torch"] != torch.__version__:
        yield (
            f"'{place}' was written with torch {state['torch']}, and this is {torch.__version__}: its "
            "weights may not be those of an uninterrupted run to the bit"
        )
    threads = torch.get_num_threads()
    if state["threads"] != threads:
        yield (
            f"'{place}' was written with {state['threads']} threads and this run has {threads}: sums are "
            "taken in another order, so its weights will not be those of an uninterrupted run to the bit"
        )
    steps, now = (run.training.total_timesteps if run.training else 0 for run in (kept, here))
    if steps != now:
        yield (
            f"'{place}' was on its way to {steps} steps and now goes to {now}: schedules over the whole of "
            "training change"
        )
