"""Session: one running episode. The single environment has one, the vector environment one per row."""

from __future__ import annotations

from typing import Any

import numpy as np

from llm_envs.envs.conversation import Conversation
from llm_envs.envs.prefixes import Prefixes
from llm_envs.envs.task import Task
from llm_envs.episode import Episode, Example, FinishReason, Turn


class Session:
    """The state of one episode. The tokens themselves are in the environment's observation.

    Attributes:
        index: The example's index in its split.
        start: Column of the first token of the agent's current turn.
        limit: First column after the token budget of the current turn.
    """

    __slots__ = (
        "_conversation",
        "_prefixes",
        "_said",
        "_score",
        "_task",
        "_token_ids",
        "_turns",
        "example",
        "index",
        "limit",
        "start",
    )

    def __init__(self, task: Task) -> None:
        self._task = task
        self.index = -1
        self.example = Example("")
        self.start = self.limit = 0
        self._conversation: Conversation | None = None
        self._said: list[str] = []
        self._token_ids: list[int] = []
        self._turns: list[Turn] = []
        self._prefixes: Prefixes | None = None
        self._score = 0.0

    def __getstate__(self) -> dict[str, Any]:
        left_out = ("_task", "_prefixes")  # the prefixes are read again when the copy steps
        return {name: getattr(self, name) for name in self.__slots__ if name not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._prefixes = None

    def rebind(self, task: Task) -> None:
        """Gives an unpickled session its task."""
        self._task = task

    def begin(self, index: int, rng: np.random.Generator) -> np.ndarray:
        """Starts an episode on an example. Returns its first observation; do not write to it."""
        task = self._task
        self.index = index
        self.start = task.max_prompt_tokens
        self.limit = self.start + task.max_new_tokens
        self._said, self._token_ids = [], []
        self._prefixes, self._score = None, 0.0
        if task.max_turns == 1:
            self.example, prompt = task.start(index)
            return prompt
        self.example = task.examples[index]
        self._conversation = task.conversation(self.example, rng)
        opening = Turn("user", self._conversation.open())
        self._turns = [opening]
        return task.row(task.opening_tokens(opening), f"dialogue {index}")

    def end_turn(self, row: np.ndarray, column: int, *, stopped: bool) -> FinishReason | None:
        """Ends the agent's turn: the other side answers, or the episode ends.

        Args:
            row: The observation. The answer's tokens are written into it.
            column: The first free column.
            stopped: True if the agent took an end token, False if its budget is spent.

        Returns:
            The finish reason, or None if the agent continues at column `start`.
        """
        task = self._task
        if self._conversation is None:
            return "stop" if stopped else "length"
        ids = row[self.start : column].tolist()
        text = task.tokenizer.decode(ids)
        self._said.append(text)
        self._token_ids += ids
        self._turns.append(Turn("agent", text))
        self.start = column
        reply = self._conversation.reply(text)
        answer = Turn(reply.speaker, reply.text)
        self._turns.append(answer)
        if reply.done:
            return "task"
        heard = task.turn_tokens(answer)
        if len(self._said) >= task.max_turns or column + len(heard) >= len(row):
            return "length"
        row[column : column + len(heard)] = heard
        self.start = column + len(heard)
        self.limit = min(self.start + task.max_new_tokens, len(row))
        return None

    def episode(self, row: np.ndarray, column: int, finish_reason: FinishReason | None) -> Episode:
        """Returns the episode so far, as rewards see it."""
        ids = row[self.start : column].tolist()
        text = self._task.tokenizer.decode(ids)
        if self._conversation is None:
            return Episode(self.example, text, tuple(ids), finish_reason)
        said = [*self._said, text] if ids else self._said
        return Episode(
            self.example,
            "\n".join(said),
            (*self._token_ids, *ids),
            finish_reason,
            tuple(self._turns),
            self._conversation.measures(),
        )

    def pay_prefix(self, row: np.ndarray, column: int) -> float:
        """Returns the reward of a step that did not end the episode.

        Only dense and shaped timings call it, at every step.

        Args:
            row: The observation.
            column: The first free column.
        """
        before = self._score
        if self._prefixes is None:
            self._prefixes = Prefixes(self._task, self.example, self.episode)
            read = self._prefixes.read_all
        elif column > self.start:
            read = self._prefixes.read_token
        else:
            read = self._prefixes.read_turn
        self._score = read(row, self.start, column)
        return self._task.timing.pay(before, self._score, finished=False)

    def pay_final(self, score: float) -> float:
        """Returns the reward of the last step, given the score of the finished episode."""
        return self._task.timing.pay(self._score, score, finished=True)

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The dialogue so far, both sides; empty in one-turn tasks."""
        return tuple(self._turns)

    def start_info(self) -> dict[str, Any]:
        """Returns the info of a reset."""
        return {"example": self.index, "source": self.example.source}
