"""What `predict` must keep: shapes, token ids, determinism, rows, state, masks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gymnasium as gym
import numpy as np

import llm_envs
from llm_baselines.agent import Agent
from llm_benchmarks.checking.checks import Broken, NotApplicable, Note
from llm_benchmarks.checking.subjects import AgentSubject
from llm_envs.evaluation import EvaluationResult

_ROWS = 6
_TOGETHER = 4
_ALIKE = 0.9
"""The share of texts that must agree. The last digits of a network's output depend on the size of a batch."""


def makes_an_agent(subject: AgentSubject) -> str:
    """Makes the agent, or loads it from its folder."""
    agent = subject.make()
    if not isinstance(agent, Agent):
        raise Broken(f"{type(agent).__name__} has no predict()")
    return type(agent).__name__


def starts(subject: AgentSubject, rows: int = _ROWS) -> np.ndarray:
    """Returns first observations of episodes, int32 (rows, context_length)."""
    env = subject.make_env("test")
    return np.stack([env.reset(seed=subject.seed + row)[0] for row in range(rows)])


def checked_actions(returned: Any, rows: int, size: int) -> np.ndarray:
    """Returns the actions that `predict` returned, int64 (rows,).

    Raises:
        Broken: It did not return one token id for each row, and a state.
    """
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise Broken(f"predict returned {type(returned).__name__}, expected the pair (actions, state)")
    actions = np.asarray(returned[0])
    if actions.shape != (rows,):
        raise Broken(
            f"predict returned actions of shape {actions.shape} for {rows} observations, not ({rows},)"
        )
    if actions.dtype.kind not in "iu":
        raise Broken(f"predict returned actions of dtype {actions.dtype}; a token id is an integer")
    wrong = actions[(actions < 0) | (actions >= size)]
    if len(wrong):
        raise Broken(f"predict returned {wrong[0]}, which is no token: ids are 0 to {size - 1}")
    return actions.astype(np.int64)


def predicts_a_batch(subject: AgentSubject) -> str:
    """Calls `predict` on a batch, with both values of `deterministic`."""
    observations, size = starts(subject), _vocabulary(subject)
    begun = np.ones(len(observations), dtype=bool)
    for deterministic in (True, False):
        returned = subject.trained.predict(
            observations, state=None, episode_start=begun, deterministic=deterministic
        )
        checked_actions(returned, len(observations), size)
    checked_actions(subject.trained.predict(observations), len(observations), size)
    return f"{len(observations)} observations"


def predicts_one(subject: AgentSubject) -> str:
    """Calls `predict` on a batch of one, and on a single observation."""
    observations, size = starts(subject, 1), _vocabulary(subject)
    (action,) = checked_actions(subject.trained.predict(observations, deterministic=True), 1, size)
    try:
        alone = np.asarray(subject.trained.predict(observations[0], deterministic=True)[0])
    except Exception as error:  # it need not take one
        raise Note(
            f"it takes batches (n, columns) only, and raised {type(error).__name__} on one row"
        ) from None
    if alone.size != 1:
        raise Note(f"it takes batches (n, columns) only: one row gave {alone.size} actions")
    if int(alone.reshape(())) != action:
        raise Broken(f"it takes token {alone} for an observation, and token {action} for a batch of that one")
    return ""


def leaves_observations_alone(subject: AgentSubject) -> str:
    """Checks that `predict` does not write into the observations it is given."""
    observations = starts(subject)
    before = observations.copy()
    subject.trained.predict(observations, deterministic=False)
    if not np.array_equal(observations, before):
        raise Broken("predict changed the observations that it was given")
    return ""


def deterministic_repeats(subject: AgentSubject) -> str:
    """Plays an evaluation twice with deterministic=True."""
    first, again = (play(subject, subject.trained, rows=_TOGETHER) for _ in range(2))
    _check_alike(first, again, "the same evaluation, played twice with deterministic=True")
    return f"{len(first.rows)} texts"


def rows_are_independent(subject: AgentSubject) -> str:
    """Plays episodes one after the other, and several at once in rows that are filled again."""
    alone = play(subject, subject.trained, rows=1)
    together = play(subject, subject.trained, rows=_TOGETHER)
    _check_alike(alone, together, f"one episode at a time and {_TOGETHER} at a time")
    return ""


def play(subject: AgentSubject, agent: Any, *, rows: int = 1, deterministic: bool = True) -> EvaluationResult:
    """Plays the first test examples; with one row the environment is a single one."""
    env: Any = subject.make_env("test")
    if rows > 1:
        env = llm_envs.vectorize(env, rows, autoreset_mode="Disabled")
    try:
        return llm_envs.evaluate(
            agent, env, subject.episodes, seed=subject.seed + 1_000_000, deterministic=deterministic
        )
    finally:
        env.close()


def share_alike(first: EvaluationResult, second: EvaluationResult) -> float:
    """Returns the share of episodes with the same tokens."""
    pairs = zip(first.rows, second.rows, strict=True)
    return sum(a.action_ids == b.action_ids for a, b in pairs) / len(first.rows)


def _check_alike(first: EvaluationResult, second: EvaluationResult, what: str) -> None:
    share = share_alike(first, second)
    if share < _ALIKE:
        pairs = zip(first.rows, second.rows, strict=True)
        a, b = next((a, b) for a, b in pairs if a.action_ids != b.action_ids)
        raise Broken(
            f"{what}: {share:.0%} of the texts are the same; episode {a.index} is {a.text[:40]!r}, then "
            f"{b.text[:40]!r}"
        )


class Masked(gym.Wrapper[Any, Any, Any, Any]):
    """Forbids some tokens.

    Args:
        env: The environment.
        forbidden: The tokens.
    """

    def __init__(self, env: gym.Env[Any, Any], forbidden: Iterable[int]) -> None:
        super().__init__(env)
        size = int(env.action_space.n)  # type: ignore[attr-defined]
        self._allowed = np.ones(size, dtype=np.bool_)
        self._allowed[list(forbidden)] = False

    def action_mask(self, observation: np.ndarray) -> np.ndarray:
        """Returns the allowed tokens, bool (n, V) for observations (n, L)."""
        return np.tile(self._allowed, (len(np.atleast_2d(observation)), 1))


def mask_is_kept(subject: AgentSubject) -> str:
    """Checks that only allowed tokens are taken, where the environment has an `action_mask`.

    An environment without one gets a mask that forbids what the agent takes without it. Keeping that is a
    virtue, not a duty.
    """
    if subject.is_folder:
        raise NotApplicable("a trained agent's folder belongs to the environment it was trained in")
    observations, env = starts(subject), subject.make_env()
    own = callable(getattr(env.unwrapped, "action_mask", None))
    if not own:
        taken = set(_tokens_taken(subject.make(env), observations))
        if len(taken) >= _vocabulary(subject):
            raise NotApplicable("it takes every token of the vocabulary")
        env = Masked(env, taken)
    try:
        agent = subject.make(env)
    except Exception as error:  # it may refuse a wrapped environment
        raise Note(f"it cannot be made on a wrapped environment: {type(error).__name__}: {error}") from None
    allowed = env.get_wrapper_attr("action_mask")(observations)
    for place, token in enumerate(_tokens_taken(agent, observations)):
        if not allowed[place % len(observations), token]:
            what = f"it takes token {token}, which action_mask does not allow"
            raise Broken(what) if own else Note(f"it does not read action_mask: {what}")
    return ""


def _tokens_taken(agent: Any, observations: np.ndarray) -> list[int]:
    """Returns the best and some drawn tokens in the first observations of episodes."""
    begun = np.ones(len(observations), dtype=bool)
    return [
        int(token)
        for deterministic in (True, False, False)
        for token in agent.predict(observations, None, begun, deterministic)[0]
    ]


def _vocabulary(subject: AgentSubject) -> int:
    return int(subject.make_env().action_space.n)  # type: ignore[attr-defined]
