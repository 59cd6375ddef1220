"""Checks of a split's prompts when a task is made, so that none fails in the middle of a training."""

from __future__ import annotations

from itertools import cycle, islice
from typing import TYPE_CHECKING

import numpy as np

from llm_envs.episode import Turn
from llm_envs.foreign import shown

if TYPE_CHECKING:
    from llm_envs.envs.task import Task

CHECKED_PROMPTS = 20_000
"""Splits of at most this many examples have the length of every prompt checked."""
CHECKED_OPENINGS = 4_000
"""At least this many openings of dialogues are drawn: one in 200 is of the longest kind."""

_Key = tuple[type, str, str, str]
_without_empty_prompts: set[_Key] = set()
_extreme_openings: dict[_Key, tuple[list[int], list[int]]] = {}


def check_prompts(task: Task) -> None:
    """Raises if a prompt of the task's split is empty or too long.

    In dialogues the user's opening turn is random. So many openings are drawn, and the shortest and the
    longest are checked.

    Raises:
        ValueError: A prompt has no token, or more than `max_prompt_tokens` with long_prompt="error".
    """
    key = (type(task), task.corpus.content_hash, task.split, task.tokenizer.content_hash)
    if task.max_turns > 1:
        _check_openings(task, key)
    elif len(task.examples) <= CHECKED_PROMPTS:
        for index in range(len(task.examples)):
            task.start(index)
    else:
        _check_not_empty(task, key)


def forget_checks() -> None:
    """Forgets which prompts have been checked in this process."""
    _without_empty_prompts.clear()
    _extreme_openings.clear()


def _check_not_empty(task: Task, key: _Key) -> None:
    markers = task.tokenizer.markers
    if markers["separator"] or markers.get("opening", markers["start"]) or key in _without_empty_prompts:
        return
    for index, example in enumerate(task.examples):  # without markers a prompt is the source's tokens alone
        if not task.prompt_tokens(example):
            raise no_prompt_tokens(task, index)
    _without_empty_prompts.add(key)


def _check_openings(task: Task, key: _Key) -> None:
    if key not in _extreme_openings:
        rng = np.random.default_rng(0)  # not the environment's, whose draws must not change
        drawn = islice(cycle(task.examples), max(len(task.examples), CHECKED_OPENINGS))
        texts = (task.conversation(example, rng).open() for example in drawn)
        openings = sorted((task.opening_tokens(Turn("user", text)) for text in texts), key=len)
        _extreme_openings[key] = openings[0], openings[-1]
    for opening in _extreme_openings[key]:
        task.row(opening, f"a dialogue of {task.split!r}")


def no_prompt_tokens(task: Task, index: int) -> ValueError:
    """Returns the error of an example whose prompt has no token."""
    return ValueError(
        f"the prompt of example {index} of {task.split!r} has no token: its source "
        f"{shown(ascii(task.examples[index].source))} means nothing to tokenizer "
        f"{task.tokenizer.spec!r}. Leave the example out, or let the tokenizer begin or end prompts: "
        "'bos': true, or a 'separator' such as '\\n'"
    )
