"""Fast checks for ordinary rows. A row that fails them is checked against the schema instead.

The schema is the definition: a row that passes here is valid there, but not the other way round. An
evaluation has thousands of rows, and `jsonschema` takes a millisecond for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llm_benchmarks.records.token_values import FIELD, NAMES, VERSION
from llm_envs.foreign.bounded_json import MAX_TEXT

_EPISODE = frozenset(
    {
        "index",
        "example",
        "seed",
        "source",
        "text",
        "action_ids",
        "reward",
        "reward_components",
        "metrics",
        "length",
        "finish_reason",
    }
)
_LARGEST = 1e30
_COUNT = 2**53
_MOST = 1000
_LONGEST = 4096
_SECONDS = 1e12


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _COUNT


def _is_text(value: Any) -> bool:
    return type(value) is str and len(value) <= MAX_TEXT


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and -_LARGEST <= value <= _LARGEST


def _are_numbers(values: Any) -> bool:
    return (
        type(values) is dict
        and len(values) <= _MOST
        and all(
            (value is None or _is_number(value)) and len(name) <= _LONGEST for name, value in values.items()
        )
    )


def _are_token_ids(ids: Any) -> bool:
    if type(ids) is not list or not ids:
        return ids == []
    return set(map(type, ids)) == {int} and min(ids) >= 0 and max(ids) <= _COUNT


def _are_token_values(values: Any) -> bool:
    return (
        type(values) is dict
        and values.keys() - set(NAMES) == {"version"}
        and values["version"] == VERSION
        and all(
            type(values[name]) is list and all(map(_is_number, values[name]))
            for name in NAMES
            if name in values
        )
    )


def is_plain_episode(row: Any) -> bool:
    """Returns True only if a row of JSON values is a valid episode."""
    return (
        type(row) is dict
        and row.keys() - {FIELD} == _EPISODE
        and (FIELD not in row or _are_token_values(row[FIELD]))
        and _is_count(row["index"])
        and _is_count(row["example"])
        and _is_count(row["seed"])
        and _is_count(row["length"])
        and _is_text(row["source"])
        and _is_text(row["text"])
        and row["finish_reason"] in ("stop", "length", "task", None)
        and _is_number(row["reward"])
        and _are_numbers(row["reward_components"])
        and _are_numbers(row["metrics"])
        and _are_token_ids(row["action_ids"])
    )


def is_plain_curve_row(row: Any) -> bool:
    """Returns True only if a row of JSON values is a valid point of a curve."""
    return (
        type(row) is dict
        and _are_numbers(row)
        and None not in row.values()
        and _is_count(row.get("timesteps"))
        and _is_number(row.get("seconds"))
        and 0 <= row["seconds"] <= _SECONDS
    )


PLAIN: Mapping[str, Callable[[Any], bool]] = {"episode": is_plain_episode, "curve_row": is_plain_curve_row}
"""Part of the schema -> its quick check."""
