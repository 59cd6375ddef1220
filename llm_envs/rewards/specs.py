"""Reward specifications: parsed, checked, and turned into reward objects."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import isfinite
from typing import Any

from llm_envs.checks.suggestions import did_you_mean
from llm_envs.checks.types import declared_type, declared_types, fits, type_name
from llm_envs.foreign import shown
from llm_envs.rewards.callables import check_takes_episode
from llm_envs.rewards.context import RewardContext
from llm_envs.rewards.registry import find_reward
from llm_envs.rewards.schemes import SCHEMES, split_scheme
from llm_envs.rewards.signatures import option_text

_FORMS = (
    'a reward is an id like "bleu", {"sentiment": 1.0, "length_penalty": -0.2}, '
    '{"id": "bleu", "weight": 1.0, ...options}, a list of such, "package.module:name", '
    '"evaluate:NAME_OR_PATH", "trl:module:name", "http:URL", "classifier:FOLDER", '
    '"preference:FOLDER", '
    "or a function from Episode to float"
)

MAX_WEIGHT = 1e9
"""How large a weight may be, so that sums, squares and means of scores stay finite."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One weighted reward of a specification; `target` is an id or a callable."""

    target: str | Callable[..., Any]
    name: str
    weight: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_spec(self) -> dict[str, Any] | None:
        """Returns the entry as JSON-able data, or None if its target is a bare callable."""
        if not isinstance(self.target, str) or not _json_able(self.options):
            return None
        named = {} if self.name == _name(self.target) else {"name": self.name}
        options: dict[str, Any] = json.loads(json.dumps(dict(self.options)))
        return {"id": self.target, **named, "weight": self.weight, **options}


def parse_spec(spec: Any) -> list[Entry]:
    """Parses a specification into entries with distinct names.

    Raises:
        ValueError: The spec has a wrong form, a weight that is not a number, or two rewards of one name.
    """
    if isinstance(spec, Mapping) and "id" not in spec:
        entries = [_weighted(key, weight) for key, weight in spec.items()]
    elif isinstance(spec, list | tuple):
        entries = [_entry(item) for item in spec]
    else:
        entries = [_entry(spec)]
    if not entries:
        raise ValueError(f"the reward specification {spec!r} is empty; {_FORMS}")
    seen: set[str] = set()
    for entry in entries:
        if entry.name in seen:
            raise ValueError(
                f"reward {entry.name!r} appears twice in the specification; "
                'tell them apart: {"id": ..., "name": "another_name", ...}'
            )
        seen.add(entry.name)
    return entries


def build(entry: Entry, context: RewardContext | None) -> tuple[Callable[..., Any], str]:
    """Makes the reward of an entry.

    Returns:
        The callable and its signature.

    Raises:
        ValueError: The id or an option is unknown, an option has the wrong type, the reward rejects its
            options or context, or it cannot be called with one episode.
    """
    target = find_reward(entry.target) if isinstance(entry.target, str) else entry.target
    if isinstance(entry.target, str) and (named := split_scheme(entry.target)):
        entry = _with_subject(entry, SCHEMES[named[0]].option, named[1])
    is_class = inspect.isclass(target)
    if not is_class:
        check_takes_episode(entry.name, target, takes_options=True)
    parameters = _parameters(target, skip_first=not is_class)
    _check_options(entry, parameters)
    _check_types(entry, parameters, target.__init__ if is_class else target)
    if isinstance(entry.target, str) and not _json_able(entry.options):
        raise ValueError(f"reward {entry.name!r}: its options must be JSON-able, got {dict(entry.options)!r}")
    arguments = dict(entry.options)
    if "context" in parameters:
        if context is None and parameters["context"].default is inspect.Parameter.empty:
            context = RewardContext()
        arguments["context"] = context
    if not is_class:
        reward = _bind(target, arguments)
        return reward, getattr(target, "signature", None) or _signature(entry, parameters, target)
    try:
        made: Callable[..., Any] = target(**arguments)
    except (TypeError, ValueError) as error:
        raise ValueError(f"reward {entry.name!r}: {error}{_unnamed_options(entry, str(error))}") from error
    if not callable(made):
        raise ValueError(f"reward {entry.name!r}: instances of {target!r} cannot be called with an episode")
    check_takes_episode(entry.name, made, takes_options=False)
    return made, getattr(made, "signature", None) or _signature(entry, parameters, target)


def _unnamed_options(entry: Entry, message: str) -> str:
    """Returns the options that an error message of a reward does not mention."""
    options = [
        f"{name}={shown(repr(value), 60)}" for name, value in entry.options.items() if name not in message
    ]
    return f" (given {', '.join(options)})" if options else ""


def _with_subject(entry: Entry, option: str, subject: str) -> Entry:
    """Returns the entry with what its id names as an option."""
    if option in entry.options:
        raise ValueError(
            f"reward {entry.name!r}: its id already names the {option}; drop the option {option!r}"
        )
    return replace(entry, options={option: subject, **entry.options})


def _bind(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Callable[..., Any]:
    if not arguments:
        return function
    bound = partial(function, **arguments)
    for attribute in ("needs_references", "needs_text"):
        if hasattr(function, attribute):
            setattr(bound, attribute, getattr(function, attribute))
    return bound


def _parameters(target: Callable[..., Any], *, skip_first: bool) -> dict[str, inspect.Parameter]:
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (
        TypeError,
        ValueError,
    ):  # a builtin without a signature takes the episode and no options
        return {}
    return {p.name: p for p in (parameters[1:] if skip_first else parameters)}


def _check_options(entry: Entry, parameters: Mapping[str, inspect.Parameter]) -> None:
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    known = sorted(n for n, p in parameters.items() if n != "context" and p.kind in named)
    for option in entry.options:
        if option not in known and not takes_any:
            takes = f"it takes {', '.join(known)}" if known else "it takes no options"
            raise ValueError(
                f"reward {entry.name!r} has no option {option!r}"
                f"{did_you_mean(option, [*known, 'weight', 'name'])} {takes}"
            )
    for name in known:
        if parameters[name].default is inspect.Parameter.empty and name not in entry.options:
            raise ValueError(
                f"reward {entry.name!r} needs the option {name!r}; it is called with an Episode, and its "
                f"options go beside its id: {{'id': ..., {name!r}: ...}}"
            )


def _check_types(entry: Entry, parameters: Mapping[str, inspect.Parameter], declaring: Any) -> None:
    """Raises if an option has another type than declared: "no" would be true, and True a number."""
    hints = declared_types(declaring)
    for option, value in entry.options.items():
        wanted = declared_type(parameters[option], hints) if option in parameters else Any
        if not fits(value, wanted):
            raise ValueError(
                f"reward {entry.name!r}: option {option!r} is of type {type_name(wanted)}, got {value!r} "
                f"({type(value).__name__})"
            )


def _signature(entry: Entry, parameters: Mapping[str, inspect.Parameter], target: Any) -> str:
    """Returns "id|option:value|...|v1", defaults included."""
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    values = {
        n: p.default
        for n, p in parameters.items()
        if n != "context" and p.kind not in variadic and p.default is not inspect.Parameter.empty
    }
    values.update(entry.options)
    name = entry.target if isinstance(entry.target, str) else f"callable:{entry.name}"
    options = [f"{key}:{option_text(values[key])}" for key in sorted(values)]
    return "|".join([name, *options, f"v{getattr(target, 'version', 1)}"])


def _entry(item: Any) -> Entry:
    if isinstance(item, str) or (callable(item) and not isinstance(item, Mapping)):
        return Entry(item, _name(item))
    if not isinstance(item, Mapping):
        raise ValueError(f"cannot make a reward from {item!r}; {_FORMS}")
    if "id" not in item:
        raise ValueError(f'the reward entry {dict(item)!r} has no "id"; {_FORMS}')
    target = item["id"]
    if not isinstance(target, str) and not callable(target):
        raise ValueError(f'the "id" of a reward is a string, got {target!r}; {_FORMS}')
    name = item.get("name", _name(target))
    if not isinstance(name, str) or not name:
        raise ValueError(f'the "name" of reward {target!r} is a non-empty string, got {name!r}')
    options = {k: v for k, v in item.items() if k not in ("id", "name", "weight")}
    return Entry(target, name, _weight(name, item.get("weight", 1.0)), options)


def _weighted(key: Any, weight: Any) -> Entry:
    if not isinstance(key, str):
        raise ValueError(f"cannot make a reward from {key!r}; {_FORMS}")
    return Entry(key, _name(key), _weight(key, weight))


def _weight(name: str, weight: Any) -> float:
    if not fits(weight, float) or (isinstance(weight, float) and not isfinite(weight)):
        raise ValueError(
            f"the weight of reward {name!r} is a finite number, got {weight!r}; "
            'options go beside it: {"id": "bleu", "weight": 1.0, "max_order": 2}'
        )
    if abs(weight) > MAX_WEIGHT:
        raise ValueError(
            f"the weight of reward {name!r} is {weight!r}; at most {MAX_WEIGHT:g}, so that sums of scores "
            "stay finite"
        )
    return float(weight)


def _name(target: str | Callable[..., Any]) -> str:
    if isinstance(target, str):
        named = split_scheme(target)  # columns name what is measured, not the script's path
        return target if named is None else f"{named[0]}:{SCHEMES[named[0]].short(named[1])}"
    return str(getattr(target, "__name__", None) or type(target).__name__)


def _json_able(value: Any) -> bool:
    """Returns True if JSON gives the value back: finite numbers, and strings as the keys of tables."""
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _json_able(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(map(_json_able, value))
    return value is None or isinstance(value, str | int) or (isinstance(value, float) and isfinite(value))
