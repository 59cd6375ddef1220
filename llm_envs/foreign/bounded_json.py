"""JSON from a file that somebody else wrote: UTF-8, of bounded size and depth, its numbers finite."""

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
    """A file that cannot be read as what it should be; the message names file, field and fault."""


def read_json(path: Path, *, max_bytes: int = MAX_BYTES) -> Any:
    """Reads a JSON file.

    Raises:
        FileNotFoundError: There is none.
        OSError: It cannot be read.
        ForeignDataError: It is no regular file, too large, or no JSON within the bounds.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise ForeignDataError(f"'{path}' is not a regular file")
    if status.st_size > max_bytes:
        raise ForeignDataError(f"'{path}' has {status.st_size:,} bytes; at most {max_bytes:,} are read")
    return parse_json(path.read_bytes(), f"'{path}'")


def parse_json(data: bytes | str, place: str) -> Any:
    """Parses JSON and checks its bounds.

    Args:
        data: UTF-8 bytes, or text.
        place: What to call it in errors.

    Raises:
        ForeignDataError: It is no JSON, or breaks a bound; the field is named.
    """

    def refuse(constant: str) -> NoReturn:
        raise ForeignDataError(f"{place}: NaN and infinity are not valid JSON")

    def integer(digits: str) -> int:
        if len(digits) > MAX_DIGITS:
            raise ForeignDataError(f"{place}: an integer of {len(digits)} digits; at most {MAX_DIGITS}")
        return int(digits)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) != len(pairs):
            raise ForeignDataError(f"{place}: a key stands twice in one object")
        return table

    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        value = json.loads(text, parse_constant=refuse, parse_int=integer, object_pairs_hook=unique)
    except ForeignDataError:
        raise
    except UnicodeDecodeError as error:
        raise ForeignDataError(f"{place}: not UTF-8: {error.reason} at byte {error.start}") from None
    except RecursionError:
        raise ForeignDataError(f"{place}: nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise ForeignDataError(f"{place}: not valid JSON, perhaps cut short: {error}") from None
    check_bounded(value, place)
    return value


def check_bounded(value: Any, place: str) -> None:
    """Checks a JSON value's depth, text lengths and numbers.

    Raises:
        ForeignDataError: Naming the field and the fault.
    """
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
        elif isinstance(item, int) and abs(item) > MAX_INTEGER:
            raise ForeignDataError(f"{place}: {path or 'value'}: an integer beyond 64 bits")
        elif isinstance(item, float) and not (math.isfinite(item) and abs(item) <= MAX_FLOAT):
            raise ForeignDataError(f"{place}: {path or 'value'}: {item:g} is beyond {MAX_FLOAT:g}")


def _check_text(text: str, path: str, place: str) -> None:
    if len(text) > MAX_TEXT:
        where = path[:100] or "value"
        raise ForeignDataError(f"{place}: {where}: a text of {len(text):,} characters; at most {MAX_TEXT:,}")
