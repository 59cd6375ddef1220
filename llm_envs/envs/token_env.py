"""TokenEnv: the token-level environment. Its `step` is the only one; tasks supply examples and turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded

from llm_envs.checks.types import as_index
from llm_envs.envs.arguments import check_arguments, check_seed, checked_options, copied
from llm_envs.envs.rendering import (
    RENDER_MODES,
    check_render_mode,
    render_html,
    render_picture,
    render_session,
)
from llm_envs.envs.session import Session
from llm_envs.envs.shared_tasks import content_hashes, find_again, make_task
from llm_envs.envs.task import Task
from llm_envs.episode import Episode, Outcome
from llm_envs.tokenizers import Tokenizer


class TokenEnv(gym.Env[np.ndarray, int]):
    """One episode is one text (or one dialogue), one action is one token.

    Observation: `Box(-1, V-1, (context_length,), int32)`. Token ids, -1 where there is none. The prompt is
    left-padded to `max_prompt_tokens`, so every answer starts in the same column.

    Action: `Discrete(V)`. V is the width of the tokenizer's vocabulary.

    Transition: append-only. `step(a)` returns the previous observation with `a` in the first free column,
    then zero or more tokens of the other side of a dialogue.

    Reward: the reward set's score of the finished text, paid when it ends (reward_timing="terminal").

    Terminated: at an end token, when the token budget is spent, or when the dialogue is over. `truncated` is
    always False; wrappers may set it.

    Info: `reset` gives `example` (index) and `source`. The last step gives `outcome`: source, references,
    text, action_ids, reward, reward_components, metrics, finish_reason ("stop", "length" or "task").

    Render modes: "ansi" and "human" (text), "html" (coloured tokens), "rgb_array" (a picture, see `render`).

    Options of `reset`: `{"example": i}` plays example i of the split. Without it one is drawn uniformly.

    Raises (step): gymnasium.error.InvalidAction if the action is not an id of the vocabulary.
    gymnasium.error.ResetNeeded before a reset, after the end, and after a step that raised another error,
    such as a RewardError. Such an episode cannot continue; `reset` starts a new one.
    """

    metadata: dict[str, Any] = {"render_modes": [*RENDER_MODES], "render_fps": 10}  # noqa: RUF012
    task_class: ClassVar[type[Task]]

    def __init__(
        self,
        *,
        dataset: str | None = None,
        columns: Mapping[str, str | list[str]] | None = None,
        split: str = "train",
        tokenizer: str | Mapping[str, Any] | Tokenizer | None = None,
        reward: Any = "default",
        metrics: str | Sequence[Any] = (),
        reward_timing: str | Mapping[str, Any] = "terminal",
        max_prompt_tokens: int | None = None,
        max_new_tokens: int | None = None,
        long_prompt: str = "error",
        render_mode: str | None = None,
        **unknown: Any,
    ) -> None:
        arguments = {
            "dataset": dataset,
            "columns": columns,
            "split": split,
            "tokenizer": tokenizer,
            "reward": reward,
            "metrics": metrics,
            "reward_timing": reward_timing,
            "max_prompt_tokens": max_prompt_tokens,
            "max_new_tokens": max_new_tokens,
            "long_prompt": long_prompt,
        }
        check_arguments(self.task_class, arguments, unknown)
        check_render_mode(render_mode, RENDER_MODES)
        self.render_mode = render_mode
        self._arguments = copied(arguments)
        self.task = make_task(self.task_class, self._arguments)
        size = self._size = self.task.vocabulary_size
        self._ends = frozenset(self.tokenizer.end_token_ids)
        self._scores_prefixes = self.task.timing.needs_prefixes
        shape = (self.task.context_length,)
        self.observation_space = gym.spaces.Box(-1, size - 1, shape, np.int32)
        self.action_space = gym.spaces.Discrete(size)  # type: ignore[assignment]
        self._session = Session(self.task)
        self._tokens = np.full(shape, -1, np.int32)
        self._column = self._limit = 0
        self._running = False
        self._outcome: Outcome | None = None
        self._paid: list[float] | None = [] if render_mode == "html" else None

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments the environment was made with, by name. None stands for the task's default."""
        return self._arguments

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer: .encode(text) -> ids, .decode(ids) -> text, .end_token_ids."""
        return self.task.tokenizer

    @property
    def episode(self) -> Episode:
        """The episode so far, as rewards see it.

        Raises:
            gymnasium.error.ResetNeeded: No episode has begun.
        """
        if self._session.index < 0:
            raise ResetNeeded("no episode has begun: call reset() first")
        reason = None if self._outcome is None else self._outcome.finish_reason
        return self._session.episode(self._tokens, self._column, reason)

    @property
    def outcome(self) -> Outcome | None:
        """The result of the episode that has ended; None before its end."""
        return self._outcome

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Starts an episode; options={"example": i} picks the example. If it raises, no episode is running.

        Returns:
            observation int32 (context_length,), info with `example` and `source`.

        Raises:
            ValueError: `options` holds an unknown key.
            IndexError: The split has no such example.
        """
        self._running = False
        wanted = checked_options(options, ("example",)).get("example")
        check_seed(seed)
        if seed is not None:
            super().reset(seed=seed)
        rng = self.np_random
        index = draw_example(self.task, rng, wanted)
        session = self._session
        self._tokens = session.begin(index, rng).copy()
        self._column, self._limit = session.start, session.limit
        self._running = True
        self._outcome = None
        if self._paid is not None:
            self._paid = []
        if self.render_mode == "human":
            self.render()
        return self._tokens.copy(), session.start_info()

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Appends one token.

        Returns:
            observation int32 (context_length,), reward, terminated, False, info.
        """
        if action.__class__ is not int:
            action = _as_index(action)
        if not 0 <= action < self._size:
            raise InvalidAction(f"action {action} is outside the vocabulary, 0 to {self._size - 1}")
        if not self._running:
            raise ResetNeeded("this episode has not begun or is over: call reset() before step()")
        column = self._column
        self._tokens[column] = action
        column = self._column = column + 1
        self._running = False  # until the step is complete: if a reward raises, only a reset continues
        if action in self._ends or column >= self._limit:
            return self._end_turn(column, action in self._ends)
        reward = self._session.pay_prefix(self._tokens, column) if self._scores_prefixes else 0.0
        if self._paid is not None:
            self._paid.append(reward)
        if self.render_mode == "human":
            self.render()
        self._running = True
        return self._tokens.copy(), reward, False, False, {}

    def _end_turn(self, column: int, stopped: bool) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        session, tokens = self._session, self._tokens
        reason = session.end_turn(tokens, column, stopped=stopped)
        if reason is None:
            reward = session.pay_prefix(tokens, session.start) if self._scores_prefixes else 0.0
            self._column, self._limit = session.start, session.limit
            info: dict[str, Any] = {}
        else:
            outcome = self._outcome = self.task.score([session.episode(tokens, column, reason)])[0]
            reward = session.pay_final(outcome.reward)
            info = {"outcome": outcome.to_info()}
        if self._paid is not None:
            self._paid.append(reward)
        if self.render_mode == "human":
            self.render()
        self._running = reason is None
        return tokens.copy(), reward, reason is not None, False, info

    def render(self) -> str | np.ndarray | None:
        """Returns ("ansi") or prints ("human") the source, the text so far and the reward components.

        "html" returns the same as HTML, a string that a notebook shows. Dense rewards colour the tokens;
        otherwise the final reward colours the text.

        "rgb_array" returns a picture, uint8 (480, 640, 3): the source, the text so far with its last token
        highlighted, and at the end the reward. Pictures need Pillow (`pip install 'llm-envs[render]'`). Its
        built-in font has Latin letters only; other letters become boxes. The environment variable
        LLM_ENVS_FONT names a font file with more letters.

        Raises:
            MissingExtra: Pillow is not installed.
        """
        if self.render_mode is None:
            return None
        shown = (self.task, self._session, self._tokens, self._column, self._outcome)
        if self.render_mode == "rgb_array":
            return render_picture(*shown)
        if self._paid is not None:
            return render_html(*shown, self._paid)
        text = render_session(*shown)
        if self.render_mode == "ansi":
            return text
        print(text, flush=True)
        return None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "task": content_hashes(self.task)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.task = find_again(self.task_class, self._arguments, state["task"])
        self._session.rebind(self.task)


def draw_example(task: Task, rng: np.random.Generator, wanted: Any) -> int:
    """Returns the example of a new episode: the one wanted, or one drawn uniformly.

    Raises:
        IndexError: The split has no such example.
    """
    if wanted is None:
        return int(rng.random() * len(task.examples))  # ten times as fast as rng.integers
    try:
        index = as_index(wanted)
    except TypeError:
        raise IndexError(f"options['example'] is an index, got {wanted!r}") from None
    if not 0 <= index < len(task.examples):
        raise IndexError(
            f"options['example']={index}, but split {task.split!r} of {task.corpus.name!r} has examples 0 to "
            f"{len(task.examples) - 1}"
        )
    return index


def _as_index(action: Any) -> int:
    try:
        return as_index(action)
    except TypeError:
        raise InvalidAction(f"an action is one token id (an integer), got {action!r}") from None
