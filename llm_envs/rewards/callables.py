"""Checks that a callable can be a reward: it takes one episode and returns a number."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_TRL = ("completions", "prompts")


def check_takes_episode(name: str, reward: Callable[..., Any], *, takes_options: bool) -> None:
    """Raises if a callable cannot be called with one episode.

    Args:
        name: The reward's name, for errors.
        reward: A function, or an instance with `__call__`.
        takes_options: True if its other parameters are options, which are checked elsewhere.

    Raises:
        ValueError: It is asynchronous or a generator, or takes no or several positional arguments.
    """
    for what in (reward, getattr(type(reward), "__call__", None)):  # noqa: B004
        if inspect.iscoroutinefunction(what) or inspect.isasyncgenfunction(what):
            raise ValueError(f"reward {name!r} is an async function, and a reward returns its number at once")
        if inspect.isgeneratorfunction(what):
            raise ValueError(f"reward {name!r} yields values, and a reward returns one number")
    try:
        signature = inspect.signature(reward)
    except (TypeError, ValueError):  # a builtin without a signature
        return
    parameters = list(signature.parameters.values())
    if _is_like_trl(parameters):
        raise ValueError(_adapted(name, signature))
    if not any(p.kind in (*_POSITIONAL, inspect.Parameter.VAR_POSITIONAL) for p in parameters):
        why = "takes no positional argument"
    else:
        required = [p for p in parameters if p.kind not in _VARIADIC and p.default is p.empty]
        if required and required[0].kind in _POSITIONAL:
            del required[0]  # the episode
        if takes_options:
            required = [p for p in required if p.kind is inspect.Parameter.POSITIONAL_ONLY]
        if not required:
            return
        why = f"needs {' and '.join(repr(p.name) for p in required)} besides"
    raise ValueError(
        f"reward {name!r} is called with one argument, an Episode, and {name}{signature} {why}; "
        "write def reward(episode, *, option=default)"
    )


def _is_like_trl(parameters: list[inspect.Parameter]) -> bool:
    """Returns True if a function takes lists of completions, like the reward functions of TRL's trainers."""
    first = parameters[0].name if parameters else ""
    return first in _TRL or any(p.name == "completions" and p.default is p.empty for p in parameters)


def _adapted(name: str, signature: inspect.Signature) -> str:
    given = {"prompts": "[episode.source]", "completions": "[episode.text]"}
    words = ", ".join(f"{p}={text}" for p, text in given.items() if p in signature.parameters)
    return (
        f"reward {name!r} looks like a reward function of TRL, {name}{signature}, which scores lists of "
        "texts; a reward here scores one Episode. Two lines adapt it: "
        f"def adapted(episode): return {name}({words})[0]"
    )
