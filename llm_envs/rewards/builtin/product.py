"""The product of other rewards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_envs.rewards.composition import Composition
from llm_envs.rewards.context import RewardContext


class Product(Composition):
    """The product of rewards >= 0, each raised to its weight: a text must be good in all of them.

    The factors are recorded as "product/NAME".

    Args:
        rewards: A reward specification, as `make_reward` takes it. A weight is an exponent, >= 0.
        context: Passed to the rewards.

    Raises:
        ValueError: A weight is below 0; when it scores: a factor is below 0.
    """

    def __init__(self, *, rewards: Any, context: RewardContext | None = None) -> None:
        super().__init__(rewards, context)
        self._exponents = self._rewards.weights
        for name, exponent in self._exponents.items():
            if exponent < 0:
                raise ValueError(f"the weight of {name!r} in a product is an exponent >= 0, got {exponent:g}")
        self.signature = f"product({self._rewards.signature.replace(' + ', ' * ')})"

    def combine(self, values: Mapping[str, float]) -> float:
        """Returns the product."""
        result = 1.0
        for name, exponent in self._exponents.items():
            value = values[name]
            if value < 0.0:
                raise ValueError(f"a product takes rewards >= 0, but {name!r} is {value:g}")
            result *= value if exponent == 1.0 else value**exponent
        return result
