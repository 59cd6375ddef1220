"""Whether an argument is of the type its parameter declares: bool, int, float and text are four things."""

from __future__ import annotations

import inspect
import operator
import types
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

_LISTS = (list, tuple, set, frozenset, Sequence, Collection)
_TABLES = (dict, Mapping)


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value is of a type; what is no plain type (a protocol, a class of one's own) takes any.

    A bool is no int, an int is a float, and a list may stand where any sequence is asked for.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in arguments)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in arguments)
    if annotation is None or annotation is type(None):
        return value is None
    if annotation is bool or annotation is str:
        return isinstance(value, annotation)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if annotation is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    kind = origin or annotation
    if kind in _LISTS:
        element = arguments[0] if arguments else Any
        return isinstance(value, list | tuple) and all(fits(one, element) for one in value)
    if kind in _TABLES:
        element = arguments[1] if arguments else Any
        return isinstance(value, Mapping) and all(fits(one, element) for one in value.values())
    return True


def type_name(annotation: Any) -> str:
    """A type as an error names it."""
    if annotation is None or annotation is type(None):
        return "None"
    if get_origin(annotation) in (Union, types.UnionType):
        return " or ".join(map(type_name, get_args(annotation)))
    plain = isinstance(annotation, type) and get_origin(annotation) is None
    return annotation.__name__ if plain else str(annotation).replace("typing.", "")


def declared_types(target: Any) -> dict[str, Any]:
    """Name -> annotation of a function's parameters, or of a class's fields; empty where they are unknown."""
    try:
        return get_type_hints(target)
    except Exception:  # annotations may be any expression, and name what is not imported
        return {}


def type_of_default(default: Any) -> Any:
    """What a default says of the type where nothing is declared: any number for a number."""
    if isinstance(default, bool | str):
        return type(default)
    return float if isinstance(default, int | float) else Any


def declared_type(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Any:
    """The type of a parameter: the one declared, else that of its default, else any."""
    if parameter.name in hints:
        return hints[parameter.name]
    if parameter.annotation is not inspect.Parameter.empty or parameter.default is inspect.Parameter.empty:
        return Any
    return type_of_default(parameter.default)


def as_index(value: Any) -> int:
    """A whole number as an int, whatever kind of integer it is.

    Raises:
        TypeError: It is none; True and False are none.
    """
    if isinstance(value, bool):
        raise TypeError(f"{value!r} is a bool, not a whole number")
    return operator.index(value)


def check_flag(name: str, value: Any) -> bool:
    """A flag as it is.

    Raises:
        ValueError: It is no bool: any text, "no" and "false" among them, would count as true.
    """
    if not isinstance(value, bool):
        raise ValueError(f"{name}={value!r} must be True or False")
    return value
