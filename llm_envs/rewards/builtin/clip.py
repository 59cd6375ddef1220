"""Another reward, kept within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_envs.rewards.composition import Composition, grouped
from llm_envs.rewards.context import RewardContext
from llm_envs.rewards.signatures import number_text


class Clip(Composition):
    """Keeps another reward between two bounds: min(high, max(low, reward)).

    The reward itself is recorded as "clip/reward".

    Args:
        reward: A reward specification, as `make_reward` takes it; several are summed.
        low: The least value; None for no bound.
        high: The greatest value; None for no bound.
        context: Passed to the reward.

    Raises:
        ValueError: There is no bound, or low is not below high.
    """

    def __init__(
        self,
        *,
        reward: Any,
        low: float | None = None,
        high: float | None = None,
        context: RewardContext | None = None,
    ) -> None:
        if low is None and high is None:
            raise ValueError("clip needs low, high or both")
        if low is not None and high is not None and not low < high:
            raise ValueError(f"low={low!r} must be below high={high!r}")
        super().__init__(grouped("reward", reward), context)
        self._low = float("-inf") if low is None else float(low)
        self._high = float("inf") if high is None else float(high)
        bounds = "|".join("none" if bound is None else number_text(bound) for bound in (low, high))
        self.signature = f"clip({self._rewards.signature}|{bounds})"

    def combine(self, values: Mapping[str, float]) -> float:
        """Returns the bounded value."""
        return min(self._high, max(self._low, values["reward"]))
