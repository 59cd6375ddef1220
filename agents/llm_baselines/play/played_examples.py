"""PlayedExamples: finds the example that a row plays, for agents that may read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np

from llm_envs.data import SPLITS
from llm_envs.envs.task import Task
from llm_envs.episode import Example

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _RowAnswer(Generic[Answer]):
    """The answer for a row's episode; `fresh` until the first action."""

    answer: Answer
    fresh: bool = True


class PlayedExamples(Generic[Answer]):
    """The answers of an agent that reads the example, for every row of a batch.

    Several examples may have the same prompt: equal sources, or long ones that truncation makes equal. So
    `llm_envs.evaluate` names the example of each new episode, and `begin` keeps it in the state of `predict`.
    If nobody named the example of a row, it is looked up by the row's prompt.

    Args:
        task: The task whose examples are played, of any split.
        answer: Returns the agent's answer to an example.
    """

    def __init__(self, task: Task, answer: Callable[[Example], Answer]) -> None:
        self._task = task
        self._answer = answer
        self._by_prompt: dict[bytes, list[tuple[str, int]]] | None = None
        self._answers: dict[bytes, Answer] = {}

    def begin(self, rows: Sequence[int], examples: Sequence[Example], state: Any) -> dict[int, Any]:
        """Returns the state in which these rows begin episodes on these examples."""
        begun = {row: _RowAnswer(self._answer(example)) for row, example in zip(rows, examples, strict=True)}
        return {**(state or {}), **begun}

    def answers(
        self, observations: np.ndarray, state: Any, episode_start: np.ndarray | None
    ) -> tuple[list[Answer], Mapping[int, Any]]:
        """Returns the answer of every row of observations (n, L), and the next state.

        Raises:
            ValueError: Nobody named the example of a row, and its prompt belongs to no example, or to several
                examples with different answers.
        """
        row_answers: dict[int, _RowAnswer[Answer]] = dict(state or {})
        answers = []
        for row, tokens in enumerate(observations):
            one = row_answers.get(row)
            if one is not None and not one.fresh and episode_start is not None and episode_start[row]:
                one = None  # it belongs to the episode before
                del row_answers[row]
            if one is None:
                answers.append(self._look_up(tokens[: self._task.max_prompt_tokens]))
            else:
                answers.append(one.answer)
                row_answers[row] = replace(one, fresh=False)
        return answers, row_answers

    def _look_up(self, prompt: np.ndarray) -> Answer:
        key = np.asarray(prompt, np.int32).tobytes()
        if key not in self._answers:
            if self._by_prompt is None:
                self._by_prompt = {}
                for prompt_bytes, place in self._prompts():
                    self._by_prompt.setdefault(prompt_bytes, []).append(place)
            places = self._by_prompt.get(key)
            if places is None:
                raise ValueError("this observation begins with no prompt of the agent's data set")
            answers = [self._answer(self._task.corpus.split(split)[index]) for split, index in places]
            other = next((at for at, answer in enumerate(answers) if answer != answers[0]), None)
            if other is not None:
                first, second = (f"{index} of {split!r}" for split, index in (places[0], places[other]))
                raise ValueError(
                    f"{len(places)} examples begin with this prompt and are answered differently, among them "
                    f"{first} and {second}: tell the agent which one is played, as llm_envs.evaluate does: "
                    "state = agent.begin_episodes(rows, examples, state)"
                )
            self._answers[key] = answers[0]
        return self._answers[key]

    def _prompts(self) -> Iterator[tuple[bytes, tuple[str, int]]]:
        """Yields the prompt of every example, and the example's (split, index)."""
        task = self._task
        for split in SPLITS:
            for index, example in enumerate(task.corpus.split(split) if task.corpus.sizes.get(split) else ()):
                row = task.row(task.prompt_tokens(example), f"example {index} of {split!r}")
                yield row[: task.max_prompt_tokens].tobytes(), (split, index)
