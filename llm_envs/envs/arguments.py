"""Checks of what users pass to environments: arguments, options and seeds of `reset`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

from llm_envs.checks.arguments import check_kinds
from llm_envs.checks.suggestions import did_you_mean

if TYPE_CHECKING:
    from llm_envs.envs.task import Task


def check_arguments(task_class: type[Task], known: Mapping[str, Any], unknown: Mapping[str, Any]) -> None:
    """Checks the names and the types of an environment's arguments.

    Args:
        task_class: The task of the environment.
        known: The arguments that environments take, by name.
        unknown: The other arguments.

    Raises:
        TypeError: `unknown` holds an argument. The error names the nearest known one.
        ValueError: A known argument has the wrong type.
    """
    for name in unknown:  # in Python's own words: TorchRL's GymEnv tries `frameskip` and looks for them
        raise TypeError(
            f"{task_class.kind} environments got an unexpected keyword argument {name!r}"
            f"{did_you_mean(name, known)} they take {sorted(known)}"
        )
    check_kinds(known)


def checked_options(options: Any, known: Sequence[str]) -> Mapping[str, Any]:
    """Returns the options of `reset`, {} for None.

    Without this check a misspelt option would be ignored, and a random example would be played.

    Raises:
        ValueError: `options` is not a mapping, or it holds an unknown key.
    """
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise ValueError(f"options={options!r} of reset() must be a dict such as {{'example': 0}}, or None")
    for name in options:
        if name not in known:
            raise ValueError(
                f"reset() takes no option {name!r}{did_you_mean(name, known)} it takes {list(known)}"
            )
    return options


def check_seed(seed: Any) -> None:
    """Raises if a seed is a bool: Gymnasium would take True for seed 1, and checks all else itself.

    Raises:
        gymnasium.error.Error: The seed is a bool.
    """
    if isinstance(seed, bool | np.bool_):
        raise gym.error.Error(f"seed={seed!r} is a bool; a seed is a whole number of at least 0, or None")


def copied(argument: Any) -> Any:
    """Copies the mappings and lists of an argument, so that its caller cannot change it later."""
    if isinstance(argument, Mapping):
        return {key: copied(value) for key, value in argument.items()}
    if isinstance(argument, list | tuple):
        return [copied(value) for value in argument]
    return argument
