"""`verse`: poems that do what was asked, in sentences."""

from __future__ import annotations

from llm_envs.rewards.builtin.product import Product
from llm_envs.rewards.context import RewardContext


class Verse(Product):
    """constraints^2 x fluency^0.7 x sentences x novelty, each 0 to 1.

    `fluency` is learned from poems and corrupted poems, `sentences` are rules: a learner has to satisfy both.
    One of three requested words earns a ninth, so one frame around one word earns little. `fluency` is
    softened, since both factors together are strict. The train texts have to be English.

    Args:
        context: Gives the train texts.
    """

    def __init__(self, *, context: RewardContext | None = None) -> None:
        asked, fluent = {"id": "constraints", "weight": 2.0}, {"id": "fluency", "weight": 0.7}
        super().__init__(rewards=[asked, fluent, "sentences", "novelty"], context=context)
        self.signature = self.signature.replace("product(", "verse(", 1)
