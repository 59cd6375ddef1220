"""Plays planned episodes with a policy, in a single environment or in the rows of a vector environment."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np
from gymnasium.error import InvalidAction
from gymnasium.vector import AutoresetMode

from llm_envs.envs import WAIT
from llm_envs.envs.vector_infos import has_info, row_info
from llm_envs.episode import Example, Outcome

_CUT_SHORT = (
    "an episode ended without an outcome: a wrapper truncated it (max_episode_steps, TimeLimit?); leave that "
    "wrapper out, max_new_tokens bounds an episode"
)


@dataclass(frozen=True, slots=True)
class Planned:
    """An episode to play: its position in the evaluation, its example and the seed of its reset."""

    index: int
    example: int
    seed: int


class Policy(Protocol):
    """Anything with Stable-Baselines3's `predict`."""

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Returns actions (n,) for observations (n, context_length), and the state for the next call."""
        ...


@runtime_checkable
class SeesExamples(Protocol):
    """A policy that is told which example each of its rows plays.

    It is for policies that write something of the example itself, such as its reference. Several examples
    may have equal prompts, so the observation does not say which one is played.
    """

    def begin_episodes(self, rows: Sequence[int], examples: Sequence[Example], state: Any = None) -> Any:
        """Called before `predict` sees the first observations of episodes.

        Args:
            rows: The rows of the next batch in which an episode begins.
            examples: The examples of these episodes, in the same order.
            state: The state from the last `predict`, None at first.

        Returns:
            The state for the next `predict`.
        """
        ...


_PREDICT = "predict(observation, state=None, episode_start=None, deterministic=False)"


def check_policy(policy: object) -> None:
    """Checks that an object can be asked for actions, before anything is played.

    Raises:
        TypeError: It is a class, or has no `predict` that takes what it is given.
    """
    kind = type(policy).__name__
    if isinstance(policy, type):
        raise TypeError(f"an agent is an object, got the class {policy.__name__}: make one first")
    if not callable(getattr(policy, "predict", None)):
        raise TypeError(f"{kind} has no {_PREDICT}, which every agent needs; it returns (actions, state)")
    try:
        asked = inspect.signature(policy.predict)  # type: ignore[attr-defined]
    except (TypeError, ValueError):  # not written in Python: its first call tells
        return
    try:
        asked.bind(None, state=None, episode_start=None, deterministic=False)
    except TypeError as error:
        raise TypeError(f"{kind}.predict{asked} cannot be called ({error}); write it as {_PREDICT}") from None


def _predict(policy: Policy, observations: Any, state: Any, start: np.ndarray, deterministic: bool) -> Any:
    """Returns the actions and the state that a policy gives.

    Raises:
        TypeError: It returns something else.
    """
    answer: Any = policy.predict(observations, state=state, episode_start=start, deterministic=deterministic)
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        what = f"{len(answer)} values" if isinstance(answer, tuple | list) else type(answer).__name__
        raise TypeError(
            f"{type(policy).__name__}.predict() returned {what}; it returns (actions, state), and an agent "
            "without memory returns the state that it was given"
        )
    return answer


def play_single(
    policy: Policy, env: gym.Env[Any, Any], plan: Sequence[Planned], deterministic: bool
) -> Iterator[tuple[Planned, Outcome]]:
    """Plays planned episodes in a single environment, one after the other.

    Args:
        policy: The policy.
        env: The environment; wrappers around it are fine.
        plan: The episodes.
        deterministic: Passed to `predict`.

    Yields:
        Each episode with its outcome.

    Raises:
        ValueError: A wrapper cut an episode short.
        gymnasium.error.InvalidAction: The policy does not return one token id.
    """
    for entry in plan:
        observation, info = env.reset(seed=entry.seed, options={"example": entry.example})
        begun = {"example": [info.get("example", entry.example)]}
        state, start = _tell_examples(policy, env, None, begun), np.ones(1, dtype=bool)
        while True:
            actions, state = _predict(policy, _batch_of_one(observation), state, start, deterministic)
            observation, _, terminated, truncated, info = env.step(_checked(actions, 1).item())
            start = np.zeros(1, dtype=bool)
            if terminated or truncated:
                if "outcome" not in info:
                    raise ValueError(_CUT_SHORT)
                yield entry, Outcome.from_info(info["outcome"])
                break


def _checked(actions: Any, n: int) -> np.ndarray:
    """Returns a policy's actions as int64 (n,)."""
    flat = np.asarray(actions).reshape(-1)
    if flat.shape != (n,) or flat.dtype.kind not in "iu":
        raise InvalidAction(
            f"predict() gave {len(flat)} actions of dtype {flat.dtype} for {n} observations; each takes one "
            "token id (an integer)"
        )
    return flat.astype(np.int64)


def _batch_of_one(observation: Any) -> Any:
    if isinstance(observation, dict):
        return {name: value[None] for name, value in observation.items()}
    return observation[None]


def play_vector(
    policy: Policy, env: Any, plan: Sequence[Planned], deterministic: bool
) -> Iterator[tuple[Planned, Outcome]]:
    """Plays planned episodes in the rows of a vector environment.

    In DISABLED mode a row that is over takes the next episode at once, or waits. In the other modes all rows
    start together.

    Args:
        policy: The policy.
        env: The vector environment; wrappers around it are fine.
        plan: The episodes.
        deterministic: Passed to `predict`.

    Yields:
        Each episode with its outcome, in the order in which they finish.

    Raises:
        ValueError: A wrapper cut an episode short.
        gymnasium.error.InvalidAction: The policy does not return one token id per row.
    """
    mode = env.metadata.get("autoreset_mode")
    refill = mode is AutoresetMode.DISABLED
    size = env.num_envs
    waiting = list(reversed(plan))
    while waiting:
        playing: list[Planned | None] = [waiting.pop() if waiting else None for _ in range(size)]
        entries = [entry or plan[0] for entry in playing]
        observations, infos = env.reset(
            seed=[entry.seed for entry in entries],
            options={"example": [entry.example for entry in entries]},
        )
        state, start, over = None, np.ones(size, dtype=bool), np.zeros(size, dtype=bool)
        state = _tell_examples(policy, env, state, infos)
        while any(entry is not None for entry in playing):
            actions, state = _predict(policy, observations, state, start, deterministic)
            actions = _checked(actions, size)
            if refill:
                actions[env.unwrapped.over] = WAIT
            observations, _, terminated, truncated, infos = env.step(actions)
            state = _tell_examples(policy, env, state, infos)
            # In NEXT_STEP mode the first observation of a new episode comes one step after the end.
            before, over = over, terminated | truncated
            start = before if mode is AutoresetMode.NEXT_STEP else over
            for row in np.flatnonzero(over).tolist():
                entry = playing[row]
                if entry is not None:
                    yield entry, _outcome_of(infos, row)
                    playing[row] = None
            if refill:
                seeds: list[int | None] = [None] * size
                examples = [0] * size
                start = np.zeros(size, dtype=bool)
                for row in np.flatnonzero(over).tolist()[: len(waiting)]:
                    entry = playing[row] = waiting.pop()
                    examples[row], seeds[row] = entry.example, entry.seed
                    start[row] = True
                if start.any():
                    observations, begun = env.reset(
                        seed=seeds, options={"example": examples, "reset_mask": start.copy()}
                    )
                    state = _tell_examples(policy, env, state, begun)


def _tell_examples(policy: Policy, env: Any, state: Any, infos: Mapping[str, Any]) -> Any:
    """Tells a policy which examples begin, as the infos of `reset` or `step` say. Returns its state."""
    if not isinstance(policy, SeesExamples) or "example" not in infos:
        return state
    examples = env.unwrapped.task.examples
    rows = [row for row in range(len(infos["example"])) if has_info(infos, "example", row)]
    return policy.begin_episodes(rows, [examples[infos["example"][row]] for row in rows], state)


def _outcome_of(infos: Mapping[str, Any], row: int) -> Outcome:
    """Returns one row's outcome from vector infos."""
    nested = infos.get("final_info", infos)
    if not has_info(nested, "outcome", row):
        raise ValueError(_CUT_SHORT)
    return Outcome.from_info(row_info(nested["outcome"], row))
