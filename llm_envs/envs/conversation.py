"""The other side of a dialogue, and the expert that plays the agent's side, as protocols."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Speaker = Callable[[str, str], str]
"""(who spoke, "user" or "database"; what they said) -> the agent's next turn in a dialogue."""


class Reply(Protocol):
    """The other side's answer to one turn of the agent."""

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
        """True if the dialogue is over."""
        ...


class Conversation(Protocol):
    """The other side of one dialogue. It has its own random generator, seeded from the environment's."""

    def open(self) -> str:
        """Returns the first turn."""
        ...

    def reply(self, text: str) -> Reply:
        """Answers a turn of the agent."""
        ...

    def measures(self) -> dict[str, float]:
        """Returns what the dialogue has achieved so far, by name."""
        ...
