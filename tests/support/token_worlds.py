"""Token environments of a few lines, as a user may write them, and their exact solutions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from llm_baselines.play.trajectory import Trajectory

SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
"""The smallest language model: what is tested does not depend on its size."""

Text = tuple[int, ...]


class World(gym.Env):
    """Prompts, and a number of steps. Token 0 ends an episode; what is paid is a function of the text.

    Args:
        vocabulary: V.
        prompts: One is drawn for every episode, those that are shorter padded on the left.
        steps: Actions at most.
        seed: Decides the rewards.
        cut: Probability that an episode is truncated after an action.
    """

    def __init__(
        self,
        vocabulary: int = 4,
        prompts: Sequence[Text] = ((1, 2), (3, 2, 1)),
        steps: int = 3,
        seed: int = 0,
        cut: float = 0.0,
    ) -> None:
        self.prompts, self.steps, self.seed, self.cut = [tuple(p) for p in prompts], steps, seed, cut
        self.width = max(map(len, prompts))
        length = self.width + steps * (1 + self.longest_reply)
        self.observation_space = spaces.Box(-1, vocabulary - 1, (length,), np.int32)
        self.action_space = spaces.Discrete(vocabulary)

    longest_reply = 0

    def pays(self, text: Text) -> float:
        """The reward of the action that stands at the end of a text: any number in [-1, 1]."""
        return float(np.random.default_rng([self.seed, *text]).uniform(-1, 1))

    def replies(self, text: Text) -> list[tuple[Text, float]]:
        """What the environment may add after an action, with its probability."""
        return [((), 1.0)]

    def over(self, text: Text, taken: int) -> bool:
        """Whether a text is finished, after so many actions."""
        return text[-1] == 0 or taken == self.steps

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.text: Text = self.prompts[self.np_random.integers(len(self.prompts))]
        self._padding, self._taken = self.width - len(self.text), 0
        return self._observation(), {}

    def step(self, action):
        self.text, self._taken = (*self.text, int(action)), self._taken + 1
        reward, terminated = self.pays(self.text), self.over(self.text, self._taken)
        if not terminated:
            added = self.replies(self.text)
            self.text += added[self.np_random.choice(len(added), p=[p for _, p in added])][0]
        truncated = not terminated and bool(self.np_random.random() < self.cut)
        return self._observation(), reward, terminated, truncated, {}

    def _observation(self) -> np.ndarray:
        observation = np.full(self.observation_space.shape, -1, np.int32)
        observation[self._padding : self._padding + len(self.text)] = self.text
        return observation


class Talk(World):
    """After every action the environment says one or two tokens of its own, by chance."""

    longest_reply = 2

    def replies(self, text: Text) -> list[tuple[Text, float]]:
        return [((1,), 0.25), ((2, text[-1]), 0.75)]


class Copy(World):
    """Repeats the prompt: every token that is right pays 1 / n."""

    def pays(self, text: Text) -> float:
        at = len(text) - self.width - 1
        return float(text[at] == text[-1]) / self.width

    def over(self, text: Text, taken: int) -> bool:
        return taken == self.steps


def copy_world(tokens: int = 6, length: int = 3) -> Copy:
    """All prompts of `length` out of `tokens`."""
    prompts = np.stack(np.meshgrid(*[np.arange(tokens)] * length), axis=-1).reshape(-1, length)
    return Copy(tokens, [tuple(p) for p in prompts.tolist()], length)


def in_rows(make: Callable[[], gym.Env], rows: int, mode: AutoresetMode = AutoresetMode.NEXT_STEP):
    """A user's own vector environment."""
    return SyncVectorEnv([make] * rows, autoreset_mode=mode)


def solve(
    world: World,
    *,
    gamma: float = 1.0,
    tau: float | None = None,
    log_reference: Callable[[Text], np.ndarray] | None = None,
) -> dict[Text, np.ndarray]:
    """Optimal Q, float64 (V,), of every text in which an action is taken, by dynamic programming.

    With `tau` that of the KL-regularised problem: V(s) = tau log sum_a pi_ref(a|s) exp(Q(s, a) / tau).
    An episode that is cut off is worth what it would have been.
    """
    found: dict[Text, np.ndarray] = {}

    def value(text: Text, taken: int) -> float:
        q = np.empty(world.action_space.n)
        for action in range(len(q)):
            after = (*text, action)
            q[action] = world.pays(after)
            if not world.over(after, taken + 1):
                q[action] += gamma * sum(
                    p * value((*after, *added), taken + 1) for added, p in world.replies(after)
                )
        found[text] = q
        if tau is None:
            return float(q.max())
        assert log_reference is not None
        return soft_value(q, log_reference(text), tau)

    for prompt in world.prompts:
        value(prompt, 0)
    return found


def soft_value(q: np.ndarray, log_reference: np.ndarray, tau: float) -> float:
    """Tau log sum pi_ref exp(Q / tau)."""
    return float(tau * np.logaddexp.reduce(log_reference + q / tau))


def as_observation(world: World, text: Text) -> np.ndarray:
    """A text as the environment shows it, by the prompt that it begins with."""
    prompt = next(p for p in world.prompts if text[: len(p)] == p)
    observation = np.full(world.observation_space.shape, -1, np.int32)
    start = world.width - len(prompt)
    observation[start : start + len(text)] = text
    return observation


def random_trajectory(
    rng: np.random.Generator, *, vocabulary: int = 8, turns: int = 2, round: int = 0, example: int = -1
):
    """A ragged trajectory of several turns, with numbers in all its fields."""
    tokens = rng.integers(vocabulary, size=rng.integers(1, 5)).tolist()
    actions: list[int] = []
    for _ in range(rng.integers(1, turns + 1)):
        for _ in range(rng.integers(1, 5)):
            actions.append(len(tokens))
            tokens.append(int(rng.integers(vocabulary)))
        tokens += rng.integers(vocabulary, size=rng.integers(0, 3)).tolist()
    numbers = rng.normal(size=(3, len(actions))).astype(np.float32)
    return Trajectory(
        np.array(tokens, np.int32),
        np.array(actions, np.int32),
        numbers[0],
        -abs(numbers[1]),
        -abs(numbers[2]),
        terminated=bool(rng.random() < 0.5),
        round=round,
        example=example,
    )
