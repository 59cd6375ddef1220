"""The weighted sum of other rewards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_envs.rewards.composition import Composition
from llm_envs.rewards.context import RewardContext


class Sum(Composition):
    """The weighted sum of rewards, as one reward: a factor of a product, or the subject of `clip` or `gate`.

    A list of rewards is a sum already, so the outermost sum needs no `sum`. The summands are recorded as
    "sum/NAME".

    Args:
        rewards: A reward specification, as `make_reward` takes it.
        context: Passed to the rewards.
    """

    def __init__(self, *, rewards: Any, context: RewardContext | None = None) -> None:
        super().__init__(rewards, context)
        self._weights = self._rewards.weights
        self.signature = f"sum({self._rewards.signature})"

    def combine(self, values: Mapping[str, float]) -> float:
        """Returns the sum."""
        return sum(weight * values[name] for name, weight in self._weights.items())
