"""Code named by a string "package.module:name": the one place that imports it, and checks on foreign data.

"evaluate:NAME_OR_PATH" names code, too: a module of Hugging Face's `evaluate` is a script that is run. So
does "trl:package.module:name". "http:URL" names a server that would receive texts, and "unit_tests" runs what
an agent wrote. All of them are refused alike.
`load_code` imports a name that a person wrote. Data from a file goes through `refuse_code` before anything
is made from it. The person allows a name with `--allow-code NAME`, or in Python with `allowing_code`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

from llm_envs.checks.suggestions import did_you_mean

_DOTTED = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_CODE = re.compile(rf"({_DOTTED}):({_DOTTED})")

DATA_SCHEMES = frozenset({"file", "hub", "hf", "word", "byte", "classifier", "preference"})
"""Schemes of data, tokenizers and models, before the colon. Modules of these names are never imported."""

EVALUATE = "evaluate:"
"""Put before the name or the path of an `evaluate` module."""

RUNS_TEXTS = frozenset({"unit_tests"})
"""Registered rewards that run what an agent wrote."""

_ADAPTED = re.compile(rf"trl:{_DOTTED}:{_DOTTED}|http:https?://.+", re.DOTALL)

PACKAGE_CODE = frozenset(
    {
        "llm_baselines.sb3.training_rewards:KnownPairs",
        "llm_baselines.sb3.training_rewards:KnownTurns",
        "llm_envs.envs.tiny:spelled",
    }
)
"""Rewards that files may name by path; they may name nothing else of this project."""

_ALLOWED: ContextVar[frozenset[str]] = ContextVar("allowed_code", default=frozenset())


class UntrustedCode(ValueError):
    """A file names code that the person has not allowed.

    Attributes:
        name: The name, such as "package.module:function".
    """

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name


def allowing_code(names: Iterable[str]) -> AbstractContextManager[None]:
    """Lets files name this code within the `with` block, in addition to what is allowed already.

    Args:
        names: Each a "package.module:name", "evaluate:NAME_OR_PATH", "trl:package.module:name", "http:URL" or
            "unit_tests".

    Raises:
        ValueError: A name has another form.
    """
    given = frozenset(names)
    for name in given:
        if not _is_reward_code(name):
            _parts(name, "allowed code")
    return _allowing(given)


@contextmanager
def _allowing(given: frozenset[str]) -> Iterator[None]:
    token = _ALLOWED.set(_ALLOWED.get() | given)
    try:
        yield
    finally:
        _ALLOWED.reset(token)


def allowed_code() -> frozenset[str]:
    """Returns the names that files may use here."""
    return _ALLOWED.get() | PACKAGE_CODE


def is_evaluate_module(name: str) -> bool:
    """Returns True if a text names a module of `evaluate`. Signatures of such modules ("...|...") do not."""
    return name.startswith(EVALUATE) and len(name) > len(EVALUATE) and "|" not in name


def _is_reward_code(name: str) -> bool:
    """Returns True if a text names a reward that runs code or asks a server, but is no "module:name"."""
    return is_evaluate_module(name) or name in RUNS_TEXTS or _ADAPTED.fullmatch(name) is not None


def code_names(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yields (path, name) for every string of a JSON value, keys included, that names code."""
    if isinstance(value, str):
        match = _CODE.fullmatch(value)
        if _is_reward_code(value) or (match and match[1] not in DATA_SCHEMES):
            yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            here = f"{path}.{key}" if path else str(key)
            yield from code_names(key, here)
            yield from code_names(item, here)
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from code_names(item, f"{path}.{i}" if path else str(i))


def refuse_code(value: Any, place: object) -> None:
    """Raises if data names code that the person has not allowed.

    Args:
        value: JSON-able data from a file.
        place: The file, for the error.

    Raises:
        UntrustedCode: The data names code that is not allowed.
    """
    allowed = allowed_code()
    for path, name in code_names(value):
        if name not in allowed:
            raise UntrustedCode(
                f"'{place}' names code, {path}={name!r}, and code that a file names is not run; "
                f"if you trust it: --allow-code {name}",
                name,
            )


def load_code(name: str, what: str) -> Any:
    """Imports "package.module:name".

    Args:
        name: A name from the person, or from a table of this package. Names from files pass `refuse_code`
            first.
        what: What the code is used as ("reward", "agent"), for errors.

    Returns:
        The callable.

    Raises:
        ValueError: The name has another form, does not exist, or is not callable.
    """
    module_name, attribute = _parts(name, what)
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name + ".").startswith(error.name + "."):
            raise
        raise ValueError(f"{what} {name!r}: there is no module {error.name!r} to import") from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            hint = did_you_mean(part, (name for name in vars(found) if not name.startswith("_")))
            raise ValueError(
                f"{what} {name!r}: module {module_name!r} has no {attribute!r}{hint} "
                "the form is 'package.module:name'"
            )
        found = getattr(found, part)
    if not callable(found):
        raise ValueError(f"{what} {name!r} is {found!r}, which is not a function or class")
    return found


def _parts(name: str, what: str) -> tuple[str, str]:
    match = _CODE.fullmatch(name)
    if _is_reward_code(name):
        raise ValueError(f"{what} {name!r}: that is a reward or a metric, and nothing else")
    if match is None:
        raise ValueError(f"{what} {name!r}: the form of code is 'package.module:name'")
    if match[1] in DATA_SCHEMES:
        raise ValueError(
            f"{what} {name!r}: '{match[1]}:' is a scheme of data, tokenizers or models, not a module; "
            "give the module another name"
        )
    return match[1], match[2]
