"""Tensors in safetensors files; files that hold NaN or infinity are refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from llm_baselines.storage.sealed_folder import AgentFolderError


def read_tensors(path: Path, *, infinite: bool = False, way_out: str = "") -> dict[str, torch.Tensor]:
    """Reads a safetensors file.

    Args:
        path: The file.
        infinite: Allow infinity: the running squares of an optimizer may have overflowed.
        way_out: What a person can do, for errors.

    Raises:
        AgentFolderError: It is not a safetensors file, or a tensor holds NaN or infinity; the error names
            the tensor.
    """
    try:
        tensors = load_file(path)
    except (SafetensorError, ValueError, RuntimeError, KeyError) as error:
        raise AgentFolderError(f"'{path}' is not a safetensors file: {error}{way_out}") from error
    check_finite(tensors, path, infinite=infinite, way_out=way_out)
    return tensors


def check_finite(
    tensors: Mapping[str, torch.Tensor], path: Path, *, infinite: bool = False, way_out: str = ""
) -> None:
    """Refuses tensors that hold NaN or infinity; integers always pass.

    Raises:
        AgentFolderError: A tensor holds one; the error names the first.
    """
    for name, tensor in tensors.items():
        if not (tensor.is_floating_point() or tensor.is_complex()):
            continue
        if tensor.element_size() == 1:  # torch has no tests for 8-bit floats
            tensor = tensor.float()
        if bool((tensor.isnan() if infinite else ~tensor.isfinite()).any()):
            what = "NaN" if infinite else "NaN or infinity"
            raise AgentFolderError(f"'{path}': tensor {name!r} holds {what}: it cannot be used{way_out}")


def write_tensors(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Writes a safetensors file into a folder that `replace_folder` writes.

    Tied tensors are stored once for each name, as the format has no aliases.

    Raises:
        SafetensorError: The disk refused. `replace_folder` raises an OSError in its place.
    """
    save_file({k: t.detach().cpu().clone().contiguous() for k, t in tensors.items()}, path)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Returns an optimizer's state by parameter number and name."""
    return {
        f"{number}.{name}": torch.as_tensor(value)
        for number, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Restores the state that `optimizer_tensors` returned.

    Raises:
        ValueError: The state belongs to another optimizer.
    """
    whole = optimizer.state_dict()
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        number, _, name = key.partition(".")
        state.setdefault(int(number), {})[name] = tensor
    whole["state"] = state
    optimizer.load_state_dict(whole)
