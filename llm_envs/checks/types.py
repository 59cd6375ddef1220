"""Checks that an argument has the type its parameter declares: bool, int, float and text are different."""

from __future__ import annotations

import inspect
import operator
import types
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

_LISTS = (list, tuple, set, frozenset, Sequence, Collection)
_TABLES = (dict, Mapping)


def fits(value: Any, annotation: Any) -> bool:
    """Returns True if a value is of a type. A type that is not plain, such as a protocol, takes any value.

    A bool is not an int, an int is a float, and a list fits any sequence.
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
    """Returns the name of a type for errors."""
    if annotation is None or annotation is type(None):
        return "None"
    if get_origin(annotation) in (Union, types.UnionType):
        return " or ".join(map(type_name, get_args(annotation)))
    plain = isinstance(annotation, type) and get_origin(annotation) is None
    return annotation.__name__ if plain else str(annotation).replace("typing.", "")


def declared_types(target: Any) -> dict[str, Any]:
    """Returns name -> annotation of a function's parameters or a class's fields; {} if they are unknown."""
    try:
        return get_type_hints(target)
    except Exception:  # annotations may be any expression, and name modules that are not imported
        return {}


def type_of_default(default: Any) -> Any:
    """Returns the type that a default suggests if none is declared: float for any number."""
    if isinstance(default, bool | str):
        return type(default)
    return float if isinstance(default, int | float) else Any


def declared_type(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Any:
    """Returns the declared type of a parameter, else the type of its default, else Any."""
    if parameter.name in hints:
        return hints[parameter.name]
    if parameter.annotation is not inspect.Parameter.empty or parameter.default is inspect.Parameter.empty:
        return Any
    return type_of_default(parameter.default)


def as_index(value: Any) -> int:
    """Returns an integer of any type as an int.

    Raises:
        TypeError: The value is not an integer. True and False are not integers here.
    """
    if isinstance(value, bool):
        raise TypeError(f"{value!r} is a bool, not a whole number")
    return operator.index(value)


def check_flag(name: str, value: Any) -> bool:
    """Returns a flag unchanged.

    Raises:
        ValueError: The value is not a bool. As a condition any text would be true, even "no" and "false".
    """
    if not isinstance(value, bool):
        raise ValueError(f"{name}={value!r} must be True or False")
    return value
