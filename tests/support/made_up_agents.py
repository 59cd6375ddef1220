"""Agents of others, in a module of their own: what `--agent module:factory` names."""

SOURCE = '''
import json, os
from pathlib import Path
import numpy as np
from llm_baselines.agent import TrainingReport

class Last:
    """Ends every text at once, or writes the token it was given."""

    def __init__(self, env, seed, device, *, token=0):
        self.token, self.report = token, TrainingReport()

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.full(len(observation), self.token), state

class Learner(Last):
    def learn(self, total_timesteps, *, run_folder=None, resume=False, progress_bar=False):
        begun = 0
        if run_folder is not None:
            run_folder.mkdir(parents=True, exist_ok=True)
            counter = run_folder / "steps"
            begun = int(counter.read_text()) if resume and counter.exists() else 0
            counter.write_text(str(total_timesteps))
        if os.environ.get("FAIL"):
            raise RuntimeError("out of luck")
        if os.environ.get("INTERRUPT"):
            self.report.environment_steps = 1
            raise KeyboardInterrupt
        self.report = TrainingReport(environment_steps=total_timesteps, seconds=0.5, parameters=begun)
        self.report.curve.append({"timesteps": total_timesteps, "seconds": 0.5, "eval/mean_reward": 0.25})
        return self

    def save(self, folder):
        (Path(folder) / "token.json").write_text(json.dumps(self.token))

def loaded(env, seed, device, *, folder):
    return Learner(env, seed, device, token=json.loads((Path(folder) / "token.json").read_text()))

class Loads(Learner):
    """Can be made from its folder again; saves into a folder of its own, too."""

    def save(self, folder):
        (Path(folder) / "more").mkdir()
        (Path(folder) / "more" / "note.txt").write_text("a note")
        super().save(folder)

    @classmethod
    def load(cls, folder, env, *, seed, device):
        print("loaded with seed", seed)
        return cls(env, seed, device, token=json.loads((folder / "token.json").read_text()))

def takes_folder(env, seed, device, *, folder=None, token=0):
    found = Learner(env, seed, device, token=token)
    if folder is not None:
        found.token = json.loads((folder / "token.json").read_text())
        assert found.token == token  # what it was trained with is told, too
    return found

class Greedy(Learner):
    def save(self, folder):
        (Path(folder) / "training.json").write_text("{}")

class Reads(Learner):
    """Learns from what it reads: no step is taken."""

    def learn(self, total_timesteps, **options):
        import time
        self.report.tokens = total_timesteps // 2
        time.sleep(2.5)
        self.report.tokens = total_timesteps
        return self

class Pickler(Learner):
    def save(self, folder):
        (Path(folder) / "weights.pkl").write_bytes(b"...")

def fails(env, seed, device, **config):
    raise RuntimeError("out of ideas")

def dies(env, seed, device, **config):
    os._exit(3)

def waits(env, seed, device, **config):
    import time
    while True:
        time.sleep(0.1)
'''
