"""The agents that anchor the normalised score: RandomAgent at 0 and ReferenceAgent at 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from llm_baselines.agent import Env
from llm_baselines.play.played_examples import PlayedExamples
from llm_baselines.play.sampling import uniforms
from llm_envs.envs.conversation import Speaker
from llm_envs.envs.task import Task
from llm_envs.episode import Example


class RandomAgent:
    """Draws tokens uniformly from the vocabulary: the lower anchor, 0 on the normalised scale."""

    def __init__(self, env: Env, seed: int, device: str = "auto") -> None:
        self._seed = seed
        self._size = env.unwrapped.task.vocabulary_size  # type: ignore[attr-defined]

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Returns random tokens (n,), a function of the seed and the observation."""
        return (uniforms(self._seed, observation) * self._size).astype(np.int64), state


class ScriptedAgent:
    """Writes the text that a function returns for the example; in a dialogue, a speaker's turns.

    Args:
        env: Its task decides whether `write` or `speaker` is used.
        seed: Seed of the speakers' random generators.
        write: Returns the text for an example, in one-turn tasks.
        speaker: Makes the speaker of a dialogue from a generator. A speaker takes (who, text) and returns the
            agent's turn.
    """

    def __init__(
        self,
        env: Env,
        seed: int,
        *,
        write: Callable[[Example], str],
        speaker: Callable[[np.random.Generator], Speaker],
    ) -> None:
        self._task: Task = env.unwrapped.task  # type: ignore[attr-defined]
        self._seed = seed
        self._write = write
        self._speaker = speaker
        self._talks = self._task.max_turns > 1
        self._end = self._task.tokenizer.end_token_ids[0]
        self._played = PlayedExamples(self._task, self._answer)

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Returns the next token of each row's text, and the end token after it."""
        if self._talks:
            return self._talk(observation, state, episode_start)
        prompts = self._task.max_prompt_tokens
        answers, state = self._played.answers(observation, state, episode_start)
        actions = np.empty(len(observation), np.int64)
        for row, (tokens, answer) in enumerate(zip(observation, answers, strict=True)):
            written = int((tokens[prompts:] >= 0).sum())
            actions[row] = answer[written] if written < len(answer) else self._end
        return actions, state

    def begin_episodes(self, rows: Sequence[int], examples: Sequence[Example], state: Any = None) -> Any:
        """Returns the state for `predict` in which these rows begin episodes on these examples."""
        return state if self._talks else self._played.begin(rows, examples, state)

    def _answer(self, example: Example) -> list[int]:
        return self._task.tokenizer.encode(self._write(example))

    def _talk(
        self, observation: np.ndarray, state: Any, episode_start: np.ndarray | None
    ) -> tuple[np.ndarray, Any]:
        talks: list[_Talk | None] = list(state) if state is not None else [None] * len(observation)
        actions = np.empty(len(observation), np.int64)
        for row, tokens in enumerate(observation):
            written = np.flatnonzero(tokens >= 0)
            ids = tokens[written[0] : written[-1] + 1].tolist()
            talk = talks[row]
            if talk is None or (episode_start is not None and episode_start[row]):
                entropy = int(uniforms(self._seed, tokens[None])[0] * 2**53)
                rng = np.random.default_rng([self._seed, entropy])
                talk = talks[row] = _Talk(self._task, self._speaker(rng))
            actions[row] = talk.next_token(ids)
        return actions, talks


class ReferenceAgent(ScriptedAgent):
    """Writes the first reference; in a dialogue it plays the task's expert, which does not see the goal.

    It is the upper anchor, 1 on the normalised scale.

    Raises:
        ValueError: The data set has no references and the task no expert.
    """

    def __init__(self, env: Env, seed: int, device: str = "auto") -> None:
        task: Task = env.unwrapped.task  # type: ignore[attr-defined]
        if not has_demonstrations(task):
            plays = _PLAYS_REFERENCES if task.max_turns == 1 else _PLAYS_EXPERT
            raise ValueError(
                f"the reference agent {plays.format(task.corpus.name)}; its scores have no upper anchor"
            )
        super().__init__(env, seed, write=_first_reference, speaker=task.expert)


_PLAYS_REFERENCES = "plays references, and {!r} has none"
_PLAYS_EXPERT = "plays the expert of a dialogue, and the task of {!r} has none (Task.has_expert)"


def has_demonstrations(task: Task) -> bool:
    """Returns True if a task has an expert, or is one-turn and has references."""
    return task.has_expert or (task.max_turns == 1 and bool(task.examples[0].references))


def _first_reference(example: Example) -> str:
    return example.references[0] if example.references else ""


class _Talk:
    """A speaker in one dialogue: reads the other side's turns, and writes its own token by token."""

    def __init__(self, task: Task, speaker: Speaker) -> None:
        self._task = task
        self._speaker = speaker
        self._read_tokens = 0
        self._planned: list[int] = []

    def next_token(self, ids: list[int]) -> int:
        """Returns the next token of the speaker's turn, given all tokens of the dialogue so far."""
        end = self._task.tokenizer.end_token_ids[0]
        if not self._planned and len(ids) <= self._read_tokens:
            return end  # the dialogue is over
        if not self._planned:
            who, text = self._read(ids[self._read_tokens :], first=not self._read_tokens)
            turn = self._task.tokenizer.encode(self._speaker(who, text))
            self._planned = [*turn[: self._task.max_new_tokens - 1], end]
            self._read_tokens = len(ids) + len(self._planned)
        return self._planned.pop(0)

    def _read(self, ids: list[int], *, first: bool) -> tuple[str, str]:
        """Returns speaker and text of an environment turn: the speaker's marker, text, the agent's marker."""
        markers = self._task.tokenizer.markers
        opening = markers.get("opening", (*markers["start"], *markers["user"]))
        for who in ("user",) if first else ("database", "user"):  # the former may begin with the latter's
            marker = list(opening if first else markers[who])
            if ids[: len(marker)] == marker:
                stop = len(ids) - len(markers["agent"])
                return who, self._task.tokenizer.decode(ids[len(marker) : stop])
        raise ValueError("an environment turn begins with a marker; this observation is no dialogue of ours")
