"""`verse`: poems that do what was asked, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

from llm_envs.rewards.builtin.product import Product
from llm_envs.rewards.context import RewardContext

SLOPE = 0.1  # of the score
_GENTLE = {"constraints": 1.0, "fluency": 0.25, "sentences": 0.25, "novelty": 1.0}  # exponents


class Verse(Product):
    """0.9 x constraints^2 x fluency^0.7 x sentences x novelty + 0.1 x a slope, 0 to 1.

    `fluency` is learned from poems and corrupted poems, `sentences` are rules: a learner has to satisfy both.
    One of three requested words earns a ninth, so one frame around one word earns little. `fluency` is
    softened, since both factors together are strict.

    The slope is constraints x (fluency x sentences)^0.25 x novelty. It tells texts apart that are far from
    being poems, so that a learner has something to begin with. Alone it can earn no more than a tenth.
    The train texts have to be English.

    Args:
        context: Gives the train texts.
    """

    def __init__(self, *, context: RewardContext | None = None) -> None:
        asked, fluent = {"id": "constraints", "weight": 2.0}, {"id": "fluency", "weight": 0.7}
        super().__init__(rewards=[asked, fluent, "sentences", "novelty"], context=context)
        self.signature = f"{self.signature.replace('product(', 'verse(', 1)}|slope:{SLOPE:g}"

    def combine(self, values: Mapping[str, float]) -> float:
        """Returns the product, mixed with the slope."""
        slope = 1.0
        for name, exponent in _GENTLE.items():
            slope *= values[name] ** exponent
        return (1.0 - SLOPE) * super().combine(values) + SLOPE * slope
