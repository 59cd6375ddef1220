"""Spaces, padding, and transitions that only append."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import gymnasium as gym
import numpy as np

from llm_baselines.play.transitions import TransitionError, check_spaces, check_start, check_step
from llm_benchmarks.checking.checks import Broken, NotApplicable, Note
from llm_benchmarks.checking.subjects import EnvironmentSubject
from llm_benchmarks.checking.walks import (
    Moment,
    drawn_actions,
    end_tokens,
    episode,
    reset,
    step,
    walk,
    writing_actions,
)
from llm_envs.foreign import shown

_STEPS = 120
_EPISODES = 8
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def spaces_are_of_tokens(subject: EnvironmentSubject) -> str:
    """Checks both spaces and the type of observations."""
    env = subject.env
    try:
        size, length = check_spaces(env.observation_space, env.action_space)
    except ValueError as error:
        raise Broken(str(error)) from None
    if env.observation_space.dtype != np.int32:
        raise Broken(f"the observation space has dtype {env.observation_space.dtype}, expected int32")
    return f"{size:,} tokens, {length} columns"


def gymnasium_agrees(subject: EnvironmentSubject) -> str:
    """Runs Gymnasium's check_env; its warnings are shown."""
    from gymnasium.utils.env_checker import check_env

    mode = (subject.env.metadata.get("render_modes") or [None])[0]
    env = subject.make() if mode is None else subject.make(render_mode="ansi" if _has_ansi(subject) else mode)
    with warnings.catch_warnings(record=True) as caught, redirect_stdout(io.StringIO()):  # it renders, too
        warnings.simplefilter("always")
        _accepted(check_env, env.unwrapped, skip_render_check=not _has_ansi(subject))
    return _told(caught)


def _has_ansi(subject: EnvironmentSubject) -> bool:
    return "ansi" in (subject.env.metadata.get("render_modes") or ())


def stable_baselines3_agrees(subject: EnvironmentSubject) -> str:
    """Runs Stable-Baselines3's check_env; its warnings are shown."""
    try:
        from stable_baselines3.common.env_checker import check_env
    except ModuleNotFoundError:
        raise NotApplicable("Stable-Baselines3 is not installed: pip install 'llm-envs[agents]'") from None
    with warnings.catch_warnings(record=True) as caught, redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        _accepted(check_env, subject.make())
    return _told(caught)


def _accepted(check: Callable[..., None], env: gym.Env, **options: Any) -> None:
    try:
        check(env, **options)
    except AssertionError as error:
        raise Broken(" ".join(str(error).split())) from None


def _told(caught: list[warnings.WarningMessage]) -> str:
    """Returns "" for no warning; else raises a note with all of them."""
    said = list(dict.fromkeys(" ".join(_COLOUR.sub("", str(warning.message)).split()) for warning in caught))
    if said:
        raise Note("; ".join(shown(text, 300) for text in said))
    return ""


def padding_is_minus_one(subject: EnvironmentSubject) -> str:
    """Checks every observation of some episodes: its type, tokens side by side, and -1 elsewhere."""
    env = subject.env
    size, space = int(env.action_space.n), env.observation_space  # type: ignore[attr-defined]
    for moment in walk(env, drawn_actions(env, _STEPS, subject.seed), subject.seed):
        observation = moment.observation
        if observation.dtype != space.dtype or observation.shape != space.shape:
            raise Broken(
                f"{moment.call} returned {observation.dtype} of shape {observation.shape}; the space says "
                f"{space.dtype} of shape {space.shape}"
            )
        if moment.call.startswith("reset"):
            _translated(check_start, observation[None], size, call=moment.call)
        wrong = np.flatnonzero((observation < -1) | (observation >= size))
        if len(wrong):
            raise Broken(f"{moment.call}: column {wrong[0]} holds {observation[wrong[0]]}, which is no token")
        present = np.flatnonzero(observation >= 0)
        if len(present) and len(present) != present[-1] - present[0] + 1:
            raise Broken(f"{moment.call}: -1 stands between two tokens; tokens stand side by side")
    return ""


def steps_only_append(subject: EnvironmentSubject) -> str:
    """Checks that each step leaves what was there, and writes the action into the first free column."""
    env = subject.env
    size = int(env.action_space.n)  # type: ignore[attr-defined]
    before = reset(env, subject.seed)
    actions = drawn_actions(env, _STEPS, subject.seed + 1)
    for number, action in enumerate(actions, 1):
        if before.observation[-1] >= 0:
            raise Broken(f"after {before.call} no column is free, and the episode goes on")
        after = step(env, action, number)
        pair = before.observation[None], np.array([action]), after.observation[None]
        _translated(check_step, *pair, size, call=after.call)
        before = reset(env) if after.is_over else after
    return f"{len(actions)} steps"


def _translated(check: Callable[..., None], *arguments: Any, call: str) -> None:
    try:
        check(*arguments)
    except TransitionError as error:
        raise Broken(f"{call}: {str(error).removeprefix('row 0: ')}") from None


def answers_begin_in_one_column(subject: EnvironmentSubject) -> str:
    """Checks that prompts are padded on the left, so that every answer starts in the same column."""
    env = subject.env
    columns: dict[int, int] = {}
    for seed in range(subject.seed, subject.seed + 3 * _EPISODES):
        observation = reset(env, seed).observation
        columns.setdefault(int(np.flatnonzero(observation >= 0)[-1]) + 1, seed)
    if len(columns) > 1:
        (first, a), (second, b) = list(columns.items())[:2]
        raise Broken(f"the answer starts in column {first} after reset(seed={a}), in {second} after seed {b}")
    return f"column {next(iter(columns))}"


def episodes_end(subject: EnvironmentSubject) -> str:
    """Checks that an episode ends by itself before it would overflow, and that an end token ends a text."""
    env = subject.env
    lengths = []
    for seed in range(subject.seed, subject.seed + 2):
        actions = writing_actions(env, 64, seed)
        moments = episode(env, actions, seed)
        _check_room(moments)
        if not moments[-1].is_over:
            columns = moments[0].observation.size
            raise Broken(f"no end after {len(moments) - 1} tokens, and the observation has {columns} columns")
        lengths.append(len(moments) - 1)
    if subject.is_token_env and subject.task.max_turns == 1:
        _check_budget(subject, max(lengths))
    return f"ends after at most {max(lengths)} tokens"


def _check_room(moments: list[Moment]) -> None:
    for moment in moments:
        if not moment.is_over and moment.observation[-1] >= 0:
            raise Broken(f"after {moment.call} the last column is full, and the episode has not ended")


def _check_budget(subject: EnvironmentSubject, longest: int) -> None:
    env, budget = subject.env, subject.task.max_new_tokens
    if longest != budget:
        raise Broken(f"a text without an end token has {longest} tokens; max_new_tokens is {budget}")
    for end in end_tokens(env):
        reset(env, subject.seed)
        moment = step(env, end, 1)
        if not moment.terminated:
            raise Broken(f"the end token {end} does not end the text")
        reason = moment.info.get("outcome", {}).get("finish_reason", "stop")
        if reason != "stop":
            raise Broken(f"after the end token {end} finish_reason is {reason!r}, expected 'stop'")


def nothing_is_truncated(subject: EnvironmentSubject) -> str:
    """Checks that the budget's end is `terminated`, and that no step says `truncated`."""
    env = subject.env
    for seed in range(subject.seed, subject.seed + 3):
        for actions in (writing_actions(env, 64, seed), drawn_actions(env, 64, seed)):
            for moment in episode(env, actions, seed):
                if moment.truncated:
                    raise Broken(
                        f"{moment.call} of seed {seed} says truncated; agents would bootstrap past the end"
                    )
    return ""


def renders_in_every_mode(subject: EnvironmentSubject) -> str:
    """Renders a running episode in each mode that the environment declares."""
    modes = [mode for mode in subject.env.metadata.get("render_modes") or () if mode != "human"]
    if not modes:
        raise NotApplicable("it declares no render mode that returns something")
    for mode in modes:
        env: gym.Env = subject.make(render_mode=mode)
        reset(env, subject.seed)
        if env.render() is None:
            raise Broken(f"render() returned None in mode {mode!r}")
    return ", ".join(modes)
