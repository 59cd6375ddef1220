"""One GPU for each cell, where there are some."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence

VISIBLE = "CUDA_VISIBLE_DEVICES"


def wants_gpu(device: str) -> bool:
    """Whether a cell on a torch device may use any GPU. "cuda:1" names one itself, "cpu" uses none."""
    return device in ("auto", "cuda")


def gpus_of(environment: Mapping[str, str], count: int) -> list[str]:
    """Returns the GPUs that processes of this machine may use, as `CUDA_VISIBLE_DEVICES` names them.

    Args:
        environment: Its `CUDA_VISIBLE_DEVICES`, if set, limits the GPUs.
        count: GPUs of the machine.
    """
    listed = environment.get(VISIBLE)
    if listed is None:
        return [str(number) for number in range(count)]
    names = [name.strip() for name in listed.split(",")]
    # As CUDA reads it: the first entry that is no device ends the list.
    ends = (i for i, name in enumerate(names) if name in ("", "-1"))
    return names[: next(ends, len(names))]


def least_used(gpus: Sequence[str], used: Sequence[str]) -> str | None:
    """Returns the GPU that the fewest running cells use, the first of equals; None if there is no GPU.

    Args:
        gpus: The GPUs.
        used: The GPU of each running cell.
    """
    counts = Counter(used)
    return min(gpus, key=lambda gpu: counts[gpu], default=None)


def gpus_here(device: str) -> list[str]:
    """Returns the GPUs of this machine among which cells on a torch device are spread; may import torch."""
    if not wants_gpu(device) or shutil.which("nvidia-smi") is None:
        return []
    import torch

    # Torch counts what CUDA_VISIBLE_DEVICES leaves it.
    return gpus_of(os.environ, torch.cuda.device_count())[: torch.cuda.device_count()]
