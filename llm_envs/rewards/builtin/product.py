"""The product of other rewards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llm_envs.episode import Episode
from llm_envs.rewards.context import RewardContext
from llm_envs.rewards.reward_set import make_reward


class Product:
    """The product of rewards >= 0, each raised to its weight: a text must be good in all of them.

    The factors are recorded as "product/NAME".

    Args:
        rewards: A reward specification, as `make_reward` takes it. A weight is an exponent, >= 0.
        context: Passed to the rewards.
    """

    def __init__(self, *, rewards: Any, context: RewardContext | None = None) -> None:
        self._rewards = make_reward(rewards, context)
        if self._rewards.to_spec() is None:
            raise ValueError("the rewards of a product are registered ids or 'package.module:name'")
        self._exponents = self._rewards.weights
        for name, exponent in self._exponents.items():
            if exponent < 0:
                raise ValueError(f"the weight of {name!r} in a product is an exponent >= 0, got {exponent:g}")
        self.needs_references = self._rewards.needs_references
        self.needs_text = self._rewards.needs_text
        self.lazy = self._rewards.lazy
        self.tolerance = self._rewards.tolerance
        self.signature = f"product({self._rewards.signature.replace(' + ', ' * ')})"

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        return self.score_parts(episode)[0]

    def score_parts(self, episode: Episode) -> tuple[float, dict[str, float]]:
        """Returns the product and its factors by name."""
        return self._multiply(self._rewards.components(episode))

    def score_batch(self, episodes: Sequence[Episode]) -> list[tuple[float, dict[str, float]]]:
        """Returns product and factors of every episode. Factors that can score batches do."""
        return [self._multiply(table) for table in self._rewards.score_batch(episodes)[1]]

    def prefix_scorer(self) -> ProductPrefixScorer:
        """Returns a scorer for the growing prefixes of one episode."""
        return ProductPrefixScorer(self)

    def _multiply(self, values: Mapping[str, float]) -> tuple[float, dict[str, float]]:
        result = 1.0
        for name, exponent in self._exponents.items():
            value = values[name]
            if value < 0.0:
                raise ValueError(f"a product takes rewards >= 0, but {name!r} is {value:g}")
            result *= value if exponent == 1.0 else value**exponent
        return result, dict(values)


class ProductPrefixScorer:
    """A product on growing prefixes. Each factor has its own prefix scorer."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self._scorer = product._rewards.prefix_scorer()

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        return self.score_parts(episode)[0]

    def score_parts(self, episode: Episode) -> tuple[float, dict[str, float]]:
        """Returns the product and its factors for this prefix."""
        return self._product._multiply(self._scorer.score(episode)[1])
