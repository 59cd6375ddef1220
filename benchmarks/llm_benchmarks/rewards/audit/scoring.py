"""Scores of episodes under a reward, errors included: a text on which a reward raises has no score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from llm_envs.episode import Episode
from llm_envs.rewards import RewardError, RewardSet

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Raised:
    """A text on which a reward raised an error, or returned no finite number."""

    text: str
    reason: str


def scores_of(rewards: RewardSet, episodes: Sequence[Episode], raised: list[Raised] | None = None) -> Floats:
    """Returns the score of every episode, float64 (n,); NaN where the reward raises.

    Args:
        rewards: The reward.
        episodes: The episodes.
        raised: Takes the errors. Without it an error is raised.
    """
    if not episodes:
        return np.empty(0)
    try:
        return np.array(rewards.score_batch(episodes)[0], dtype=np.float64)
    except RewardError:
        if raised is None:
            raise
    scores = np.full(len(episodes), np.nan)
    for i, episode in enumerate(episodes):
        try:
            scores[i] = rewards(episode)
        except RewardError as error:
            raised.append(Raised(episode.text, f"{error.reward_id} {error.reason}"))
    return scores


def worst_for_nan(scores: Floats, worst: float) -> Floats:
    """Returns the scores with a number where there is none."""
    return np.where(np.isnan(scores), worst, scores)


def reads_references(rewards: RewardSet, references: Sequence[Episode]) -> bool:
    """Returns True if references earn something else where other texts stand as the references."""
    swapped = [
        replace(one, example=replace(one.example, references=other.example.references))
        for one, other in zip(references, [*references[1:], *references[:1]], strict=True)
    ]
    own, found = scores_of(rewards, references), scores_of(rewards, swapped, [])
    return bool(np.any(np.abs(own - worst_for_nan(found, -np.inf)) > 1e-9))
