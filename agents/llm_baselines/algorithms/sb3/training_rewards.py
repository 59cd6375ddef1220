"""Rewards to train on where an id's own is too rare to be found by chance. Never used to evaluate."""

from __future__ import annotations

import itertools

from llm_envs.episode import Episode
from llm_envs.rewards import RewardContext
from llm_envs.rewards.signatures import number_text
from llm_envs.tokenizers.words import tokens_of


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
            self._known.update(itertools.pairwise(tokens))
        self.signature = f"known_pairs|pairs:{len(self._known)}|v1"

    def __call__(self, episode: Episode) -> float:
        """Returns the number of pairs."""
        tokens = ["\n", *tokens_of(episode.text)]
        if episode.finish_reason == "stop" and len(tokens) > 1:
            tokens.append("\n")
        return float(len(self._known.intersection(itertools.pairwise(tokens))))


class KnownTurns:
    """What the agent's turns are worth as texts of the train split, each paid token by token.

    A turn that is under way is worth `step` for each token if it begins some train text, else nothing; a
    finished one that is a train text keeps that and earns `complete`, and any other loses it. Paid densely,
    every token is told at once whether it leads on, and nothing is gained by breaking off. What to say when
    is for the reward it is added to.

    Args:
        step: For each token of a turn that begins some train text.
        complete: For a finished turn that is a train text.
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
