"""Plain values as JSON: what may cross between a text and its tests.

Numbers, texts, bytes, None, plain types, and lists, tuples, sets and dictionaries of these. A subclass loses
what its class adds, so that a value compares as its plain kind does.
"""

from __future__ import annotations

from typing import Any

DEPTH = 50
_KINDS = (bool, int, float, complex, str, bytes, bytearray, list, tuple, set, frozenset, dict, type(None))
_TYPES = {kind.__name__: kind for kind in _KINDS}


class NotPlain(Exception):
    """A value is of another kind. The message names it."""


def encode(value: Any, depth: int = DEPTH) -> Any:
    """Returns a value as JSON values.

    Raises:
        NotPlain: The value, or one inside it, is of another kind, or it is nested too deep.
    """
    if depth == 0:
        raise NotPlain(f"a value nested deeper than {DEPTH} levels")
    kind = type(value)
    if value is None or kind is bool:
        return value
    # Methods of the builtin classes are called, because an instance may have others.
    if isinstance(value, int):
        return ["i", format(int.__add__(value, 0), "x")]
    if isinstance(value, float):
        return ["f", float.hex(float.__add__(value, 0.0))]
    if isinstance(value, str):
        return str.__str__(value) if kind is str else str.__add__("", value)
    if isinstance(value, complex):
        return ["c", float.hex(complex.__add__(value, 0).real), float.hex(complex.__add__(value, 0).imag)]
    if isinstance(value, bytes | bytearray):
        return ["b" if isinstance(value, bytes) else "B", bytes.hex(memoryview(value).tobytes())]
    sequences: tuple[tuple[str, Any], ...] = (("l", list), ("t", tuple), ("s", set), ("z", frozenset))
    for letter, plain in sequences:
        if isinstance(value, plain):
            return [letter, [encode(item, depth - 1) for item in plain.__iter__(value)]]
    if isinstance(value, dict):
        return ["d", [[encode(k, depth - 1), encode(v, depth - 1)] for k, v in dict.items(value)]]
    if kind is type and value in _KINDS:
        return ["y", value.__name__]
    raise NotPlain(f"{kind.__name__}, which is no plain value")


def decode(value: Any) -> Any:
    """Returns the value that `encode` was given.

    Raises:
        NotPlain: It is not a result of `encode`.
    """
    if value is None or isinstance(value, bool | str):
        return value
    try:
        letter, *parts = value
        return _DECODE[letter](*parts)
    except (TypeError, ValueError, KeyError, RecursionError, OverflowError):
        raise NotPlain("a damaged message") from None


def _items(items: Any) -> list[Any]:
    return [decode(item) for item in items]


_DECODE: dict[str, Any] = {
    "i": lambda digits: int(digits, 16),
    "f": float.fromhex,
    "c": lambda real, imag: complex(float.fromhex(real), float.fromhex(imag)),
    "b": bytes.fromhex,
    "B": bytearray.fromhex,
    "l": _items,
    "t": lambda items: tuple(_items(items)),
    "s": lambda items: set(_items(items)),
    "z": lambda items: frozenset(_items(items)),
    "y": _TYPES.__getitem__,
    "d": lambda pairs: {decode(key): decode(value) for key, value in pairs},
}
