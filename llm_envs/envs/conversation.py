"""The other side of a dialogue, and the expert that plays the agent's side, as protocols."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Speaker = Callable[[str, str], str]
"""(who spoke, "user" or "database"; what they said) -> the agent's next turn in a dialogue."""


class Reply(Protocol):
    """What the other side of a dialogue answers to one turn of the agent."""

    @property
    def speaker(self) -> str:
        """Who answers: "user" or "database"."""
        ...

    @property
    def text(self) -> str:
        """The answer."""
        ...

    @property
    def done(self) -> bool:
        """Whether the dialogue is over."""
        ...


class Conversation(Protocol):
    """The other side of one dialogue. It holds its own random generator, drawn from the environment's."""

    def open(self) -> str:
        """The first turn."""
        ...

    def reply(self, text: str) -> Reply:
        """Answers a turn of the agent."""
        ...

    def measures(self) -> dict[str, float]:
        """What has been achieved so far, by name."""
        ...
