"""The experiment trackers that a training can report to."""

from __future__ import annotations

TRACKERS = ("", "wandb", "trackio")
"""Values of the option `report_to`."""


def check_tracker(name: str) -> None:
    """Raises if an experiment tracker is unknown.

    Raises:
        ValueError: The name is none of `TRACKERS`.
    """
    if name not in TRACKERS:
        raise ValueError(f"unknown report_to={name!r}; there are 'wandb' and 'trackio', or empty for none")
