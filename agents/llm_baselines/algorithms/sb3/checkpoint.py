"""Checkpoints of Stable-Baselines3's algorithms: safetensors, arrays for the replay buffer, JSON, a manifest.

Not the library's own zip file: that holds pickled objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer

from llm_baselines.spec import RunSpec
from llm_baselines.storage.exchange import standing_in
from llm_baselines.storage.fields import COUNT, LATER, SB3_CHECKPOINT, TABLE, check_fields
from llm_baselines.storage.rotation import replace_checkpoint
from llm_baselines.storage.run_fields import read_run
from llm_baselines.storage.sealed_folder import (
    AgentFolderError,
    open_sealed,
    read_json,
    write_json,
)
from llm_baselines.storage.tensors import load_optimizer, optimizer_tensors, read_tensors, write_tensors
from llm_baselines.storage.training_spec import check_same_training, tokens_of
from llm_baselines.storage.upgrade import upgraded_checkpoint

_STATE, _NETWORK, _OPTIMIZER, _BEST, _REPLAY = (
    "state.json",
    "network.safetensors",
    "optimizer.safetensors",
    "best.safetensors",
    "replay.npz",
)
_KIND = "a checkpoint"
_COUNTERS = {"num_timesteps": COUNT, "n_updates": COUNT, "episodes": COUNT, "state": TABLE}
_ARRAYS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def write_checkpoint(
    folder: Path,
    model: BaseAlgorithm,
    spec: RunSpec,
    env: Any,
    state: Mapping[str, Any],
    best: Mapping[str, torch.Tensor] | None,
) -> Path:
    """Writes a checkpoint, then removes older ones: at any moment one that is whole exists.

    Args:
        folder: Holds the checkpoints, one folder each, named by their step.
        model: The algorithm.
        spec: The training.
        env: The environment that the agent was made with.
        state: JSON-able; what else is needed to go on.
        best: The weights that were best on validation so far.

    Returns:
        The checkpoint's folder.
    """

    def write(place: Path) -> None:
        write_tensors(model.policy.state_dict(), place / _NETWORK)
        write_tensors(optimizer_tensors(model.policy.optimizer), place / _OPTIMIZER)
        buffer = getattr(model, "replay_buffer", None)
        if isinstance(buffer, ReplayBuffer):
            size = buffer.size()
            arrays = {name: getattr(buffer, name)[:size] for name in _ARRAYS}
            np.savez(place / _REPLAY, pos=buffer.pos, full=buffer.full, **arrays)
        if best is not None:
            write_tensors(best, place / _BEST)
        counters = {"num_timesteps": model.num_timesteps, "n_updates": model._n_updates}
        counters["episodes"] = model._episode_num
        known = {"spec": spec.to_dict(), "tokens": tokens_of(env)}
        write_json(place / _STATE, {**counters, "state": {**known, **state}})

    return replace_checkpoint(folder / f"{model.num_timesteps:012d}", write)


def read_state(place: Path, spec: RunSpec, config_class: type[Any], env: Any) -> dict[str, Any]:
    """The state that was written with a checkpoint.

    Args:
        place: The checkpoint.
        spec: The training that resumes.
        config_class: The class of the agent's configuration.
        env: The environment that the agent was made with.

    Raises:
        AgentFolderError: It cannot be read, or is of another training.
    """
    way_out = f"; delete '{place}' to train afresh"
    place, _ = open_sealed(place, (_STATE, _NETWORK, _OPTIMIZER), kind=_KIND, way_out=way_out)
    path = place / _STATE
    whole = read_json(path, kind=_KIND)
    check_fields(whole, _COUNTERS, path, needed=_COUNTERS)
    read: dict[str, Any] = whole["state"]
    if "spec" not in read:
        read = upgraded_checkpoint(read, path, spec.agent.name)
    check_fields(read, SB3_CHECKPOINT, path, needed=SB3_CHECKPOINT.keys() - LATER)
    kept = read_run(read["spec"], path)
    check_same_training(place, kept, spec, config_class, read["tokens"], env)
    return read


def restore_checkpoint(place: Path, model: BaseAlgorithm) -> dict[str, torch.Tensor] | None:
    """Gives a newly built algorithm the parameters, counters and replay buffer of a checkpoint.

    Its files have been compared with the manifest by `read_state`.

    Returns:
        The weights that were best on validation, if any were kept.

    Raises:
        AgentFolderError: A file is missing or damaged; it is named.
    """
    way_out = f"; delete '{place}' to train afresh"
    place = standing_in(place)
    path = place / _STATE
    try:
        counters = read_json(path, kind=_KIND)
        check_fields(counters, _COUNTERS, path, needed=_COUNTERS)
        path = place / _NETWORK
        model.policy.load_state_dict(read_tensors(path, way_out=way_out))
        path = place / _OPTIMIZER
        load_optimizer(model.policy.optimizer, read_tensors(path, infinite=True, way_out=way_out))
        buffer = getattr(model, "replay_buffer", None)
        if isinstance(buffer, ReplayBuffer):
            path = place / _REPLAY
            with np.load(path, allow_pickle=False) as arrays:
                for name in _ARRAYS:
                    getattr(buffer, name)[: len(arrays[name])] = arrays[name]
                    if name == "rewards" and not np.isfinite(arrays[name]).all():
                        raise ValueError("its rewards hold NaN or infinity")
                buffer.pos, buffer.full = int(arrays["pos"]), bool(arrays["full"])
            cut_episodes(model)
        path = place / _BEST
        best = read_tensors(path, way_out=way_out) if path.exists() else None
    except AgentFolderError:
        raise
    except Exception as error:
        raise AgentFolderError(
            f"'{path}' is damaged or missing ({type(error).__name__}: {error}){way_out}"
        ) from error
    model.num_timesteps = counters["num_timesteps"]
    model._n_updates = counters["n_updates"]
    model._episode_num = counters["episodes"]
    if hasattr(model, "_n_calls"):
        model._n_calls = model.num_timesteps // model.n_envs
    return best


def cut_episodes(model: BaseAlgorithm) -> None:
    """Marks the last transitions of a replay buffer as truncated, because the rows begin new episodes.

    Otherwise n-step returns would sum rewards of two episodes.
    """
    buffer = getattr(model, "replay_buffer", None)
    if isinstance(buffer, ReplayBuffer) and buffer.size():
        last = buffer.pos - 1
        buffer.timeouts[last] = np.maximum(buffer.timeouts[last], 1 - buffer.dones[last])
