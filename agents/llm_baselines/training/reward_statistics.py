"""What a round of episodes says of its reward: mean, spread and share of each component, and equal groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from llm_envs.episode import Outcome
from llm_envs.foreign import shown

_LONGEST_NAME = (
    24  # Stable-Baselines3's console cuts keys at 36 characters, and refuses two that end up equal
)


@dataclass(frozen=True)
class PlayedRound:
    """The episodes of one round.

    Attributes:
        scores: Undiscounted sums of rewards.
        lengths: Numbers of actions.
        outcomes: What the environment told of them; empty in environments that tell nothing.
        weights: The weight of each summed component, as the learner counts it; None if unknown.
        groups: The group of each episode, by example; None if examples are not played in groups.
    """

    scores: Sequence[float]
    lengths: Sequence[int]
    outcomes: Sequence[Outcome] = ()
    weights: Mapping[str, float] | None = None
    groups: Sequence[int] | None = None


@dataclass(frozen=True)
class ComponentStatistics:
    """One component of the reward, over the episodes of a round.

    Attributes:
        mean: Mean value, without the weight.
        std: Standard deviation of the values (n - 1), without the weight.
        share: |weight| * std, divided by the sum of these over all components: the component's share of what
            tells texts apart. NaN for a part that is not itself summed, and where no component varies.
    """

    mean: float
    std: float
    share: float = float("nan")


def component_statistics(
    outcomes: Sequence[Outcome], weights: Mapping[str, float] | None
) -> dict[str, ComponentStatistics]:
    """Returns the statistics of every component that all outcomes have, by name.

    Args:
        outcomes: Those of a round.
        weights: See PlayedRound.
    """
    if not outcomes:
        return {}
    names = [
        name for name in outcomes[0].reward_components if all(name in o.reward_components for o in outcomes)
    ]
    values = np.array([[o.reward_components[name] for name in names] for o in outcomes], np.float64)
    means = values.mean(axis=0)
    spreads = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(len(names))
    weighted = {
        name: abs(weights[name]) * float(spread)
        for name, spread in zip(names, spreads, strict=True)
        if weights is not None and name in weights
    }
    whole = sum(weighted.values())
    return {
        name: ComponentStatistics(
            float(mean),
            float(spread),
            weighted[name] / whole if name in weighted and whole > 0 else float("nan"),
        )
        for name, mean, spread in zip(names, means, spreads, strict=True)
    }


def collapsed_share(scores: Sequence[float], groups: Sequence[int] | None) -> float | None:
    """Returns the share of groups whose texts all score the same; nothing can be learned from such a group.

    Args:
        scores: float (n,).
        groups: The group of each; None takes the round as one group.

    Returns:
        0 to 1; None if no group has two texts.
    """
    members: dict[int, list[float]] = {}
    for score, group in zip(scores, groups or [0] * len(scores), strict=True):
        members.setdefault(group, []).append(score)
    several = [group for group in members.values() if len(group) > 1]
    if not several:
        return None
    return sum(max(group) == min(group) for group in several) / len(several)


def log_values(statistics: Mapping[str, ComponentStatistics], collapsed: float | None) -> dict[str, float]:
    """Returns the values to log, by key.

    Args:
        statistics: From `component_statistics`.
        collapsed: From `collapsed_share`.
    """
    values: dict[str, float] = {}
    for label, one in zip(labels(list(statistics)), statistics.values(), strict=True):
        values[f"reward/{label}/mean"] = one.mean
        values[f"reward/{label}/std"] = one.std
        if np.isfinite(one.share):
            values[f"reward/{label}/share"] = one.share
    if collapsed is not None:
        values["reward/collapsed_groups"] = collapsed
    return values


def labels(names: Sequence[str]) -> list[str]:
    """Returns a short name for each component, without control characters; no two are equal."""
    labels: list[str] = []
    for name in names:
        label, number = shown(name, _LONGEST_NAME), 2
        while label in labels:
            ending = f"~{number}"
            label, number = shown(name, _LONGEST_NAME - len(ending)) + ending, number + 1
        labels.append(label)
    return labels
