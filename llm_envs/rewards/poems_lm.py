"""`poems-lm`: the default reward of poems with a language model's opinion as one more factor."""

from __future__ import annotations

from llm_envs.rewards.builtin.product import Product
from llm_envs.rewards.context import RewardContext


class PoemsLm(Product):
    """verse x lm_fluency, each 0 to 1.

    `verse` sees classes of words and no meaning. A language model sees both, and is far slower.
    Its factor is the probability of an average token, given the request, raised to `exponent`.

    Args:
        lm: A fetched asset's name, a folder, or a hub id, as for `lm_fluency`.
        exponent: The exponent of the language model's factor.
        context: Gives the train texts.
    """

    def __init__(
        self, *, lm: str = "smollm2-135m", exponent: float = 0.25, context: RewardContext | None = None
    ) -> None:
        judged = {"id": "lm_fluency", "lm": lm, "given": "source", "scale": "unit", "weight": exponent}
        super().__init__(rewards=["verse", judged], context=context)
        self.signature = self.signature.replace("product(", "poems-lm(", 1)
