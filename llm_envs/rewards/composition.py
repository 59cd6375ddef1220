"""Rewards made of rewards: what `product`, `sum`, `clip` and `gate` share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llm_envs.episode import Episode, Example
from llm_envs.rewards.context import RewardContext
from llm_envs.rewards.increments.growth import Growth
from llm_envs.rewards.prefix_scorer import PrefixScorer
from llm_envs.rewards.reward_set import RewardSet, make_reward

Parts = tuple[float, dict[str, float]]


class Composition(ABC):
    """A number made of the values of other rewards, which are recorded as "ID/NAME".

    Args:
        rewards: A reward specification, as `make_reward` takes it.
        context: Passed to the rewards.

    Raises:
        ValueError: A reward is a bare callable, so that no record could name it.
    """

    def __init__(self, rewards: Any, context: RewardContext | None) -> None:
        self._rewards: RewardSet = make_reward(rewards, context)
        if self._rewards.to_spec() is None:
            own = type(self).__name__.lower()
            raise ValueError(f"the rewards of a {own} are registered ids or 'package.module:name'")
        self.needs_references = self._rewards.needs_references
        self.needs_text = self._rewards.needs_text
        self.lazy = self._rewards.lazy
        self.tolerance = self._rewards.tolerance

    @abstractmethod
    def combine(self, values: Mapping[str, float]) -> float:
        """Returns the value of the whole.

        Args:
            values: The unweighted value of each part, by name.
        """

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        return self.score_parts(episode)[0]

    def score_parts(self, episode: Episode) -> Parts:
        """Returns the score, and the values of the parts by name."""
        return self._combined(self._rewards.components(episode))

    def score_batch(self, episodes: Sequence[Episode]) -> list[Parts]:
        """Returns score and parts of every episode. Parts that can score batches do."""
        return [self._combined(table) for table in self._rewards.score_batch(episodes)[1]]

    def increment(self, example: Example) -> CompositionIncrement | None:
        """Returns the scores of the growing prefixes of one episode, if one of the parts offers them."""
        parts = self._rewards.prefix_scorer(example)
        return CompositionIncrement(parts, self.combine) if parts.reads_growth else None

    def _combined(self, values: Mapping[str, float]) -> Parts:
        return self.combine(values), dict(values)


class CompositionIncrement:
    """A composition on the growing prefixes of one episode. Parts that offer increments follow them.

    Args:
        parts: Scores the parts.
        combine: Makes the value of the whole.
    """

    def __init__(self, parts: PrefixScorer, combine: Callable[[Mapping[str, float]], float]) -> None:
        self._parts, self._combine = parts, combine

    def __call__(self, growth: Growth) -> float:
        """Returns the score of the next prefix."""
        return self._combine(self._parts.grow_components(growth))

    def score_parts(self, growth: Growth) -> Parts:
        """Returns the score of the next prefix, and those of the parts."""
        values = self._parts.grow_components(growth)
        return self._combine(values), values


def grouped(name: str, rewards: Any) -> dict[str, Any]:
    """Returns a specification that gives a whole specification one name, as their weighted sum."""
    return {"id": "sum", "name": name, "rewards": rewards}
