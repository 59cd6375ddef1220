"""JSON from foreign files: UTF-8, of bounded size and depth, with finite numbers."""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any, NoReturn

MAX_BYTES = 64 << 20
MAX_DEPTH = 64
MAX_TEXT = 1 << 20
"""Characters of one text or key."""
MAX_INTEGER = 2**63
MAX_FLOAT = 1e100
MAX_DIGITS = 40


class ForeignDataError(ValueError):
    """A file is not what it should be. The message names file, field and fault."""


def read_json(path: Path, *, max_bytes: int = MAX_BYTES) -> Any:
    """Reads a JSON file.

    Raises:
        FileNotFoundError: The file does not exist.
        OSError: The file cannot be read.
        ForeignDataError: It is not a regular file, too large, not JSON, or outside of the bounds.
    """
    return parse_json(_read_bytes(path, f"'{path}'", max_bytes), f"'{path}'")


def read_text(path: Path, place: str, *, max_bytes: int = MAX_BYTES) -> str:
    """Reads a UTF-8 text file of bounded size.

    Args:
        path: The file.
        place: What to call it in errors.
        max_bytes: Larger files are refused.

    Raises:
        FileNotFoundError: There is no such file.
        OSError: The file cannot be read.
        ForeignDataError: The file is not regular, too large, or not UTF-8.
    """
    return _decode(_read_bytes(path, place, max_bytes), place)


def _read_bytes(path: Path, place: str, max_bytes: int) -> bytes:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise ForeignDataError(f"{place} is not a regular file")
    if status.st_size > max_bytes:
        raise ForeignDataError(f"{place} has {status.st_size:,} bytes; at most {max_bytes:,} are read")
    return path.read_bytes()


def _decode(data: bytes, place: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ForeignDataError(f"{place}: not UTF-8: {error.reason} at byte {error.start}") from None


def parse_json(data: bytes | str, place: str) -> Any:
    """Parses JSON and checks its bounds.

    Args:
        data: UTF-8 bytes, or text.
        place: The name of the data in errors.

    Raises:
        ForeignDataError: It is not JSON, or it breaks a bound. The error names the field.
    """
    try:
        value = _QUICK.decode(data.decode("utf-8") if isinstance(data, bytes) else data)
    except (ValueError, RecursionError):
        pass
    else:
        if _is_bounded(value, 0):
            return value
    # Only bad data is read a second time, to name its fault.
    value = _parse_naming_faults(data, place)
    check_bounded(value, place)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key appears twice in one object")
    return table


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError("NaN and infinity are not valid JSON")


_QUICK = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_unique)


def _is_bounded(value: Any, depth: int) -> bool:
    """Returns True if `check_bounded` would accept the value. False for types that JSON never gives."""
    kind = type(value)
    if depth > MAX_DEPTH:
        return False
    if kind is list:
        if set(map(type, value)) == {int}:  # the usual case: token ids
            return depth < MAX_DEPTH and min(value) >= -MAX_INTEGER and max(value) <= MAX_INTEGER
        return all(_is_bounded(item, depth + 1) for item in value)
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str or len(key) > MAX_TEXT or not _is_bounded(item, depth + 1):
                return False
        return True
    if kind is str:
        return len(value) <= MAX_TEXT
    if kind is float:
        return -MAX_FLOAT <= value <= MAX_FLOAT
    if kind is int:
        return -MAX_INTEGER <= value <= MAX_INTEGER
    return value is None or kind is bool


class _LongInteger(int):
    """Stands for an integer with more digits than are read."""

    digits = 0


def _integer(text: str) -> int:
    if len(text) <= MAX_DIGITS:
        return int(text)
    long = _LongInteger(MAX_INTEGER + 1)
    long.digits = len(text.lstrip("-"))
    return long


def _parse_naming_faults(data: bytes | str, place: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for key, item in pairs:
            if key in table:
                raise ForeignDataError(f"{place}: {key[:100]}: appears twice in one object")
            table[key] = item
        return table

    try:
        text = _decode(data, place) if isinstance(data, bytes) else data
        return json.loads(text, parse_int=_integer, object_pairs_hook=unique)
    except ForeignDataError:
        raise
    except RecursionError:
        raise ForeignDataError(f"{place}: nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise ForeignDataError(f"{place}: not valid JSON, perhaps cut short: {error}") from None


def check_bounded(value: Any, place: str) -> None:
    """Checks a JSON value's depth, text lengths and numbers.

    Raises:
        ForeignDataError: The value breaks a bound. The error names the field.
    """
    if _is_bounded(value, 0):
        return
    stack: list[tuple[Any, str, int]] = [(value, "", 0)]
    while stack:
        item, path, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise ForeignDataError(f"{place}: nested deeper than {MAX_DEPTH} levels")
        if isinstance(item, dict):
            for key, inner in item.items():
                _check_text(key, path, place)
                stack.append((inner, f"{path}.{key}" if path else key, depth + 1))
        elif isinstance(item, list):
            stack.extend(
                (inner, f"{path}.{i}" if path else str(i), depth + 1) for i, inner in enumerate(item)
            )
        elif isinstance(item, str):
            _check_text(item, path, place)
        elif isinstance(item, int | float) and (fault := _fault(item)):
            raise ForeignDataError(f"{place}: {path or 'value'}: {fault}")


def _fault(number: int | float) -> str:
    if isinstance(number, float):
        if not math.isfinite(number):
            found = "NaN" if math.isnan(number) else f"{number:g}"
            return f"{found} is not a finite number; NaN and infinity are not valid JSON"
        return f"{number:g} is beyond {MAX_FLOAT:g}" if abs(number) > MAX_FLOAT else ""
    if isinstance(number, _LongInteger):
        return f"an integer of {number.digits} digits; at most {MAX_DIGITS}"
    return "an integer beyond 64 bits" if abs(number) > MAX_INTEGER else ""


def _check_text(text: str, path: str, place: str) -> None:
    if len(text) > MAX_TEXT:
        where = path[:100] or "value"
        raise ForeignDataError(f"{place}: {where}: a text of {len(text):,} characters; at most {MAX_TEXT:,}")
