"""TokenizedDiscrete: an environment with Discrete spaces as a token environment."""

from __future__ import annotations

from typing import Any, SupportsInt

import gymnasium as gym
import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.spaces import Box, Discrete
from gymnasium.utils import RecordConstructorArgs
from gymnasium.wrappers import TimeLimit

from llm_envs.checks.types import as_index


class ActionTokens(Discrete):
    """`Discrete(V)` whose samples are action tokens: the last `count` of V tokens.

    Every token is an element, because the action space of a token environment is the whole vocabulary.
    """

    def __init__(self, size: int, count: int) -> None:
        super().__init__(size)
        self._mask = np.arange(size) >= size - count

    def sample(self, mask: Any | None = None, probability: Any | None = None) -> np.int64:
        """Draws an action token; a mask or probabilities choose among all tokens."""
        if mask is None and probability is None:
            mask = self._mask.astype(np.int8)
        return super().sample(mask, probability)


class TokenizedDiscrete(gym.Wrapper[np.ndarray, int, Any, Any], RecordConstructorArgs):
    """An environment with Discrete observations and actions, as text of one token for each of them.

    So an agent for token environments plays FrozenLake, CliffWalking or Taxi, whose optimum is known.

    Observation: `Box(-1, V-1, (1 + 2 * max_steps,), int32)`. The episode so far: first observation, action,
    observation, action, and so on; -1 where there is no token. It only grows. The last token is the
    environment's observation, so where that is a state an agent may ignore all others.

    Action: `Discrete(V)`. The vocabulary has a token for every observation, and then one for every action.
    `action_mask` allows the tokens of actions; the space samples these alone.

    Reward and terminated are the environment's. So is truncated, which also ends an episode of `max_steps`
    actions. Info is the environment's.

    Args:
        env: An environment with Discrete spaces, of any `start`.
        max_steps: Number of actions after which an episode is truncated, if it has not ended before. The
            default is the environment's TimeLimit.

    Attributes:
        max_steps: As given, or found.

    Raises:
        ValueError: A space is not Discrete, `max_steps` is below 1, or neither is there a TimeLimit.
    """

    def __init__(self, env: gym.Env[Any, Any], max_steps: int | None = None) -> None:
        RecordConstructorArgs.__init__(self, max_steps=max_steps)
        gym.Wrapper.__init__(self, env)
        self._observations = _discrete("observation", env.observation_space, env)
        self._actions = _discrete("action", env.action_space, env)
        self.max_steps = _longest(env) if max_steps is None else as_index(max_steps)
        if self.max_steps < 1:
            raise ValueError(f"max_steps={max_steps!r} is the number of actions of an episode: at least 1")
        self._first = int(self._observations.n)  # the first action token
        self._size, length = self._first + int(self._actions.n), 1 + 2 * self.max_steps
        self.observation_space = Box(-1, self._size - 1, (length,), np.int32)
        self.action_space = ActionTokens(  # type: ignore[assignment]
            self._size, int(self._actions.n)
        )
        self._tokens = np.full(length, -1, np.int32)
        self._taken: int | None = None  # actions of the running episode; None if none is running

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Resets the environment; the observation is one token."""
        self._taken = None
        observation, info = self.env.reset(seed=seed, options=options)
        self._tokens[:] = -1
        self._tokens[0] = self.observation_token(observation)
        self._taken = 0
        return self._tokens.copy(), info

    def step(self, action: int) -> tuple[np.ndarray, Any, bool, bool, dict[str, Any]]:
        """Takes the action of a token, and appends the token and that of the new observation.

        Raises:
            gymnasium.error.InvalidAction: The token is not that of an action.
            gymnasium.error.ResetNeeded: Before the first reset, and after the end.
        """
        own = self.own_action(action)
        taken = self._taken
        if taken is None:
            raise ResetNeeded("this episode has not begun or is over: call reset() before step()")
        self._taken = None  # until the step is complete
        observation, reward, terminated, truncated, info = self.env.step(own)
        self._tokens[1 + 2 * taken] = action
        self._tokens[2 + 2 * taken] = self.observation_token(observation)
        truncated = truncated or (taken + 1 == self.max_steps and not terminated)
        if not (terminated or truncated):
            self._taken = taken + 1
        return self._tokens.copy(), reward, terminated, truncated, info

    def action_mask(self, observation: np.ndarray) -> np.ndarray:
        """Returns the tokens of actions, bool (n, V), for observations int32 (n, L)."""
        return np.tile(np.arange(self._size) >= self._first, (len(observation), 1))

    def observation_token(self, observation: SupportsInt) -> int:
        """Returns the token of one of the environment's observations.

        Raises:
            ValueError: The observation is outside its space.
        """
        token = int(observation) - int(self._observations.start)
        if not 0 <= token < self._first:
            raise ValueError(
                f"{self.env} returned the observation {observation}: not in {self._observations}"
            )
        return token

    def action_token(self, action: SupportsInt) -> int:
        """Returns the token of one of the environment's actions."""
        return int(action) - int(self._actions.start) + self._first

    def own_action(self, token: int) -> int:
        """Returns the environment's action of a token.

        Raises:
            gymnasium.error.InvalidAction: The token is not that of an action.
        """
        try:
            index = as_index(token)
        except TypeError:
            raise InvalidAction(f"an action is one token id (an integer), got {token!r}") from None
        if not self._first <= index < self._size:
            raise InvalidAction(
                f"token {index} is no action: action_mask() allows {self._first} to {self._size - 1}"
            )
        return index - self._first + int(self._actions.start)


def _discrete(kind: str, space: gym.Space[Any], env: gym.Env[Any, Any]) -> Discrete:
    if not isinstance(space, Discrete):
        raise ValueError(f"the {kind} space of {env} is {space}; TokenizedDiscrete takes Discrete spaces")
    return space


def _longest(env: gym.Env[Any, Any]) -> int:
    limits = []
    layer = env
    while isinstance(layer, gym.Wrapper):
        if isinstance(layer, TimeLimit):
            limits.append(layer._max_episode_steps)
        layer = layer.env
    if not limits:
        raise ValueError(
            f"{env} has no TimeLimit, and the observation holds a whole episode: give max_steps, the number "
            "of actions after which an episode is truncated"
        )
    return min(limits)
