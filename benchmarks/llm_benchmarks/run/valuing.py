"""Notes what an agent holds of the tokens it wrote, after its evaluation.

The texts are played again by their tokens, so noting cannot change them: the agent is not asked to act.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from llm_baselines.agent import ValuesTokens
from llm_benchmarks.records.token_values import MOST_TOKENS, to_field
from llm_envs.envs import WAIT

_TEXTS = 32

Row = Mapping[str, Any]


def note_values(
    agent: Any, envs: VectorEnv[Any, Any, Any], rows: Sequence[Row], most_tokens: int = MOST_TOKENS
) -> dict[int, dict[str, Any]]:
    """Returns the values of the tokens of episodes, as records hold them.

    Args:
        agent: The agent that wrote them.
        envs: Vector environments in DISABLED mode, as in the evaluation.
        rows: The episodes, as `EpisodeRow.to_dict` gives them.
        most_tokens: Episodes are taken in order until they have so many tokens.

    Returns:
        Index of an episode -> its values. It is empty for an agent that is no `ValuesTokens`.
    """
    if not isinstance(agent, ValuesTokens):
        return {}
    noted: dict[int, dict[str, Any]] = {}
    size = min(envs.num_envs, _TEXTS)
    within = _within(rows, most_tokens)
    for first in range(0, len(within), size):
        some = within[first : first + size]
        observations, columns = played_again(envs, some)
        for row, values in zip(some, agent.token_values(observations, columns), strict=True):
            if (field := to_field(values)) is not None:
                noted[row["index"]] = field
    return noted


def _within(rows: Sequence[Row], most_tokens: int) -> list[Row]:
    """Returns the first episodes that have tokens, and together at most so many."""
    total, kept = 0, []
    for row in rows:
        total += len(row["action_ids"])
        if total > most_tokens:
            break
        if row["action_ids"]:
            kept.append(row)
    return kept


def played_again(envs: VectorEnv[Any, Any, Any], rows: Sequence[Row]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Plays episodes by their tokens.

    Args:
        envs: Vector environments in DISABLED mode, at least as many as episodes.
        rows: The episodes.

    Returns:
        The last observation of each episode, int32 (n, context_length), and the columns of its actions.

    Raises:
        ValueError: An episode does not end with its last token.
    """
    played = [*rows, *[rows[0]] * (envs.num_envs - len(rows))]  # the rest plays the first one again
    observations, _ = envs.reset(
        seed=[row["seed"] for row in played],  # type: ignore[arg-type]
        options={"example": [row["example"] for row in played]},
    )
    columns: list[list[int]] = [[] for _ in played]
    over = np.zeros(len(played), dtype=bool)
    for step, actions in enumerate(_actions(played)):
        if over.all():
            break
        free = observations.shape[1] - (observations >= 0)[:, ::-1].argmax(axis=1)
        for place in np.flatnonzero(~over).tolist():
            columns[place].append(int(free[place]))
        observations, _, terminated, _, _ = envs.step(np.where(over, WAIT, actions))
        over |= terminated
        for place in np.flatnonzero(terminated).tolist():
            if step + 1 != len(played[place]["action_ids"]):
                raise ValueError(f"episode {played[place]['index']} ends otherwise when it is played again")
    if not over.all():
        raise ValueError("an episode has not ended after its tokens when it is played again")
    return observations[: len(rows)], [np.array(own) for own in columns[: len(rows)]]


def _actions(rows: Sequence[Row]) -> Iterator[np.ndarray]:
    """Yields the actions of each step, int64 (n,); WAIT where an episode has no more."""
    for step in range(max(len(row["action_ids"]) for row in rows)):
        ids = [row["action_ids"][step] if step < len(row["action_ids"]) else WAIT for row in rows]
        yield np.array(ids, np.int64)
