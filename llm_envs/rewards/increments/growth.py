"""Growth: how the text of a running episode has grown. Increment: a reward that follows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from llm_envs.episode import Episode, Example, Turn


class Growth:
    """The text of one running episode, and what the last step added to it.

    All text `added` so far, then `pending`, is the text of the prefix. One object is changed from step to
    step.

    Attributes:
        example: The example of the episode.
        added: Text that the last step added. It stays.
        pending: The end of the text. The next token may change it, as it completes a character.
        tokens: The agent's tokens so far, end tokens included.
        turns: The turns of a dialogue so far, both sides.
        measures: What the task has measured so far.
    """

    __slots__ = ("_make", "added", "example", "measures", "pending", "tokens", "turns")

    def __init__(self, example: Example, make_episode: Callable[[], Episode]) -> None:
        self.example = example
        self.added = self.pending = ""
        self.tokens = 0
        self.turns: Sequence[Turn] = ()
        self.measures: Mapping[str, float] = {}
        self._make = make_episode

    def episode(self) -> Episode:
        """Returns the whole prefix. This costs as much as the text is long."""
        return self._make()


Increment = Callable[[Growth], float]
"""Follows the growth of one episode from its first token: returns the score of every prefix in turn."""


class Incremental(Protocol):
    """A reward that offers increments."""

    def increment(self, example: Example) -> Increment | None:
        """Returns an increment for a new episode, or None where prefixes are scored from scratch.

        Args:
            example: The example of the episode.
        """
        ...


def increment_of(reward: object, example: Example) -> Increment | None:
    """Returns the increment of a reward for an episode; None if it has none."""
    make = getattr(reward, "increment", None)
    found: Increment | None = None if make is None else make(example)
    return found
