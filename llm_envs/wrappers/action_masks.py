"""ActionMasks: forbids tokens by a rule, and tells agents of other libraries which are allowed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.spaces import Discrete
from gymnasium.utils import RecordConstructorArgs

from llm_envs.checks.types import as_index
from llm_envs.episode import Example
from llm_envs.evaluation import SeesExamples

Rule = Callable[[np.ndarray], np.ndarray]
"""Allowed tokens, bool (n, V), from observations int32 (n, L)."""


class ActionMasks(gym.Wrapper[np.ndarray, int, Any, Any], RecordConstructorArgs):
    """An environment that allows some tokens only.

    Each library asks for the mask in its own way:

    - `action_masks()`, bool (V,) of the running episode: MaskablePPO of SB3-contrib.
    - `info["action_mask"]`, int8 (V,), of `reset` and of each step that does not end the episode: as in
      Gymnasium's Taxi. `action_space.sample(info["action_mask"])` draws an allowed token.
    - `action_mask(observations)`, bool (n, V) of observations int32 (n, L): the agents of llm_baselines.

    Observation, reward, terminated and truncated are the environment's. An agent that was trained here plays
    the plain environment as `MaskedPolicy(agent, env)`.

    Args:
        env: An environment whose actions are Discrete tokens.
        allowed: The rule: allowed tokens, bool (n, V), from observations int32 (n, L). Without it the
            environment's own `action_mask` is the rule.

    Raises:
        ValueError: The action space is not `Discrete(V)`, or there is neither a rule nor an `action_mask`.
    """

    def __init__(self, env: gym.Env[np.ndarray, int], allowed: Rule | None = None) -> None:
        RecordConstructorArgs.__init__(self, _disable_deepcopy=True, allowed=allowed)
        gym.Wrapper.__init__(self, env)
        space: Any = env.action_space
        if not isinstance(space, Discrete) or space.start != 0:
            raise ValueError(f"ActionMasks allows tokens: the action space must be Discrete(V), got {space}")
        if allowed is None and not env.has_wrapper_attr("action_mask"):
            raise ValueError(
                f"{env} has no action_mask: give allowed=, a function from observations int32 (n, L) to the "
                "allowed tokens, bool (n, V)"
            )
        self._allowed: Rule = env.get_wrapper_attr("action_mask") if allowed is None else allowed
        self._size = int(space.n)
        self._mask: np.ndarray | None = None  # of the running episode; None if none is running

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Resets the environment."""
        self._mask = None
        observation, info = self.env.reset(seed=seed, options=options)
        self._mask = self._running_mask(observation)
        return observation, self._with_mask(info)

    def step(self, action: int) -> tuple[np.ndarray, Any, bool, bool, dict[str, Any]]:
        """Appends an allowed token.

        Raises:
            gymnasium.error.InvalidAction: The rule does not allow the token.
            gymnasium.error.ResetNeeded: Before the first reset, and after the end.
            ValueError: The episode goes on, and the rule allows no token.
        """
        mask = self.action_masks()
        try:
            token = as_index(action)
        except TypeError:
            raise InvalidAction(f"an action is one token id (an integer), got {action!r}") from None
        if not 0 <= token < self._size:
            raise InvalidAction(f"action {token} is outside the vocabulary, 0 to {self._size - 1}")
        if not mask[token]:
            raise InvalidAction(
                f"token {token} is not allowed here: action_masks() allows {int(mask.sum())} of "
                f"{self._size} tokens"
            )
        self._mask = None  # until the step is complete
        observation, reward, terminated, truncated, info = self.env.step(token)
        if terminated or truncated:
            return observation, reward, terminated, truncated, info
        self._mask = self._running_mask(observation)
        return observation, reward, terminated, truncated, self._with_mask(info)

    def action_masks(self) -> np.ndarray:
        """Returns the tokens that are allowed next in the running episode, bool (V,).

        Raises:
            gymnasium.error.ResetNeeded: Before the first reset, and after the end.
        """
        if self._mask is None:
            raise ResetNeeded("this episode has not begun or is over: call reset() first")
        return self._mask.copy()

    def action_mask(self, observation: np.ndarray) -> np.ndarray:
        """Returns the allowed tokens, bool (n, V), for observations int32 (n, L).

        Raises:
            ValueError: The rule returned another shape or type.
        """
        mask = np.asarray(self._allowed(observation))
        if mask.shape != (len(observation), self._size) or mask.dtype != np.bool_:
            raise ValueError(
                f"the rule returned {mask.dtype} {mask.shape} for observations {observation.shape}; allowed "
                f"tokens are bool ({len(observation)}, {self._size})"
            )
        return mask

    def _running_mask(self, observation: np.ndarray) -> np.ndarray:
        (mask,) = self.action_mask(observation[None])
        if not mask.any():
            tokens = observation[observation >= 0].tolist()
            raise ValueError(f"the rule allows no token after {tokens}; let it allow an end token at least")
        return mask

    def _with_mask(self, info: dict[str, Any]) -> dict[str, Any]:
        return {**info, "action_mask": self.action_masks().astype(np.int8)}


class TakesMasks(Protocol):
    """A policy that is given its masks, as MaskablePPO of SB3-contrib."""

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
        action_masks: np.ndarray | None = None,
    ) -> tuple[np.ndarray, Any]:
        """Returns allowed actions."""


class MaskedPolicy:
    """An agent of ActionMasks as a policy over the plain environment, where nothing is forbidden.

    With it `llm_envs.evaluate(MaskedPolicy(model, env), "TextGen-v0")` works.

    Args:
        policy: The agent trained under ActionMasks; its `predict` takes `action_masks`.
        env: The ActionMasks it was trained under, or an equal one.
    """

    def __init__(self, policy: TakesMasks, env: ActionMasks) -> None:
        self._policy, self._env = policy, env

    def begin_episodes(self, rows: Sequence[int], examples: Sequence[Example], state: Any = None) -> Any:
        """Tells the agent which examples its rows play, if it has `begin_episodes`."""
        inner: Any = self._policy
        return inner.begin_episodes(rows, examples, state) if isinstance(inner, SeesExamples) else state

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Returns token ids int64 (n,) for observations int32 (n, L); one id () for one observation (L,)."""
        masks = self._env.action_mask(np.atleast_2d(observation))
        masks = masks if np.ndim(observation) > 1 else masks[0]
        return self._policy.predict(observation, state, episode_start, deterministic, action_masks=masks)
