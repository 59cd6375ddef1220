"""The colours of tokens: which one a value has, and how strong. The leaderboard's page has the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

COLOURS = {"good": (0, 114, 178), "bad": (213, 94, 0), "level": (0, 158, 115)}
"""Name -> red, green, blue; the first two are told apart by people who see few colours (Okabe and Ito)."""
STRONGEST = 0.75
"""The most opaque that a colour gets, so that text on it stays legible."""
_WEAKEST_LEVEL = 0.06


class Shade(NamedTuple):
    """The background of a token: a name of COLOURS, "" for none, and its opacity, 0 to STRONGEST."""

    colour: str
    opacity: float


def signed_shades(values: Sequence[float]) -> list[Shade]:
    """Returns a shade for each reward: "good" above 0, "bad" below, relative to the largest."""
    largest = max((abs(value) for value in values), default=0.0) or 1.0
    return [text_shade(value / largest) for value in values]


def text_shade(reward: float | None) -> Shade:
    """Returns the shade of a reward of at most 1: its opacity grows with the root, so small ones show."""
    if not reward:
        return Shade("", 0.0)
    return Shade("good" if reward > 0 else "bad", STRONGEST * math.sqrt(min(1.0, abs(reward))))


def level_shades(values: Sequence[float]) -> list[Shade]:
    """Returns a shade for each value, such as Q: the highest is the strongest."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    width = (high - low) or 1.0
    return [
        Shade("level", STRONGEST * (_WEAKEST_LEVEL + (1 - _WEAKEST_LEVEL) * (value - low) / width))
        for value in values
    ]
