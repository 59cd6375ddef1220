"""A reward that is paid only to texts that meet a condition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_envs.rewards.composition import Composition, grouped
from llm_envs.rewards.context import RewardContext
from llm_envs.rewards.signatures import number_text


class Gate(Composition):
    """The reward where the condition is at least a number, else another number.

    Unlike a factor, the condition gives no more once it is met. Below it there is nothing to learn from; a
    product is smoother. Both parts are computed and recorded, as "gate/reward" and "gate/condition".

    Args:
        reward: A reward specification, as `make_reward` takes it; several are summed.
        condition: A reward specification.
        least: The least value of the condition that opens the gate.
        otherwise: What is paid while it is closed.
        context: Passed to the rewards.
    """

    def __init__(
        self,
        *,
        reward: Any,
        condition: Any,
        least: float,
        otherwise: float = 0.0,
        context: RewardContext | None = None,
    ) -> None:
        super().__init__([grouped("reward", reward), grouped("condition", condition)], context)
        self._least, self._otherwise = float(least), float(otherwise)
        numbers = f"least:{number_text(least)}|otherwise:{number_text(otherwise)}"
        self.signature = f"gate({self._rewards.signature}|{numbers})"

    def combine(self, values: Mapping[str, float]) -> float:
        """Returns the reward or the other number."""
        return values["reward"] if values["condition"] >= self._least else self._otherwise
