"""Rewards to train on where an id's own is too rare to be found by chance. Never used to evaluate."""

from __future__ import annotations

from llm_envs.episode import Episode
from llm_envs.rewards import RewardContext
from llm_envs.rewards.words import tokens_of


class KnownPairs:
    """How many different pairs of neighbouring tokens of the text stand in the train texts too.

    Paid densely it says of every token at once whether it may follow the one before, where fluency says so
    of whole texts only. The start and a finished end count as line breaks. A sum, not a mean, so that a
    token's share does not depend on what came before; pair it with a reward that ends texts.

    Args:
        context: Gives the train texts.
    """

    def __init__(self, *, context: RewardContext) -> None:
        self._known: set[tuple[str, str]] = set()
        for text in context.require_train_texts():
            tokens = ["\n", *tokens_of(text), "\n"]
            self._known.update(zip(tokens, tokens[1:], strict=False))
        self.signature = f"known_pairs|pairs:{len(self._known)}|v1"

    def __call__(self, episode: Episode) -> float:
        """Returns the number of pairs."""
        tokens = ["\n", *tokens_of(episode.text)]
        if episode.finish_reason == "stop" and len(tokens) > 1:
            tokens.append("\n")
        return float(len(self._known.intersection(zip(tokens, tokens[1:], strict=False))))
