"""The perplexity of a text under a frozen language model."""

from __future__ import annotations

import math
from collections.abc import Sequence

from llm_envs.episode import Episode
from llm_envs.rewards.builtin.lm_fluency import LmFluency
from llm_envs.rewards.pretrained import TOLERANCE
from llm_envs.rewards.signatures import number_text


class Perplexity:
    """exp(-mean log-probability of the text's tokens), from 1 to `limit`; lower is likelier (Jelinek 1977).

    A penalty: to be used with a negative weight. It is `lm_fluency` on another scale, with the same model,
    cost (one forward pass) and weakness: repetition is likely.

    Args:
        lm: A fetched asset's name, a folder, or a hub id.
        given: "nothing", or "source": the text is scored as the continuation of the example's source.
        separator: The text between source and text.
        start: The token at the start of a document; see `lm_fluency`.
        limit: The largest value. Without one, a single odd text outweighs all others.
        device: A torch device, or "auto": a GPU if there is one.
        dtype: "float32", "bfloat16" or "float16". Part of the signature, because it changes the numbers.

    Raises:
        ValueError: As `lm_fluency`, or the limit is not above 1.
    """

    def __init__(
        self,
        *,
        lm: str = "smollm2-135m",
        given: str = "nothing",
        separator: str = "\n",
        start: str | None = None,
        limit: float = 1000.0,
        device: str = "auto",
        dtype: str = "float32",
    ) -> None:
        if not 1.0 < limit <= 1e9:
            raise ValueError(f"limit is a number above 1 and at most 1e9, got {limit!r}")
        self._fluency = LmFluency(
            lm=lm, given=given, separator=separator, start=start, device=device, dtype=dtype
        )
        self._most = math.log(limit)
        self.tolerance = limit * TOLERANCE
        inner = self._fluency.signature.removeprefix("lm_fluency|")
        self.signature = f"perplexity|limit:{number_text(limit)}|{inner}"

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        return self.score_batch([episode])[0]

    def score_batch(self, episodes: Sequence[Episode]) -> list[float]:
        """Returns the scores of many episodes, in a few forward passes over texts of similar length."""
        return [math.exp(min(-score, self._most)) for score in self._fluency.score_batch(episodes)]
