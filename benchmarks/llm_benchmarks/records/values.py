"""The JSON values of records: conversion, canonical form and hash."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np


class RecordError(ValueError):
    """A record is invalid, damaged or altered. The message names the place and the field.

    Attributes:
        record_id: The record's id in its store, if it is known.
    """

    def __init__(self, message: str, record_id: str | None = None) -> None:
        super().__init__(message)
        self.record_id = record_id


def plain(value: Any, place: str, path: str = "") -> Any:
    """Converts mappings, tuples and NumPy values into values that `json` can write.

    Args:
        value: Any value.
        place: The name of the value in errors.
        path: Dotted path of the value within the place.

    Raises:
        RecordError: The value is NaN, infinite, or of a type that JSON does not have.
    """
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise RecordError(f"{place}: {path or 'value'}: NaN and infinity are not valid JSON")
        return value
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise RecordError(f"{place}: {path or 'top level'}: key {key!r} is not a string")
        return {key: plain(item, place, _join(path, key)) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(item, place, _join(path, i)) for i, item in enumerate(value)]
    raise RecordError(f"{place}: {path or 'value'}: {type(value).__name__} cannot be written as JSON")


def canonical_json(value: Any) -> bytes:
    """Returns the canonical JSON of a value: sorted keys, no spaces, UTF-8.

    Raises:
        RecordError: The value cannot be JSON. The message names the path of the wrong part.
    """
    text = json.dumps(plain(value, "value"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def content_hash(value: Any) -> str:
    """Returns the SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def json_line(value: Any) -> bytes:
    """Returns a JSON value as one line, with the newline."""
    try:
        return (json.dumps(value, ensure_ascii=False) + "\n").encode("utf-8")
    except UnicodeEncodeError:  # a text holds half a surrogate pair
        return (json.dumps(value) + "\n").encode("ascii")


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the leaves of nested objects as (dotted path, value). Lists count as leaves."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from flatten(item, _join(path, key))
    else:
        yield path, value


def _join(path: str, step: object) -> str:
    return f"{path}.{step}" if path else str(step)
