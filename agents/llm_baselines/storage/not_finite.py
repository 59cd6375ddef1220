"""What stops a training whose numbers have become NaN or infinite, before they are kept or written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import torch

from llm_baselines.storage.sealed_folder import newest_checkpoint


class NotFinite(FloatingPointError):
    """A loss, a gradient or a weight is NaN or infinite: the run stops, and its last checkpoint stays."""


def not_finite(what: str, where: str, run_folder: str | Path | None) -> NotFinite:
    """The error that stops a run.

    Args:
        what: What is not finite, such as "the loss is nan".
        where: The step.
        run_folder: Its `resume` holds the checkpoints; None where none are kept.
    """
    place = newest_checkpoint(Path(run_folder) / "resume") if run_folder is not None else None
    kept = f"the last good checkpoint is '{place}'" if place else "there is no checkpoint to go back to"
    return NotFinite(f"{what} at {where}; {kept}. Lower learning_rate, or look at the training reward")


class _Checked(Protocol):
    def is_finite(self) -> bool: ...


def check_worth_saving(agent: _Checked, folder: str | Path) -> None:
    """Refuses to save an agent that is not `is_finite()`.

    Raises:
        NotFinite: It is not; nothing has been written.
    """
    if not agent.is_finite():
        raise NotFinite(
            f"the agent is not saved in '{folder}': its weights, or what they give, hold NaN or infinity"
        )


def all_finite(tensors: Iterable[torch.Tensor]) -> bool:
    """Whether no number is NaN or infinite."""
    return all(bool(t.isfinite().all()) for t in tensors if t.is_floating_point())


def check_saved(folder: Path, what: str) -> None:
    """Refuses weights that an agent wrote and that are no numbers; only safetensors files are read.

    Args:
        folder: Where it was saved.
        what: The agent, for the error.

    Raises:
        NotFinite: A file holds a NaN or an infinity; file and tensor are named.
    """
    from safetensors import safe_open

    for path in sorted(folder.rglob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118  it is no mapping
                if not all_finite([file.get_tensor(name)]):
                    raise NotFinite(
                        f"what {what} learned is no numbers: {path.name} holds NaN or infinity in {name!r}"
                    )
