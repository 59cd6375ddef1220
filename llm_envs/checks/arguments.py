"""The arguments of environments: the type of each, and how errors show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_envs.checks.types import as_index
from llm_envs.foreign import shown

_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "dataset": ((str,), "the name of a data set, such as 'poems' or 'file:PATH'"),
    "columns": ((Mapping,), 'a mapping of roles to column names, such as {"source": "question"}'),
    "split": ((str,), "'train', 'validation' or 'test'"),
    "metrics": ((str, list, tuple), "a list of reward specs, or 'default'"),
    "reward_timing": ((str, Mapping), "'terminal', 'dense' or {'id': 'shaped', 'gamma': 0.99}"),
    "long_prompt": ((str,), "'error' or 'truncate'"),
}
"""Argument -> the types it may have, and what it is. The others are checked where they are used."""


def check_kinds(given: Mapping[str, Any]) -> None:
    """Checks the types of an environment's arguments.

    Args:
        given: Arguments by name; None stands for the default.

    Raises:
        ValueError: An argument has the wrong type.
    """
    for name, (types, kind) in _KINDS.items():
        value = given.get(name)
        if value is not None and not isinstance(value, types):
            raise ValueError(f"{name}={short(value)} must be {kind}")


def short(value: Any) -> str:
    """Returns a value as errors show it: escaped, and cut to 100 characters."""
    return shown(repr(value), 100)


def at_least_one(name: str, value: Any, at_most: int) -> int:
    """Returns a count as an int.

    Args:
        name: The argument's name, for the error.
        value: An integer of any type.
        at_most: The greatest count that is allowed.

    Raises:
        ValueError: The value is not a whole number from 1 to `at_most`.
    """
    try:
        count = as_index(value)
    except TypeError:
        count = 0
    if count < 1:
        raise ValueError(f"{name}={value!r} must be a whole number of at least 1")
    if count > at_most:
        raise ValueError(f"{name}={short(value)} must be at most {at_most:,}")
    return count
