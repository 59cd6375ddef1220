"""The values of tokens that a record may hold beside an episode: their names, form and bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from llm_baselines.agent import TokenValues
from llm_benchmarks.records.values import RecordError

FIELD = "token_values"
"""Name of the optional field of an episode."""

VERSION = 1
"""Version of the field. A reader skips the values of a version that it does not know."""

NAMES = tuple(field.name for field in fields(TokenValues))

MOST_TOKENS = 100_000
"""Tokens of a record that are noted: four values of each are about 3 MB, a tenth of that compressed."""

_DIGITS = 5


def to_field(values: TokenValues) -> dict[str, Any] | None:
    """Returns the field of an episode, None if the agent says nothing, or something that is not finite.

    Numbers keep five digits, which is more than a colour shows and as much as float32 repeats elsewhere.
    """
    noted: dict[str, Any] = {}
    for name in NAMES:
        array = getattr(values, name)
        if array is None:
            continue
        numbers = [float(f"{float(value):.{_DIGITS}g}") for value in array]
        if not all(map(math.isfinite, numbers)):
            return None
        noted[name] = numbers
    return {"version": VERSION, **noted} if noted else None


def check_field(row: Mapping[str, Any], place: str) -> None:
    """Raises if an episode's values are not one for each of its tokens.

    Args:
        row: An episode that the schema has checked.
        place: Its name in errors.

    Raises:
        RecordError: A list has another length than the episode has tokens.
    """
    noted = row.get(FIELD)
    if noted is None:
        return
    for name in NAMES:
        if name in noted and len(noted[name]) != len(row["action_ids"]):
            raise RecordError(
                f"{place}: {FIELD}.{name}: has {len(noted[name])} values for {len(row['action_ids'])} tokens"
            )
