"""Rollouts: plays whole episodes in any token environment, many rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from llm_baselines.play.rows import Rows
from llm_baselines.play.trajectory import Trajectory
from llm_baselines.play.transitions import TransitionError, check_start, check_step
from llm_envs.episode import Outcome


class ActingPolicy(Protocol):
    """Chooses the actions in a rollout."""

    def act(self, observation: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Returns actions int64 (n,) and their log-probabilities (n,) for observations (n, L)."""
        ...

    def keep(self, rows: np.ndarray) -> None:
        """Announces that the next observations will be those of these rows, in this order."""
        ...


@dataclass
class _Playing:
    """An episode in progress."""

    order: int
    example: int
    first: int
    actions: list[int]
    rewards: list[float]
    log_probs: list[float]


def play_episodes(
    rows: Rows,
    policy: ActingPolicy,
    *,
    seeds: Sequence[int],
    examples: Sequence[int] | None,
    vocabulary_size: int,
    rng: np.random.Generator,
    round: int = 0,
    on_step: Callable[[np.ndarray], bool] | None = None,
) -> list[Trajectory]:
    """Plays one episode for every seed.

    When a row's episode ends, the row begins the next one, if the environment allows it and one is left.
    Otherwise the row leaves the batch, so that no computation is spent on it.

    Args:
        rows: The environments.
        policy: Chooses actions for the rows that are still playing.
        seeds: One seed per episode.
        examples: One example per episode; None for environments that take no example.
        vocabulary_size: V.
        rng: The policy draws from it.
        round: Number of the round, stored in the trajectories.
        on_step: Called after every step with bool (n,), True for rows whose episode has ended. If it returns
            False, playing stops and only finished episodes are returned.

    Returns:
        The trajectories in the order of their seeds.

    Raises:
        TransitionError: The environment broke the contract.
    """
    finished: list[tuple[int, Trajectory]] = []
    waiting = list(range(len(seeds)))[::-1]
    stopped = False
    while waiting and not stopped:
        wave = [waiting.pop() for _ in range(min(rows.num_envs, len(waiting)))]
        chosen = None if examples is None else [examples[i] for i in wave]
        observation = np.ascontiguousarray(rows.reset([seeds[i] for i in wave], chosen))
        alive = np.arange(len(wave))
        policy.keep(np.empty(0, np.int64))
        check_start(observation, vocabulary_size)
        playing = [_begun(i, examples, observation[r]) for r, i in enumerate(wave)]
        while len(alive) and not stopped:
            actions, log_probs = policy.act(observation, rng)
            columns = observation.shape[1] - (observation >= 0)[:, ::-1].argmax(axis=1)
            full = np.flatnonzero(columns >= observation.shape[1])
            if len(full):
                raise TransitionError(
                    f"row {full[0]}: the observation is full and the episode goes on; an episode must end "
                    "before its observation would overflow"
                )
            after, rewards, terminated, truncated = rows.step(alive, actions)
            check_step(observation, actions, after, vocabulary_size)
            observation = after
            for one, column, reward, log_prob in zip(
                playing, columns.tolist(), rewards.tolist(), log_probs.tolist(), strict=True
            ):
                one.actions.append(column - one.first)
                one.rewards.append(reward)
                one.log_probs.append(log_prob)
            over = terminated | truncated
            stay = np.ones(len(alive), bool)
            for at in np.flatnonzero(over).tolist():
                one = playing[at]
                ended = bool(terminated[at]), round, rows.outcome(int(alive[at]))
                finished.append((one.order, _trajectory(one, after[at], *ended)))
                if rows.refills and waiting:
                    order = waiting.pop()
                    fresh = rows.refill(
                        int(alive[at]), seeds[order], None if examples is None else examples[order]
                    )
                    check_start(fresh[None], vocabulary_size)
                    observation[at] = fresh
                    playing[at] = _begun(order, examples, fresh)
                else:
                    stay[at] = False
            if not stay.all():
                kept = np.flatnonzero(stay)
                alive, observation = alive[kept], observation[kept]
                playing = [playing[i] for i in kept]
                if len(kept):
                    policy.keep(kept)
            if on_step is not None:
                stopped = not on_step(over)
    return [trajectory for _, trajectory in sorted(finished, key=lambda pair: pair[0])]


def _begun(order: int, examples: Sequence[int] | None, observation: np.ndarray) -> _Playing:
    example = -1 if examples is None else examples[order]
    return _Playing(order, example, int((observation >= 0).argmax()), [], [], [])


def _trajectory(
    one: _Playing, observation: np.ndarray, terminated: bool, round: int, outcome: Outcome | None
) -> Trajectory:
    present = np.flatnonzero(observation >= 0)
    return Trajectory(
        tokens=observation[present[0] : present[-1] + 1].astype(np.int32),
        actions=np.array(one.actions, np.int32),
        rewards=np.array(one.rewards, np.float32),
        behaviour_log_probs=np.array(one.log_probs, np.float32),
        reference_log_probs=np.zeros(len(one.actions), np.float32),
        terminated=terminated,
        round=round,
        start=int(present[0]),
        example=one.example,
        outcome=outcome,
    )
