"""Training rewards for ids whose own reward chance hardly ever finds. Evaluations never use them."""

from __future__ import annotations

import itertools

from llm_envs.episode import Episode
from llm_envs.rewards import RewardContext
from llm_envs.rewards.signatures import number_text
from llm_envs.tokenizers.words import tokens_of


class KnownPairs:
    """Counts the different pairs of neighbouring tokens that occur in the train texts too.

    With dense timing it tells the agent at every token whether that token may follow the one before. Fluency
    says so only of whole texts. The start and a finished end count as line breaks. It is a sum and no mean,
    so a token's share does not depend on the tokens before. Combine it with a reward that makes texts end.

    Args:
        context: Gives the train texts.
    """

    def __init__(self, *, context: RewardContext) -> None:
        self._known: set[tuple[str, str]] = set()
        for text in context.require_train_texts():
            tokens = ["\n", *tokens_of(text), "\n"]
            self._known.update(itertools.pairwise(tokens))
        self.signature = f"known_pairs|pairs:{len(self._known)}|v1"

    def __call__(self, episode: Episode) -> float:
        """Returns the number of pairs."""
        tokens = ["\n", *tokens_of(episode.text)]
        if episode.finish_reason == "stop" and len(tokens) > 1:
            tokens.append("\n")
        return float(len(self._known.intersection(itertools.pairwise(tokens))))


class KnownTurns:
    """Pays for turns of the agent that are texts of the train split, token by token.

    An unfinished turn is worth `step` per token if a train text begins with it, and nothing otherwise. A
    finished turn that is a train text keeps this and earns `complete`; any other finished turn loses it. With
    dense timing every token shows at once whether it leads to a train text, and an early end gains nothing.
    Which turn is right is left to the reward that this one is added to.

    Args:
        step: Paid for each token of a turn that begins a train text.
        complete: Paid for a finished turn that is a train text.
        context: Gives the train texts.
    """

    def __init__(self, *, step: float = 0.5, complete: float = 2.0, context: RewardContext) -> None:
        self._step, self._complete = step, complete
        self._whole = {tuple(tokens_of(text)) for text in context.require_train_texts()}
        self._beginnings = {text[:n] for text in self._whole for n in range(1, len(text) + 1)}
        paid = f"step:{number_text(step)}|complete:{number_text(complete)}"
        self.signature = f"known_turns|turns:{len(self._whole)}|{paid}|v1"

    def __call__(self, episode: Episode) -> float:
        """Returns the sum over the agent's turns."""
        finished = sum(turn.speaker == "agent" for turn in episode.turns)
        score = 0.0
        for index, turn in enumerate(episode.text.split("\n") if episode.text else ()):
            tokens = tuple(tokens_of(turn))
            if index < finished:
                score += (self._step * len(tokens) + self._complete) * (tokens in self._whole)
            elif tokens in self._beginnings:
                score += self._step * len(tokens)
        return score
