"""What a training logs, and where."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.logger import (
    HumanOutputFormat,
    KVWriter,
    Logger,
    SummaryWriter,
    make_output_format,
)
from stable_baselines3.common.utils import get_latest_run_id

from llm_baselines.training.trackers import SamplesFile, TrackerOutput

KEPT = ("rollout/kl",)
"""Log keys whose last value stands in a curve: the sequence KL of the last round from the start, in nats."""
_RECENT = 100  # episodes, as Stable-Baselines3 counts them


def make_logger(
    run_folder: str | Path | None,
    timesteps: int,
    *,
    verbose: int = 0,
    tensorboard_log: str | Path | None = None,
    name: str = "",
    report_to: str = "",
) -> Logger:
    """Returns a logger of Stable-Baselines3.

    Args:
        run_folder: Gets csv, json, sampled texts and, if TensorBoard is installed, its files, under `logs`;
            None for none.
        timesteps: Environment steps so far; they name the folder, so that a resumed run overwrites nothing.
        verbose: 1 prints log lines.
        tensorboard_log: A folder for further TensorBoard files.
        name: Name of the run in that folder; a number follows it.
        report_to: An experiment tracker that gets the log too; see `TrackerOutput`.

    Raises:
        ValueError: The tracker is not installed.
    """
    folder = None
    formats: list[KVWriter] = [HumanOutputFormat(sys.stdout)] if verbose else []
    if run_folder is not None:
        folder = str(Path(run_folder) / "logs" / f"from-{timesteps:012d}")
        kinds = ["csv", "json"] if SummaryWriter is None else ["csv", "json", "tensorboard"]
        formats += [make_output_format(kind, folder) for kind in kinds]
        formats.append(SamplesFile(Path(folder) / "samples.jsonl"))
    if tensorboard_log is not None:
        number = get_latest_run_id(str(tensorboard_log), name) + 1
        formats.append(make_output_format("tensorboard", str(Path(tensorboard_log) / f"{name}_{number}")))
    if report_to:
        formats.append(TrackerOutput(report_to, name))
    return Logger(folder, formats)


class RoundLog:
    """Values of the rounds since the last log line, and the last episodes.

    Attributes:
        scores: Scores of the last episodes.
        lengths: Their lengths.
        latest: The last value of each key in `KEPT`; a curve has it beside an evaluation.
    """

    def __init__(self) -> None:
        self.scores: list[float] = []
        self.lengths: list[int] = []
        self.latest: dict[str, float] = {}
        self._sums: dict[str, list[float]] = {}

    def add_episodes(self, scores: list[float], lengths: list[int]) -> None:
        """Notes episodes."""
        self.scores = (self.scores + scores)[-_RECENT:]
        self.lengths = (self.lengths + lengths)[-_RECENT:]

    def add(self, name: str, value: float) -> None:
        """Notes a value; the next log line shows the mean."""
        self._sums.setdefault(name, []).append(value)
        if name in KEPT:
            self.latest[name] = value

    def record(self, logger: Logger) -> None:
        """Records the means, and begins new ones."""
        if self.scores:
            logger.record("rollout/ep_rew_mean", float(np.mean(self.scores)))
            logger.record("rollout/ep_len_mean", float(np.mean(self.lengths)))
        for name, values in self._sums.items():
            logger.record(name, float(np.mean(values)))
        self._sums = {}

    def state(self) -> dict[str, Any]:
        """Returns the values for a checkpoint."""
        return {
            "episodes": self.scores,
            "lengths": self.lengths,
            "sums": self._sums,
            "latest": self.latest,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes back what `state` returned."""
        self.scores, self.lengths, self._sums = state["episodes"], state["lengths"], state["sums"]
        self.latest = state.get("latest", {})  # not in checkpoints of earlier versions
