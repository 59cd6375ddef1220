"""Environments with one fault each, and the check of `llm-envs check` that names it."""

from __future__ import annotations

import random
import threading
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from token_worlds import World

from llm_envs.data import Corpus
from llm_envs.envs.tiny import Tiny, TinyEnv
from llm_envs.envs.vector_env import TokenVectorEnv
from llm_envs.episode import Example


class Padded(World):
    """Pads with token 0 on the right, which cannot be told from text."""

    def _observation(self) -> np.ndarray:
        observation = super()._observation()
        observation[self._padding + len(self.text) :] = 0
        return observation


class Sliding(World):
    """Shows the last tokens only, always in the same columns."""

    def _observation(self) -> np.ndarray:
        observation = np.full(self.observation_space.shape, -1, np.int32)
        shown = self.text[-self.width :]
        observation[self.width - len(shown) : self.width] = shown
        return observation


class Rewriting(World):
    """Replaces the prompt's last token at the first step."""

    def step(self, action):
        observation, *rest = super().step(action)
        observation[self.width - 1] = 1 + observation[self.width - 1] % 2
        return observation, *rest


class RightPadded(World):
    """Begins every prompt in the first column, so that answers begin anywhere."""

    def _observation(self) -> np.ndarray:
        self._padding = 0
        return super()._observation()


class Endless(World):
    """Has more columns than its steps fill, and never ends."""

    def over(self, text, taken):
        return False

    def step(self, action):
        if self._padding + len(self.text) < self.observation_space.shape[0]:
            return super().step(action)
        return self._observation(), 0.0, False, False, {}


class Cut(World):
    """Says truncated where its budget is spent."""

    def step(self, action):
        observation, reward, terminated, _, info = super().step(action)
        spent = terminated and action != 0
        return observation, reward, terminated and not spent, spent, info


class Unseeded(World):
    """Draws the prompt from a generator of its own, which the seed does not reach."""

    def __init__(self) -> None:
        super().__init__(prompts=((1, 2), (2, 1), (3, 1), (1, 3)))
        self._own = np.random.default_rng()

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.text = self.prompts[self._own.integers(len(self.prompts))]
        return self._observation(), {}


class Remembering(World):
    """Begins the next episode with a prompt that the number of episodes decides."""

    count = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count += 1
        self.text = self.prompts[self.count % 2][-2:]
        return self._observation(), {}


class Global(World):
    """Uses the generator of `random`, and seeds it."""

    def reset(self, *, seed=None, options=None):
        result = super().reset(seed=seed)
        random.seed(int(self.np_random.integers(99)))
        return result


class Locked(World):
    """Holds a lock, which cannot be pickled."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


class Shared(World):
    """Copies share the text: a list that all of them append to."""

    def __deepcopy__(self, memo: Any) -> Shared:
        return self


class Normalising(World):
    """Divides rewards by the largest one so far."""

    largest = 1e-3

    def step(self, action):
        observation, reward, *rest = super().step(action)
        self.largest = max(self.largest, abs(reward))
        return observation, reward / self.largest, *rest


class Infinite(World):
    """Pays minus infinity for a text that ends at once."""

    def pays(self, text):
        return float("-inf") if text[-1] == 0 else 0.5


class Floats(World):
    """Observes floats."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Box(-1, 3, self.observation_space.shape, np.float32)

    def _observation(self) -> np.ndarray:
        return super()._observation().astype(np.float32)


class Bare(World):
    """Returns no info from reset."""

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)[0]


class Bonus(TinyEnv):
    """Pays more where rewards are dense."""

    def step(self, action):
        observation, reward, *rest = super().step(action)
        return observation, reward + 0.1 * (self.task.timing.kind == "dense"), *rest


class Silent(TinyEnv):
    """Leaves the finish reason out of the outcome."""

    def step(self, action):
        *rest, info = super().step(action)
        if "outcome" in info:
            del info["outcome"]["finish_reason"]
        return *rest, info


class Stubborn(TinyEnv):
    """Plays the first example, whichever is wanted."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return super().reset(options={"example": 0})


class Praised(Tiny):
    """Rewards whatever has many different words."""

    kind = "praised"

    def default_reward(self):
        return {"id": "distinct", "n": 1}


class PraisedEnv(TinyEnv):
    """See Praised."""

    task_class = Praised


class Punished(Tiny):
    """Rewards texts that differ from the reference."""

    kind = "punished"

    def default_reward(self):
        return "faulty_envs:unlike"


def unlike(episode) -> float:
    """1 for any text but the reference."""
    return float(episode.text not in episode.references)


class PunishedEnv(TinyEnv):
    """See Punished."""

    task_class = Punished


class Narrow(Tiny):
    """Has no room for the request of its test split."""

    kind = "narrow"

    def load(self, dataset, columns):
        corpus = super().load(dataset, columns)
        long = Example("a b c d e f", ("f e d c b a",))
        train = corpus.split("train")
        return Corpus.from_examples(dataset, "en", {"train": train, "validation": train[:9], "test": [long]})


class NarrowEnv(TinyEnv):
    """See Narrow."""

    task_class = Narrow


class Own(Tiny):
    """A task whose vector environment is somebody else's."""

    kind = "own"


class OwnEnv(TinyEnv):
    """Its step is its own, so that its vector environment must be, too."""

    task_class = Own

    def step(self, action):
        return super().step(action)


class OwnRows(TokenVectorEnv):
    """Pays twice what the single environment pays."""

    task_class = Own

    def step(self, actions):
        observations, rewards, *rest = super().step(actions)
        return observations, 2 * rewards + 0.125, *rest


gym.register("Twice-v0", entry_point="faulty_envs:OwnEnv", vector_entry_point="faulty_envs:OwnRows")


class Speller:
    """A reward with an address in its name."""

    def __call__(self, episode) -> float:
        return 0.0


gym.register("Callable-v0", entry_point=TinyEnv, kwargs={"reward": Speller()})


def make_world() -> World:
    """A factory of an environment without a fault."""
    return World()


FAULTS = {
    "faulty_envs:Bare": "gymnasium",
    "faulty_envs:Floats": "spaces",
    "faulty_envs:Padded": "padding",
    "faulty_envs:Sliding": "append-only",
    "faulty_envs:Rewriting": "append-only",
    "faulty_envs:RightPadded": "prompt columns",
    "faulty_envs:Endless": "ending",
    "faulty_envs:Cut": "truncated",
    "faulty_envs:Unseeded": "determinism",
    "faulty_envs:Remembering": "determinism",
    "faulty_envs:Global": "global randomness",
    "faulty_envs:Locked": "pickle",
    "faulty_envs:Shared": "deepcopy",
    "faulty_envs:Infinite": "finite rewards",
    "faulty_envs:Normalising": "stationary rewards",
    "faulty_envs:Bonus": "dense rewards",
    "faulty_envs:Silent": "outcome",
    "faulty_envs:Stubborn": "options",
    "faulty_envs:NarrowEnv": "prompts",
    "faulty_envs:PunishedEnv": "reference score",
    "faulty_envs:PraisedEnv": "texts without skill",
    "faulty_envs:Twice-v0": "vector",
    "faulty_envs:Callable-v0": "specification",
}
"""Environment -> the check that must fail."""
