"""evaluate(): plays a policy on the examples of an environment and returns one row per episode."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np
from gymnasium.error import InvalidAction
from gymnasium.vector import AutoresetMode, VectorEnv

from llm_envs.checks.arguments import at_least_one
from llm_envs.checks.types import check_flag, fits
from llm_envs.envs import WAIT
from llm_envs.envs.ids import find_spec, make_vec, own_argument
from llm_envs.envs.task import Task
from llm_envs.envs.vector_infos import has_info, row_info
from llm_envs.episode import Episode, Example, Outcome

_CUT_SHORT = (
    "an episode ended without an outcome: a wrapper truncated it (max_episode_steps, TimeLimit?); leave that "
    "wrapper out, max_new_tokens bounds an episode"
)


_ROWS = 32  # played side by side where an id is given
_MAX_EPISODES = 2**20


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
        gymnasium.error.InvalidAction: The policy does not return one token id per observation.
    """
    if n_eval_episodes is not None:
        n_eval_episodes = at_least_one("n_eval_episodes", n_eval_episodes, _MAX_EPISODES)
    if not fits(seed, int) or seed < 0:
        raise ValueError(f"seed={seed!r} must be a whole number of at least 0")
    check_flag("deterministic", deterministic)
    if isinstance(env, str):
        rows_at_once = _ROWS if n_eval_episodes is None else min(_ROWS, n_eval_episodes)
        find_spec(env)  # its module, if one is named, says what the id's own metrics are
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
    plan = [(k, k % len(task.examples), episode_seed(seed, k)) for k in range(total)]
    play = _play_rows if isinstance(env, VectorEnv) else _play_one
    rows: list[EpisodeRow] = []
    for row in play(policy, env, plan, deterministic):
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


def _row(plan: tuple[int, int, int], info: Mapping[str, Any]) -> EpisodeRow:
    """Makes the row of a planned episode from its `info["outcome"]`."""
    outcome = Outcome.from_info(info)
    index, example, seed = plan
    return EpisodeRow(
        index=index,
        example=example,
        seed=seed,
        **{entry.name: getattr(outcome, entry.name) for entry in fields(Outcome)},
    )


def _play_one(policy: Policy, env: Any, plan: list[tuple[int, int, int]], deterministic: bool) -> Any:
    for entry in plan:
        _, example, seed = entry
        observation, info = env.reset(seed=seed, options={"example": example})
        state, start = _told(policy, env, None, {"example": [info.get("example", example)]}), np.ones(1, bool)
        while True:
            actions, state = policy.predict(
                _batch_of_one(observation), state=state, episode_start=start, deterministic=deterministic
            )
            observation, _, terminated, truncated, info = env.step(_checked(actions, 1).item())
            start = np.zeros(1, dtype=bool)
            if terminated or truncated:
                if "outcome" not in info:
                    raise ValueError(_CUT_SHORT)
                yield _row(entry, info["outcome"])
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


def _play_rows(policy: Policy, env: Any, plan: list[tuple[int, int, int]], deterministic: bool) -> Any:
    """Plays episodes in the rows of a vector environment.

    In DISABLED mode a row that is over takes the next episode at once, or waits. In the other modes all rows
    start together.
    """
    mode = env.metadata.get("autoreset_mode")
    refill = mode is AutoresetMode.DISABLED
    size = env.num_envs
    waiting = list(reversed(plan))
    while waiting:
        playing: list[tuple[int, int, int] | None] = [waiting.pop() if waiting else None for _ in range(size)]
        entries = [entry or plan[0] for entry in playing]
        observations, infos = env.reset(
            seed=[seed for _, _, seed in entries], options={"example": [example for _, example, _ in entries]}
        )
        state, start, over = None, np.ones(size, dtype=bool), np.zeros(size, dtype=bool)
        state = _told(policy, env, state, infos)
        while any(entry is not None for entry in playing):
            actions, state = policy.predict(
                observations, state=state, episode_start=start, deterministic=deterministic
            )
            actions = _checked(actions, size)
            if refill:
                actions[env.unwrapped.over] = WAIT
            observations, _, terminated, truncated, infos = env.step(actions)
            state = _told(policy, env, state, infos)
            # In NEXT_STEP mode the first observation of a new episode comes one step after the end.
            before, over = over, terminated | truncated
            start = before if mode is AutoresetMode.NEXT_STEP else over
            for row in np.flatnonzero(over).tolist():
                entry = playing[row]
                if entry is not None:
                    yield _row(entry, _outcome_of(infos, row))
                    playing[row] = None
            if refill:
                seeds: list[int | None] = [None] * size
                examples = [0] * size
                start = np.zeros(size, dtype=bool)
                for row in np.flatnonzero(over).tolist()[: len(waiting)]:
                    entry = playing[row] = waiting.pop()
                    _, examples[row], seeds[row] = entry
                    start[row] = True
                if start.any():
                    observations, begun = env.reset(
                        seed=seeds, options={"example": examples, "reset_mask": start.copy()}
                    )
                    state = _told(policy, env, state, begun)


def _told(policy: Policy, env: Any, state: Any, infos: Mapping[str, Any]) -> Any:
    """Tells a policy which examples begin, as the infos of `reset` or `step` say. Returns its state."""
    if not isinstance(policy, SeesExamples) or "example" not in infos:
        return state
    examples = env.unwrapped.task.examples
    rows = [row for row in range(len(infos["example"])) if has_info(infos, "example", row)]
    return policy.begin_episodes(rows, [examples[infos["example"][row]] for row in rows], state)


def _outcome_of(infos: Mapping[str, Any], row: int) -> dict[str, Any]:
    """Returns one row's outcome from vector infos."""
    nested = infos.get("final_info", infos)
    if not has_info(nested, "outcome", row):
        raise ValueError(_CUT_SHORT)
    return row_info(nested["outcome"], row)
