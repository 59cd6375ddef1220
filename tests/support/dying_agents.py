"""Agents of others whose process dies, raises or uses too much, for tests of engines.

`copy_into` puts this module into the folder from which a suite runs, so that the processes of cells find it.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from llm_baselines.agent import TrainingReport


def copy_into(folder: Path) -> None:
    """Lets suites in a folder name the agents, as "dying_agents:Dies"."""
    shutil.copy(__file__, folder / "dying_agents.py")


class Steady:
    """Ends every text at once."""

    def __init__(self, env: Any, seed: int, device: str) -> None:
        self.seed = seed
        with open("gpus", "a") as file:
            file.write(os.environ.get("CUDA_VISIBLE_DEVICES", "") + " ")

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> Any:
        return np.zeros(len(observation), int), state

    def _is_first(self) -> bool:
        """Whether no process has been here before; processes share the working directory."""
        try:
            Path(f"{type(self).__name__} {self.seed}").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


class Dies(Steady):
    """Is killed in its first evaluation."""

    def predict(self, *arguments: Any, **options: Any) -> Any:
        if self._is_first():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().predict(*arguments, **options)


class AlwaysDies(Steady):
    """Is killed in every evaluation, and counts them."""

    def predict(self, *arguments: Any, **options: Any) -> Any:
        with open("deaths", "a") as file:
            file.write(".")
        os.kill(os.getpid(), signal.SIGKILL)


class LosesParent(Steady):
    """The process that watches over it is killed in its first evaluation; it goes on itself."""

    def predict(self, *arguments: Any, **options: Any) -> Any:
        if self._is_first():
            os.kill(os.getppid(), signal.SIGKILL)
        return super().predict(*arguments, **options)


class TrainsWithoutParent(Steady):
    """The process that watches over it is killed in its first training, which then never ends by itself."""

    def __init__(self, env: Any, seed: int, device: str) -> None:
        super().__init__(env, seed, device)
        self.report = TrainingReport()

    def learn(self, total_timesteps: int, **options: Any) -> Any:
        if self._is_first():
            os.kill(os.getppid(), signal.SIGKILL)
            while True:
                time.sleep(0.05)
        self.report.environment_steps = total_timesteps
        return self


class Raises(Steady):
    """Raises, and counts how often."""

    def predict(self, *arguments: Any, **options: Any) -> Any:
        with open("errors", "a") as file:
            file.write(".")
        raise RuntimeError("out of ideas")


class Endless(Steady):
    """Never answers."""

    def predict(self, *arguments: Any, **options: Any) -> Any:
        with open("endless", "a") as file:
            file.write(".")
        while True:
            time.sleep(0.05)


class Hungry(Steady):
    """Fills its memory."""

    def predict(self, *arguments: Any, **options: Any) -> Any:
        hoard = []
        for _ in range(60):
            hoard.append(np.ones((50, 2**20), np.uint8))  # 50 MiB, touched
            time.sleep(0.05)
        return super().predict(*arguments, **options)
