"""An agent of others that learns slowly, for tests that kill and interrupt it."""

AGENTS_OF_OTHERS = '''
import json, os, time
from pathlib import Path
import numpy as np
from llm_baselines.agent import TrainingReport

class Slow:
    """Learns, and saves its files bit by bit."""

    def __init__(self, env, seed, device):
        self.report = TrainingReport()

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.zeros(len(observation), int), state

    def learn(self, total_timesteps, *, run_folder=None, resume=False, progress_bar=False):
        if resume and (run_folder / "steps").exists():
            self.report.environment_steps = len((run_folder / "steps").read_text())
        while self.report.environment_steps < total_timesteps:
            self._step(run_folder)
        return self

    def _step(self, run_folder):
        time.sleep(0.002)
        self.report.environment_steps += 1
        if run_folder is not None:
            run_folder.mkdir(exist_ok=True)
            with (run_folder / "steps").open("a") as file:
                file.write(".")

    def save(self, folder):
        for name in "ab":
            with (Path(folder) / name).open("w") as file:
                for _ in range(10):
                    time.sleep(0.002)
                    file.write(f"{self.report.environment_steps} ")

class Waits(Slow):
    """Says where it is, and goes on when it is told to."""

    def predict(self, *arguments, **options):
        self._wait("evaluating")
        return super().predict(*arguments, **options)

    def _step(self, run_folder):
        self._wait("training")
        super()._step(run_folder)

    def _wait(self, where):
        Path(where).touch()
        while not Path(f"go on {where}").exists():
            time.sleep(0.01)
'''
