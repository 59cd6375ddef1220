"""Checks that weights hold numbers, before they are kept or written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import torch


class NotFinite(FloatingPointError):
    """A reward, a loss, a gradient or a weight is NaN or infinite; the last checkpoint stays."""


class _Learned(Protocol):
    def is_finite(self) -> bool: ...


def all_finite(tensors: Iterable[torch.Tensor]) -> bool:
    """Whether no number is NaN or infinite."""
    return all(bool(t.isfinite().all()) for t in tensors if t.is_floating_point())


def check_worth_saving(agent: _Learned, folder: str | Path) -> None:
    """Checks an agent before it is saved.

    Raises:
        NotFinite: The agent is not `is_finite()`; nothing was written.
    """
    if not agent.is_finite():
        raise NotFinite(
            f"the agent is not saved in '{folder}': its weights, or their outputs, hold NaN or infinity"
        )


def check_saved(folder: Path, what: str) -> None:
    """Checks the weights that an agent wrote. Only safetensors files are read.

    Args:
        folder: The folder it was saved in.
        what: The agent, for the error.

    Raises:
        NotFinite: A tensor holds NaN or infinity; the error names file and tensor.
    """
    from safetensors import safe_open

    for path in sorted(folder.rglob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118  it is no mapping
                if not all_finite([file.get_tensor(name)]):
                    raise NotFinite(
                        f"{what} cannot be saved: in {path.name} the tensor {name!r} holds NaN or infinity"
                    )
