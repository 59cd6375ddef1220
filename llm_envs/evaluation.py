"""evaluate(): plays a policy on the examples of an environment and returns one row per episode."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from llm_envs.checks.arguments import at_least_one
from llm_envs.checks.types import check_flag, fits
from llm_envs.envs.ids import find_spec, make_vec, own_argument
from llm_envs.envs.playing import Planned, Policy, SeesExamples, check_policy, play_single, play_vector
from llm_envs.envs.task import Task
from llm_envs.episode import Episode, Outcome

__all__ = ["EpisodeRow", "EvaluationResult", "Policy", "SeesExamples", "episode_seed", "evaluate"]

_ROWS = 32  # rows that play an environment given by its id
_MAX_EPISODES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRow(Outcome):
    """One evaluated episode: its outcome, and how it was started.

    Attributes:
        index: Position in the evaluation.
        example: Index of the example in its split.
        seed: Seed of the reset.
    """

    index: int
    example: int
    seed: int

    @classmethod
    def of_planned(cls, planned: Planned, outcome: Outcome) -> EpisodeRow:
        """Makes the row of a planned episode."""
        return cls(
            index=planned.index,
            example=planned.example,
            seed=planned.seed,
            **{entry.name: getattr(outcome, entry.name) for entry in fields(outcome)},
        )

    @property
    def length(self) -> int:
        """Number of tokens the agent wrote."""
        return len(self.action_ids)

    def to_dict(self) -> dict[str, Any]:
        """Returns the row as it stands in records, JSON-able; references stay in the data set."""
        return {
            "index": self.index,
            "example": self.example,
            "seed": self.seed,
            "source": self.source,
            "text": self.text,
            "action_ids": list(self.action_ids),
            "reward": self.reward,
            "reward_components": dict(self.reward_components),
            "metrics": dict(self.metrics),
            "length": self.length,
            "finish_reason": self.finish_reason,
        }


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """The rows of an evaluation in the order of their index, and their means.

    Attributes:
        rows: One per episode.
        seed: The evaluation seed.
        deterministic: What `predict` was given.
        corpus_metrics: Metrics that were computed once over all rows. No row has them.
        seconds: Wall-clock time of the evaluation.
    """

    rows: tuple[EpisodeRow, ...]
    seed: int
    deterministic: bool
    corpus_metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = field(default=0.0, compare=False)

    @property
    def mean_reward(self) -> float:
        """Mean reward of the episodes."""
        return statistics.fmean(row.reward for row in self.rows)

    @property
    def std_reward(self) -> float:
        """Sample standard deviation of the episodes' rewards; 0 for a single episode."""
        return statistics.stdev(row.reward for row in self.rows) if len(self.rows) > 1 else 0.0

    @property
    def metrics(self) -> dict[str, float]:
        """Mean of every metric over the episodes that have it, and the corpus metrics."""
        return {**_means([row.metrics for row in self.rows]), **self.corpus_metrics}

    @property
    def reward_components(self) -> dict[str, float]:
        """Mean of every reward component."""
        return _means([row.reward_components for row in self.rows])

    @property
    def mean_length(self) -> float:
        """Mean number of tokens the agent wrote."""
        return statistics.fmean(row.length for row in self.rows)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Returns the rows as JSON-able dicts."""
        return [row.to_dict() for row in self.rows]


def _means(tables: list[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for table in tables for name in table)
    return {name: statistics.fmean(t[name] for t in tables if name in t) for name in names}


def episode_seed(seed: int, index: int) -> int:
    """Returns the seed of evaluation episode `index`, which is the same for any number of environments."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


def evaluate(
    policy: Policy,
    env: str | gym.Env[Any, Any] | VectorEnv[Any, Any, Any],
    n_eval_episodes: int | None = None,
    seed: int = 0,
    *,
    deterministic: bool = True,
    on_episode: Callable[[EpisodeRow], None] | None = None,
) -> EvaluationResult:
    """Plays a policy on the examples of an environment.

    Episode k is `reset(seed=f(seed, k))` on example k modulo the number of examples. So every example of the
    split is visited before any repeats. The rows do not depend on how many environments play them.

    Args:
        policy: Anything with Stable-Baselines3's `predict`, called on batches (n, context_length). If it has
            `begin_episodes`, it is told which examples its rows play (`SeesExamples`).
        env: A registered id (its test split is used), an environment, or a vector environment of this
            package. Wrappers around them are fine. A row has the reward of the environment's `outcome`. It
            does not see what a RewardWrapper makes of it, so give the environment that reward instead.
        n_eval_episodes: Number of episodes. None plays every example of the split once.
        seed: The evaluation seed, at least 0.
        deterministic: Passed to `predict`.
        on_episode: Called with every finished row, in the order in which they finish.

    Returns:
        One row per episode, and the metrics that are computed over all of them.

    Raises:
        ValueError: The environment is not of this package, or there is nothing to play.
        TypeError: The policy is a class, or has no `predict` that takes and returns what it should.
        gymnasium.error.InvalidAction: The policy does not return one token id per observation.
    """
    check_policy(policy)
    if n_eval_episodes is not None:
        n_eval_episodes = at_least_one("n_eval_episodes", n_eval_episodes, _MAX_EPISODES)
    if not fits(seed, int) or seed < 0:
        raise ValueError(f"seed={seed!r} must be a whole number of at least 0")
    check_flag("deterministic", deterministic)
    if isinstance(env, str):
        rows_at_once = _ROWS if n_eval_episodes is None else min(_ROWS, n_eval_episodes)
        find_spec(env)  # imports the module of the id, which registers its metrics
        metrics = own_argument(env, "metrics", "default")
        made = make_vec(env, rows_at_once, split="test", metrics=metrics, autoreset_mode="Disabled")
        try:
            return evaluate(
                policy, made, n_eval_episodes, seed, deterministic=deterministic, on_episode=on_episode
            )
        finally:
            made.close()
    task = getattr(env.unwrapped, "task", None)
    if task is None or not hasattr(task, "examples"):
        raise ValueError(f"evaluate() plays environments of llm_envs; {env.unwrapped!r} has no task")
    started = time.perf_counter()
    total = len(task.examples) if n_eval_episodes is None else n_eval_episodes
    plan = [Planned(k, k % len(task.examples), episode_seed(seed, k)) for k in range(total)]
    if isinstance(env, VectorEnv):
        played = play_vector(policy, env, plan, deterministic)
    else:
        played = play_single(policy, env, plan, deterministic)
    rows: list[EpisodeRow] = []
    for planned, outcome in played:
        row = EpisodeRow.of_planned(planned, outcome)
        rows.append(row)
        if on_episode is not None:
            on_episode(row)
    rows.sort(key=lambda row: row.index)
    whole = _of_the_whole(task, rows)
    return EvaluationResult(tuple(rows), seed, deterministic, whole, time.perf_counter() - started)


def _of_the_whole(task: Task, rows: list[EpisodeRow]) -> dict[str, float]:
    """Returns the metrics that are computed once, on all rows together."""
    if task.corpus_metrics is None:
        return {}
    played = [
        Episode(task.examples[row.example], row.text, row.action_ids, row.finish_reason) for row in rows
    ]
    return task.corpus_metrics.score_corpus(played)
