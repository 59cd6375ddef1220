"""Configurations: frozen dataclasses whose fields carry help and bounds; an unknown key is an error."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, field, fields
from math import isfinite
from typing import Any, TypeVar

from llm_baselines.spec import AFFECTS
from llm_envs.checks.suggestions import did_you_mean
from llm_envs.checks.types import declared_types, fits, type_name

T = TypeVar("T")


_BOUNDS = {
    "at_least": ("at least", operator.ge),
    "above": ("above", operator.gt),
    "at_most": ("at most", operator.le),
    "below": ("below", operator.lt),
}


def option(
    default: Any,
    text: str,
    *,
    later: bool = False,
    affects_result: bool = True,
    decoding: bool = False,
    **bounds: float,
) -> Any:
    """Returns a dataclass field with a default, a line of help and bounds.

    Args:
        default: The default value. It also gives the type if the field's annotation cannot be resolved. A
            field annotated as Any takes any value.
        text: The help.
        later: True for an option that was added after runs had been recorded; see `recorded_values`.
        affects_result: False if runs that differ only in this option have equal results; see
            `split_settings`.
        decoding: True if the option decides how tokens are chosen when acting is not deterministic.
        **bounds: Any of at_least, above, at_most, below.
    """
    metadata: dict[str, Any] = {"help": text, "later": later, AFFECTS: affects_result, "decoding": decoding}
    metadata |= {name: bounds[name] for name in _BOUNDS if name in bounds}
    if isinstance(default, dict | list):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def redefined(cls: type[Any], name: str, default: Any) -> Any:
    """Returns a field for a subclass: the option of a configuration with another default.

    It is no later option, because this default may change what an agent did before the option.
    """
    metadata = {**cls.__dataclass_fields__[name].metadata, "later": False}
    return field(default=default, metadata=metadata)


def make_config(cls: type[T], values: Mapping[str, Any], *, elsewhere: Iterable[str] = ()) -> T:
    """Makes a configuration from values by name.

    Args:
        cls: A frozen dataclass.
        values: Values that differ from its defaults.
        elsewhere: Options that the caller handles itself; the error for an unknown key lists them too.

    Raises:
        ValueError: A key is unknown (the nearest is named), or a value has the wrong type or is out of
            bounds.
    """
    known = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    types = declared_types(cls)
    checked = {}
    for key, value in values.items():
        if key not in known:
            names = [*elsewhere, *known]
            raise ValueError(
                f"unknown option {key!r} of {cls.__name__}{did_you_mean(key, names)} "
                f"the options are {', '.join(names)}"
            )
        checked[key] = _checked(cls, types, known[key], value)
    return cls(**checked)


def check_values(config: Any) -> None:
    """Checks the values of a configuration that was not made by `make_config`.

    Raises:
        ValueError: A value has the wrong type or is out of bounds.
    """
    types = declared_types(type(config))
    for known in fields(config):
        _checked(type(config), types, known, getattr(config, known.name))


def values_of(config: Any) -> dict[str, Any]:
    """Returns the value of every option by name; unlike `dataclasses.asdict` it does not copy the values."""
    return {f.name: getattr(config, f.name) for f in fields(config)}


def recorded_values(config: Any) -> dict[str, Any]:
    """Returns the values that identify a run: `values_of` without later options at their defaults.

    The default of a later option keeps the behaviour from before the option, so a run keeps its identity.
    """
    return without_later_defaults(type(config), values_of(config))


def without_later_defaults(cls: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values of a configuration without later options at their defaults.

    Args:
        cls: The configuration's class.
        values: Values by name. Names that the class does not know stay.
    """
    later = {f.name: _default(f) for f in fields(cls) if f.metadata.get("later")}
    return {name: value for name, value in values.items() if not (name in later and value == later[name])}


def split_settings(cls: type[Any], values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Splits the values of a configuration into those that affect the result and the settings that do not.

    Args:
        cls: The configuration's class.
        values: Values by name. A name that the class does not know counts as affecting the result.
    """
    free = {f.name for f in fields(cls) if not f.metadata.get(AFFECTS, True)}
    affecting = {name: value for name, value in values.items() if name not in free}
    return affecting, {name: value for name, value in values.items() if name in free}


def decoding_names(cls: type[Any]) -> list[str]:
    """Returns the names of the options that decide how tokens are chosen in non-deterministic acting."""
    return [f.name for f in fields(cls) if f.metadata.get("decoding")]


def changed(config: Any, names: Iterable[str]) -> dict[str, Any]:
    """Returns, by name, the values of the named options that differ from their defaults."""
    defaults = {name: default for name, default, _ in options_of(type(config))}
    values = {name: getattr(config, name) for name in names}
    return {name: value for name, value in values.items() if value != defaults[name]}


def options_of(cls: type[Any]) -> list[tuple[str, Any, str]]:
    """Returns (name, default, help) of every option of a configuration."""
    return [(f.name, _default(f), str(f.metadata.get("help", ""))) for f in fields(cls)]


def _default(known: Field[Any]) -> Any:
    return known.default_factory() if known.default_factory is not MISSING else known.default


def _checked(cls: type[Any], types: Mapping[str, Any], known: Field[Any], value: Any) -> Any:
    """Returns the value, with an int converted to float if the default is a float."""
    default = _default(known)
    declared = types.get(known.name, Any if default is None else type(default))
    same_kind = not isinstance(default, dict | list) or isinstance(value, type(default))
    if not fits(value, declared) or not same_kind:
        raise ValueError(
            f"option {known.name!r} of {cls.__name__} is of type {type_name(declared)}, got {value!r} "
            f"({type(value).__name__})"
        )
    if isinstance(default, float):
        value = float(value)
        if not isfinite(value):
            raise ValueError(f"{known.name}={value!r} must be a finite number")
    if value is None:
        return value
    for name, (phrase, holds) in _BOUNDS.items():
        if name in known.metadata and not holds(value, known.metadata[name]):
            raise ValueError(f"{known.name}={value!r} must be {phrase} {known.metadata[name]}")
    return value
