"""The error that stops a training whose numbers are NaN or infinite."""

from __future__ import annotations

from pathlib import Path

from llm_baselines.storage.not_finite import NotFinite
from llm_baselines.storage.rotation import newest_checkpoint


def not_finite(what: str, where: str, run_folder: str | Path | None) -> NotFinite:
    """Returns the error that stops a training, with its last checkpoint and the way out.

    Args:
        what: What is not finite, such as "the loss is nan".
        where: The step.
        run_folder: Its folder `resume` holds the checkpoints; None if none are kept.
    """
    place = newest_checkpoint(Path(run_folder) / "resume") if run_folder is not None else None
    kept = f"the last good checkpoint is '{place}'" if place else "there is no checkpoint to go back to"
    return NotFinite(f"{what} at {where}; {kept}. Lower learning_rate, or look at the training reward")
