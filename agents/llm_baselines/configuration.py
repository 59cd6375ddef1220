"""Configurations: frozen dataclasses whose fields carry their help; unknown keys are errors."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, field, fields
from difflib import get_close_matches
from typing import Any, TypeVar

T = TypeVar("T")


_BOUNDS = {
    "at_least": ("at least", operator.ge),
    "above": ("above", operator.gt),
    "at_most": ("at most", operator.le),
    "below": ("below", operator.lt),
}


def option(default: Any, text: str, *, later: bool = False, **bounds: float) -> Any:
    """A dataclass field with a default, a line of help and bounds.

    Args:
        default: Says the type, too; None takes any value.
        text: The help.
        later: Whether it came after runs had been recorded; see `recorded_values`.
        **bounds: Any of at_least, above, at_most, below.
    """
    metadata = {"help": text, "later": later}
    metadata |= {name: bounds[name] for name in _BOUNDS if name in bounds}
    if isinstance(default, dict | list):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def make_config(cls: type[T], values: Mapping[str, Any], *, elsewhere: Iterable[str] = ()) -> T:
    """Makes a configuration from values by name.

    Args:
        cls: A frozen dataclass.
        values: What differs from its defaults.
        elsewhere: Options that are no part of it and may have been meant, for the error to name.

    Raises:
        ValueError: A key is unknown (the nearest is named), or a value has the wrong type or is out of
            bounds.
    """
    known = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    checked = {}
    for key, value in values.items():
        if key not in known:
            names = [*elsewhere, *known]
            near = get_close_matches(key, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
            raise ValueError(f"unknown option {key!r} of {cls.__name__}; {hint}")
        checked[key] = _checked(cls.__name__, known[key], value)
    return cls(**checked)


def values_of(config: Any) -> dict[str, Any]:
    """Name -> value of every option; unlike `dataclasses.asdict` it leaves what is in them as it is."""
    return {f.name: getattr(config, f.name) for f in fields(config)}


def recorded_values(config: Any) -> dict[str, Any]:
    """What a run is known by: `values_of`, without later options that have their default.

    Such a default does what was done before there was the option, so a run keeps the name it had.
    """
    values = values_of(config)
    for f in fields(config):
        if f.metadata.get("later") and values[f.name] == _default(f):
            del values[f.name]
    return values


def changed(config: Any, names: Iterable[str]) -> dict[str, Any]:
    """Name -> value of those of some options that differ from their defaults."""
    defaults = {name: default for name, default, _ in options_of(type(config))}
    values = {name: getattr(config, name) for name in names}
    return {name: value for name, value in values.items() if value != defaults[name]}


def options_of(cls: type[Any]) -> list[tuple[str, Any, str]]:
    """Name, default and help of every option of a configuration."""
    return [(f.name, _default(f), str(f.metadata.get("help", ""))) for f in fields(cls)]


def _default(known: Field[Any]) -> Any:
    return known.default_factory() if known.default_factory is not MISSING else known.default


def _checked(owner: str, known: Field[Any], value: Any) -> Any:
    """The value, an int made a float where a float is due; free fields pass."""
    default = _default(known)
    if default is None or known.type in (Any, "Any"):
        return value
    if isinstance(default, bool) != isinstance(value, bool):
        fits = False
    elif isinstance(default, float):
        fits = isinstance(value, int | float)
        value = float(value) if fits else value
    else:
        fits = isinstance(value, type(default))
    if not fits:
        raise ValueError(
            f"option {known.name!r} of {owner} is of type {type(default).__name__}, got {value!r}"
        )
    for name, (said, holds) in _BOUNDS.items():
        if name in known.metadata and not holds(value, known.metadata[name]):
            raise ValueError(f"{known.name}={value!r} must be {said} {known.metadata[name]}")
    return value
