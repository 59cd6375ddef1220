"""Agents with one fault each, and the check of `llm-envs check` that names it."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import gymnasium as gym
import numpy as np

from llm_baselines.agent import TrainingReport
from llm_envs.envs.tiny import TinyEnv


class Counting:
    """An agent without a fault: every row counts its own tokens, and a table says which one comes when."""

    def __init__(self, env, seed, device="auto"):
        self.size = int(env.action_space.n)
        self.end = env.unwrapped.tokenizer.end_token_ids[0]
        self.table = np.random.default_rng(seed).integers(self.size, size=(4, self.size)).tolist()
        self.report = TrainingReport()

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        rows = np.atleast_2d(observation)
        places = np.zeros(len(rows), np.int64) if state is None else np.array(state)
        if episode_start is not None:
            places[np.asarray(episode_start)] = 0
        actions = np.array([self.token(row, int(place)) for row, place in zip(rows, places, strict=True)])
        return (actions if observation.ndim > 1 else actions[0]), places + 1

    def token(self, row, place):
        return self.end if place >= len(self.table) else self.table[place][int(row.max())]

    def learn(self, total_timesteps, *, run_folder=None, resume=False, progress_bar=False):
        self.report.environment_steps += total_timesteps
        self.table[0] = [1 + (token + total_timesteps) % (self.size - 1) for token in self.table[0]]
        return self

    def save(self, folder):
        Path(folder, "table.json").write_text(json.dumps(self.table))

    @classmethod
    def load(cls, folder, env, *, seed, device="auto"):
        agent = cls(env, seed)
        agent.table = json.loads(Path(folder, "table.json").read_text())
        return agent


class Scores(Counting):
    """Returns a score for each token."""

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.zeros((len(observation), self.size)), state


class Floats(Counting):
    """Returns floats."""

    def predict(self, *args, **kwargs):
        actions, state = super().predict(*args, **kwargs)
        return actions.astype(float), state


class Stateless(Counting):
    """Returns the actions alone."""

    def predict(self, *args, **kwargs):
        return super().predict(*args, **kwargs)[0]


class Beyond(Counting):
    """Takes a token that is not there."""

    def token(self, row, place):
        return self.size


class Alone(Counting):
    """Acts otherwise on a single observation."""

    def predict(self, observation, *args, **kwargs):
        actions, state = super().predict(observation, *args, **kwargs)
        return (actions if observation.ndim > 1 else (actions + 1) % self.size), state


class Writing(Counting):
    """Writes into the observations."""

    def predict(self, observation, *args, **kwargs):
        result = super().predict(observation, *args, **kwargs)
        observation[observation < 0] = 0
        return result


class Restless(Counting):
    """Draws tokens whatever `deterministic` says."""

    def __init__(self, env, seed, device="auto"):
        super().__init__(env, seed)
        self.rng = np.random.default_rng(seed)

    def token(self, row, place):
        return int(self.rng.integers(self.size))


class Forgetful(Counting):
    """Does not begin anew where an episode begins."""

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return super().predict(observation, state, None, deterministic)

    def token(self, row, place):
        return self.end if place % 5 == 3 else self.table[place % 3][int(row.max())]


class Mixing(Counting):
    """Every row takes the token of the first one."""

    def predict(self, observation, *args, **kwargs):
        actions, state = super().predict(observation, *args, **kwargs)
        return np.broadcast_to(np.ravel(actions)[0], np.shape(actions)).copy(), state


class Unseeded(Counting):
    """Begins with a table that no seed decides."""

    def __init__(self, env, seed, device="auto"):
        super().__init__(env, None)


class Idle(Counting):
    """Learns nothing and counts nothing."""

    def learn(self, total_timesteps, **options):
        return self


class Raising(Counting):
    """Fails while it learns."""

    def learn(self, total_timesteps, **options):
        raise RuntimeError("out of luck")


class Unsaved(Counting):
    """Saves a part of what it learned."""

    def save(self, folder):
        Path(folder, "table.json").write_text(json.dumps([[0] * self.size, *self.table[1:]]))


class Pickling(Counting):
    """Saves a pickle under a name that does not say so."""

    def save(self, folder):
        super().save(folder)
        Path(folder, "weights").write_bytes(pickle.dumps(self.table))


class Unloadable:
    """Saves, and its factory cannot load."""

    def __new__(cls, env, seed, device="auto"):
        return Counting(env, seed)


class MaskedTiny(TinyEnv):
    """Forbids every token that a counting agent takes first."""

    def action_mask(self, observation):
        return np.tile(np.arange(self.action_space.n) == 1, (len(observation), 1))


gym.register("MaskedTiny-v0", entry_point="faulty_agents:MaskedTiny")


def nothing(env, seed, device="auto"):
    """A factory that returns an object without predict."""
    return object()


FAULTS = {
    "faulty_agents:nothing": "factory",
    "faulty_agents:Raising": "learning",
    "faulty_agents:Idle": "learning",
    "faulty_agents:Scores": "batch",
    "faulty_agents:Floats": "batch",
    "faulty_agents:Stateless": "batch",
    "faulty_agents:Beyond": "batch",
    "faulty_agents:Alone": "one observation",
    "faulty_agents:Writing": "observations",
    "faulty_agents:Restless": "deterministic",
    "faulty_agents:Forgetful": "rows and state",
    "faulty_agents:Mixing": "rows and state",
    "faulty_agents:Unseeded": "seed",
    "faulty_agents:Unsaved": "save and load",
    "faulty_agents:Pickling": "save and load",
    "faulty_agents:Unloadable": "save and load",
}
"""Agent -> the check that must fail."""
