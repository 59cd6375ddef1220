"""Example and Episode: the two frozen records that data, environments, rewards and agents speak in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

FinishReason = Literal["stop", "length", "task"]


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a data set.

    Attributes:
        source: What the agent is given: a request, a sentence to translate, an opening turn.
        references: Texts that would be good answers, best first; empty for prompt-only data.
        metadata: What the task knows besides (a poem's form and words, a dialogue's goal). JSON-able.
    """

    source: str
    references: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Turn(NamedTuple):
    """One turn of a dialogue; `speaker` is "agent", "user" or "database"."""

    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Episode:
    """What a reward sees: the example and what the agent has written, whole or so far.

    Attributes:
        example: The example the episode was played on.
        text: The agent's text, decoded, without end tokens. In a dialogue: the agent's turns,
            one a line.
        action_ids: The agent's tokens in order, end tokens included.
        finish_reason: "stop" (the end token), "length" (the budget is spent), "task" (the other side
            ended it), or None while the text is still being written.
        turns: The dialogue so far, both sides; empty in one-turn tasks.
        measures: What the task itself measured (a dialogue's success, ...), by name.
    """

    example: Example
    text: str
    action_ids: tuple[int, ...] = ()
    finish_reason: FinishReason | None = None
    turns: tuple[Turn, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The example's source."""
        return self.example.source

    @property
    def references(self) -> tuple[str, ...]:
        """The example's references."""
        return self.example.references
