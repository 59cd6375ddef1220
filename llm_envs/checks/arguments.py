"""The arguments of environments: what kind each is of, and how errors show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    """Refuses arguments of another type than their kind.

    Args:
        given: Arguments by name; None stands for the default.

    Raises:
        ValueError: There is one.
    """
    for name, (types, kind) in _KINDS.items():
        value = given.get(name)
        if value is not None and not isinstance(value, types):
            raise ValueError(f"{name}={short(value)} must be {kind}")


def short(value: Any) -> str:
    """A value in an error message."""
    return shown(repr(value), 100)
