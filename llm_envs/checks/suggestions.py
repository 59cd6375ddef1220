"""The nearest known name, for errors about an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: object, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Returns the known name that is most like `name`, or None if none is similar.

    Args:
        name: The unknown name.
        known: The names to choose from.
        cutoff: The least similarity, 0 to 1, as `difflib.get_close_matches` takes it.
    """
    matches = difflib.get_close_matches(str(name), list(known), n=1, cutoff=cutoff)
    return matches[0] if matches else None


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Returns "; did you mean 'x'?" for the nearest known name, or ";" if none is similar.

    The error goes on after it: f"unknown reward {name!r}{did_you_mean(name, known)} the rewards are ...".
    """
    match = nearest(name, known)
    return ";" if match is None else f"; did you mean {match!r}?"
