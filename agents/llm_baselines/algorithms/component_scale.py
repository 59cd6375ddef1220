"""ComponentScale: normalise, then sum. Each component of a reward is divided by its spread, then weighted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from llm_baselines.algorithms.reward_scale import RewardScale
from llm_baselines.play.trajectory import Trajectory

_STATE = "component_scale"


class ComponentsMissing(ValueError):
    """An episode has no values for the components of the training reward."""


class ComponentScale:
    """Recombines the components of a terminal reward: r = sum_i w_i (c_i - m_i) / s_i.

    w_i is the weight of component c_i, m_i its mean in the first round, and s_i its spread: the largest
    running standard deviation so far, as `RewardScale` measures it, within the texts of an example where a
    round has several of them. A component with another scale then counts by its weight alone, as with
    `normalize_then_sum` of TRL (GDPO, Liu et al. 2026). TRL takes mean and deviation of each group. Here they
    are those of the run, so that an episode from the replay and a fresh one are scored alike, and the
    optimum is that of one reward: m_i shifts all texts by the same, and s_i never falls.

    Args:
        weights: The weight of each component, by name, in the order of the stored values.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.weights = dict(weights)
        self._scales = {name: RewardScale() for name in self.weights}
        self._means: dict[str, float] = {}

    @property
    def names(self) -> list[str]:
        """Names of the components, in order."""
        return list(self.weights)

    @property
    def spreads(self) -> dict[str, float]:
        """The present spread of each component; 1 until two texts have differed in it."""
        return {name: scale.value for name, scale in self._scales.items()}

    @property
    def effective_weights(self) -> dict[str, float]:
        """The present weight of each component's raw value: w_i / s_i."""
        spreads = self.spreads
        return {name: weight / spreads[name] for name, weight in self.weights.items()}

    def components_of(self, trajectory: Trajectory) -> np.ndarray:
        """Returns the values of a fresh or a stored episode's components, float32 (k,).

        Raises:
            ComponentsMissing: The episode has none.
        """
        if trajectory.components is not None:
            return trajectory.components
        found = {} if trajectory.outcome is None else trajectory.outcome.reward_components
        if missing := [name for name in self.weights if name not in found]:
            raise ComponentsMissing(
                f"component_scaling='normalize' needs the components of every episode, and one has no "
                f"{missing[0]!r}"
            )
        return np.array([found[name] for name in self.weights], np.float32)

    def update(self, played: Sequence[Trajectory]) -> None:
        """Takes note of a round's components.

        Args:
            played: Fresh episodes.
        """
        if not played:
            return
        values = np.stack([self.components_of(t) for t in played]).astype(np.float64)
        if not self._means:
            self._means = dict(zip(self.weights, values.mean(axis=0).tolist(), strict=True))
        within = _within_examples(values, [t.example for t in played])
        for column, scale in enumerate(self._scales.values()):
            scale.update_variance(within[column] if within is not None else None, values[:, column].tolist())

    def recombined(self, trajectory: Trajectory) -> Trajectory:
        """Returns an episode whose last reward is the normalised sum; its other rewards are 0.

        Args:
            trajectory: A fresh or a stored episode of a terminal reward.
        """
        values = self.components_of(trajectory)
        total = 0.0
        for value, (name, weight) in zip(values.tolist(), self.effective_weights.items(), strict=True):
            total += weight * (value - self._means.get(name, 0.0))
        rewards = np.zeros_like(trajectory.rewards)
        rewards[-1] = total
        return replace(trajectory, rewards=rewards, components=values)

    def state(self) -> dict[str, float]:
        """Returns means and spreads as numbers."""
        state: dict[str, float] = {}
        for name, scale in self._scales.items():
            state |= {f"{_STATE}/{name}/{key}": value for key, value in scale.state().items()}
        return state | {f"{_STATE}/{name}/mean": mean for name, mean in self._means.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restores what `state` returned; other names are not read."""
        self._means = {
            name: float(state[key]) for name in self.weights if (key := f"{_STATE}/{name}/mean") in state
        }
        for name, scale in self._scales.items():
            before = f"{_STATE}/{name}/"
            scale.restore(
                {key.removeprefix(before): value for key, value in state.items() if key.startswith(before)}
            )


def _within_examples(values: np.ndarray, examples: Sequence[int]) -> np.ndarray | None:
    """Returns the pooled variance within the episodes of an example, float64 (k,); None if none has two."""
    _, members, counts = np.unique(examples, return_inverse=True, return_counts=True)
    several = counts[members] > 1
    if examples[0] < 0 or not several.any():
        return None
    chosen, groups = values[several], members[several]
    sums = np.zeros((len(counts), values.shape[1]))
    np.add.at(sums, groups, chosen)
    means = sums / np.maximum(1, counts)[:, None]
    freedom = int((counts[counts > 1] - 1).sum())
    pooled: np.ndarray = ((chosen - means[groups]) ** 2).sum(axis=0) / freedom
    return pooled
