"""Prefixes: the scores of the prefixes of one episode while it grows, for dense and shaped reward timings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from llm_envs.envs.task import Task
from llm_envs.episode import Episode, Example, FinishReason
from llm_envs.rewards import Growth
from llm_envs.tokenizers.streams import TextStream, text_stream

EpisodeOf = Callable[[np.ndarray, int, FinishReason | None], Episode]


class Prefixes:
    """Follows one episode token by token. Rewards that offer increments read only what is new.

    Args:
        task: The task.
        example: The example of the episode.
        episode_of: (observation, first free column, None) -> the episode so far.
    """

    __slots__ = (
        "_column",
        "_episode_of",
        "_growth",
        "_reads_text",
        "_row",
        "_scorer",
        "_separator",
        "_settled",
        "_stream",
        "_task",
    )

    def __init__(self, task: Task, example: Example, episode_of: EpisodeOf) -> None:
        self._task, self._episode_of = task, episode_of
        self._growth = Growth(example, self._episode)
        self._separator = ""  # stands between the turns before and the next token
        self._settled: list[str] = []

    def read_all(self, row: np.ndarray, start: int, column: int) -> float:
        """Reads the episode from its first token. Returns the score of this prefix.

        Args:
            row: The observation.
            start: The column of the first token of the agent's current turn.
            column: The first free column.
        """
        self._row, self._column = row, column
        growth = self._growth
        self._scorer = self._task.potential.prefix_scorer(growth.example)
        self._reads_text = self._scorer.reads_growth and self._task.potential.needs_text
        self._begin_turn("")
        if self._scorer.reads_growth:
            episode = self._episode()
            growth.tokens, growth.turns = len(episode.action_ids), episode.turns
            growth.measures, growth.added, growth.pending = episode.measures, episode.text, ""
            if column > start:
                for token in row[start:column].tolist():
                    self._stream.push(token)
                growth.pending = self._stream.pending
                growth.added = episode.text[: len(episode.text) - len(growth.pending)]
            else:
                self._begin_turn("\n")
            self._settled = [growth.added]
        return self._scorer.grow(growth)

    def read_token(self, row: np.ndarray, start: int, column: int) -> float:
        """Reads the token before `column`. Returns the score of this prefix.

        Args:
            row: The observation.
            start: The column of the first token of the agent's current turn.
            column: The first free column.
        """
        self._row, self._column = row, column
        growth = self._growth
        growth.tokens += 1
        if self._reads_text:
            added = self._stream.push(row.item(column - 1))
            if added is None:
                return self.read_all(row, start, column)
            if self._separator:
                added, self._separator = self._separator + added, ""
            if added:
                self._settled.append(added)
            growth.added, growth.pending = added, self._stream.pending
        return self._scorer.grow(growth)

    def read_turn(self, row: np.ndarray, start: int, column: int) -> float:
        """Reads the end of the agent's turn and what was answered. Returns the score of this prefix.

        Args:
            row: The observation.
            start: The column of the first token of the agent's next turn.
            column: The first free column, which is the same.
        """
        self._row, self._column = row, column
        growth = self._growth
        if self._scorer.reads_growth:
            episode, settled = self._episode(), "".join(self._settled)
            if self._reads_text and not episode.text.startswith(settled):
                return self.read_all(row, start, column)
            growth.tokens, growth.turns = len(episode.action_ids), episode.turns
            growth.measures, growth.added, growth.pending = episode.measures, "", ""
            if self._reads_text:
                growth.added = episode.text[len(settled) :]
                self._settled = [episode.text]
            self._begin_turn("\n")
        return self._scorer.grow(growth)

    def _begin_turn(self, separator: str) -> None:
        self._separator = separator
        self._stream: TextStream = text_stream(self._task.tokenizer)

    def _episode(self) -> Episode:
        return self._episode_of(self._row, self._column, None)
