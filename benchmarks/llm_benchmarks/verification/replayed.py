"""Level 2: the episodes of a record, played again in the environment by their own tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from llm_benchmarks.records.record import Record, Rows
from llm_benchmarks.verification.agreement import agree, difference
from llm_benchmarks.verification.findings import Fails, NotVerifiable
from llm_benchmarks.verification.ground import Ground
from llm_envs.envs import WAIT
from llm_envs.envs.task import Task
from llm_envs.envs.vector_infos import has_info, row_info
from llm_envs.episode import Outcome
from llm_envs.foreign import shown


def check_replay(record: Record, rows: Rows, ground: Ground) -> None:
    """Raises if the stored tokens do not lead to the stored texts, rewards and ends.

    Args:
        record: A record with results.
        rows: Its episodes.
        ground: The environment, made again.

    Raises:
        Fails: An episode plays otherwise.
        NotVerifiable: The environment is another one today.
    """
    for change in ground.changed_since(record):
        raise NotVerifiable(f"{change}: it is of an earlier release, or of other data")
    envs = ground.environments(len(rows))
    try:
        for first in range(0, len(rows), envs.num_envs):
            some = rows[first : first + envs.num_envs]
            for k, outcome in replay(envs, some):
                _compare(rows[first + k], outcome, ground.task)
    finally:
        envs.close()


def replay(
    envs: VectorEnv[Any, Any, Any], rows: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[int, Outcome]]:
    """Plays episodes by their stored tokens, all at once.

    Args:
        envs: A vector environment in DISABLED mode with at least as many rows.
        rows: Rows of a record.

    Yields:
        The position of each row and the outcome of its episode, as they end.

    Raises:
        Fails: An episode ends before its tokens do, or goes on after them.
    """
    size = envs.num_envs
    spare = size - len(rows)
    played = [*rows, *[rows[0]] * spare]  # the environments that are left over play the first row again
    seeds: Any = [row["seed"] for row in played]
    envs.reset(seed=seeds, options={"example": [row["example"] for row in played]})
    longest = max(len(row["action_ids"]) for row in played)
    ids = np.full((size, longest), WAIT, np.int64)
    for position, row in enumerate(played):
        ids[position, : len(row["action_ids"])] = row["action_ids"]
    lengths = np.array([len(row["action_ids"]) for row in played])
    running = np.ones(size, dtype=bool)
    vocabulary = envs.unwrapped.task.vocabulary_size  # type: ignore[attr-defined]
    if (ids >= vocabulary).any():
        position = int(np.flatnonzero((ids >= vocabulary).any(axis=1))[0])
        raise Fails(f"{_name(played[position])}: a token id beyond the vocabulary of {vocabulary}")
    for step in range(longest + 1):
        if (short := running & (lengths <= step)).any():
            position = int(np.flatnonzero(short)[0])
            raise Fails(f"{_name(played[position])}: it has not ended after its {lengths[position]} tokens")
        if not running.any():
            return
        _, _, terminated, _, infos = envs.step(np.where(running, ids[:, step], WAIT))
        for position in np.flatnonzero(terminated).tolist():
            running[position] = False
            if lengths[position] != step + 1:
                raise Fails(
                    f"{_name(played[position])}: it ends after {step + 1} tokens, and the record has "
                    f"{lengths[position]}"
                )
            if position < len(rows):
                assert has_info(infos, "outcome", position)
                yield position, Outcome.from_info(row_info(infos["outcome"], position))


def _compare(row: Mapping[str, Any], outcome: Outcome, task: Task) -> None:
    """Raises if a replayed episode is not the stored one."""
    for name in ("source", "text", "finish_reason"):
        now = getattr(outcome, name)
        if row[name] != now:
            there = shown(repr(row[name]), 60)
            raise Fails(f"{_name(row)}: {name}: {shown(repr(now), 60)}, the record has {there}")
    if list(outcome.action_ids) != row["action_ids"]:
        raise Fails(f"{_name(row)}: action_ids: the environment took others")
    if problem := difference(row["reward_components"], outcome.reward_components, task.reward):
        raise Fails(f"{_name(row)}: reward_components.{problem}")
    if not agree(row["reward"], outcome.reward, task.reward.tolerance):
        raise Fails(f"{_name(row)}: reward: {outcome.reward}, the record has {row['reward']}")
    if problem := difference(row["metrics"], outcome.metrics, task.metrics):
        raise Fails(f"{_name(row)}: metrics.{problem}")


def _name(row: Mapping[str, Any]) -> str:
    return f"episode {row['index']} (example {row['example']})"
