"""Which example a row plays: what the agent was told, or what its prompt says where that leaves no doubt."""

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
class _Told(Generic[Answer]):
    """The answer of a row; `fresh` until the first action of its episode."""

    answer: Answer
    fresh: bool = True


class PlayedExamples(Generic[Answer]):
    """The answers of an agent that reads the example, for every row of a batch.

    Several examples may begin with the same prompt: equal sources, or long ones that end alike where prompts
    are truncated. So `begin` takes what `llm_envs.evaluate` tells of the episodes that begin, and keeps it in
    the state that `predict` hands on. A row nobody told of is looked up by its prompt.

    Args:
        task: The task whose examples are played, of whatever split.
        answer: What the agent makes of an example.
    """

    def __init__(self, task: Task, answer: Callable[[Example], Answer]) -> None:
        self._task = task
        self._answer = answer
        self._by_prompt: dict[bytes, list[tuple[str, int]]] | None = None
        self._found: dict[bytes, Answer] = {}

    def begin(self, rows: Sequence[int], examples: Sequence[Example], state: Any) -> dict[int, Any]:
        """The state in which these rows begin episodes on these examples."""
        told = {row: _Told(self._answer(example)) for row, example in zip(rows, examples, strict=True)}
        return {**(state or {}), **told}

    def answers(
        self, observations: np.ndarray, state: Any, episode_start: np.ndarray | None
    ) -> tuple[list[Answer], Mapping[int, Any]]:
        """The answer of every row of observations (n, L), and the next state.

        Raises:
            ValueError: A row nobody told of begins with no prompt of the data set, or with that of several
                examples which are answered differently.
        """
        told: dict[int, _Told[Answer]] = dict(state or {})
        answers = []
        for row, tokens in enumerate(observations):
            one = told.get(row)
            if one is not None and not one.fresh and episode_start is not None and episode_start[row]:
                one = None  # of the episode before
                del told[row]
            if one is None:
                answers.append(self._look_up(tokens[: self._task.max_prompt_tokens]))
            else:
                answers.append(one.answer)
                told[row] = replace(one, fresh=False)
        return answers, told

    def _look_up(self, prompt: np.ndarray) -> Answer:
        key = np.asarray(prompt, np.int32).tobytes()
        if key not in self._found:
            if self._by_prompt is None:
                self._by_prompt = {}
                for one, place in self._prompts():
                    self._by_prompt.setdefault(one, []).append(place)
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
            self._found[key] = answers[0]
        return self._found[key]

    def _prompts(self) -> Iterator[tuple[bytes, tuple[str, int]]]:
        """The prompt of every example, and where the example stands."""
        task = self._task
        for split in SPLITS:
            for index, example in enumerate(task.corpus.split(split) if task.corpus.sizes.get(split) else ()):
                row = task.row(task.prompt_tokens(example), f"example {index} of {split!r}")
                yield row[: task.max_prompt_tokens].tobytes(), (split, index)
