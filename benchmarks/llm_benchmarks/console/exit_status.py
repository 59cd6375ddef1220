"""The exit status of a command, and the line that it prints about an error.

| status | meaning |
| --- | --- |
| 0 | done |
| 1 | a check failed, or the person's own code (their reward, their agent) raised |
| 2 | bad input, or the machine refuses: a full disk, a folder without permission, a missing library |
| 70 | a fault of this package |
| 130 | interrupted |
"""

from __future__ import annotations

import re
import sys
import sysconfig
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import typer

from llm_benchmarks.console.input import INTERRUPTED, InputError, OwnCodeError
from llm_benchmarks.console.machine_faults import machine_fault

CHECK_FAILED, BAD_INPUT, FAULT = 1, 2, 70

# Typer may bundle its own copy of click, so the class comes from what typer raises.
_USAGE_ERROR: type[Exception] = next(
    cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "ClickException"
)

# Module -> class name: a module that is not imported yet has raised nothing.
_REFUSALS = {
    "llm_envs.assets.table": "AssetError",
    "llm_envs.data.errors": "DataError",
    "llm_envs.foreign.bounded_json": "ForeignDataError",
    "llm_envs.foreign.trust": "UntrustedCode",
    "llm_baselines.storage.sealed_folder": "AgentFolderError",
    "llm_benchmarks.records.values": "RecordError",
    "llm_benchmarks.run.cells": "SuiteError",
    "llm_benchmarks.run.training": "UnsavedError",
}
"""Errors that mean bad input wherever they are raised, since a data file may change while it is read."""
_FAILURES = {
    "llm_envs.rewards.context": "RewardError",
    "llm_baselines.storage.not_finite": "NotFinite",
    "llm_baselines.play.transitions": "TransitionError",
}
"""Errors of the reward, agent or environment that the person chose, not of this package."""
_PACKAGES = ("llm_envs", "llm_baselines", "llm_benchmarks")
_LIBRARY_FOLDERS = ("stdlib", "platstdlib", "purelib", "platlib")
_MAX_MESSAGE = 2000


def report_error(error: BaseException, *, words: Sequence[str] = (), debug: bool = False) -> int:
    """Prints an error to standard error, in one line.

    Args:
        error: The error that ended a command.
        words: The command line.
        debug: Print the traceback before the line.

    Returns:
        The exit status.
    """
    interrupted = isinstance(error, KeyboardInterrupt | typer.Abort)
    status, message = (INTERRUPTED, "interrupted") if interrupted else explain(error)
    if isinstance(error, _USAGE_ERROR):
        message += _refused_value(message, words)
    from llm_envs.foreign import shown

    with suppress(OSError):  # standard error may be full; the exit status still tells
        if debug:
            traceback.print_exception(error)
        print(f"llm-envs: {shown(' '.join(message.split()), _MAX_MESSAGE)}", file=sys.stderr, flush=True)
    return status


def _refused_value(message: str, words: Sequence[str]) -> str:
    """Returns ", got VALUE" for the option in a usage error; "" if the error shows the value already."""
    option = re.search(r"Invalid value for '(--[\w-]+)'", message)
    for place, word in enumerate(words if option else ()):
        name, separator, value = word.partition("=")
        if option and name == option[1]:
            value = value if separator else "".join(words[place + 1 : place + 2])
            return "" if value[:20] in message else f", got {value!r}"
    return ""


def explain(error: BaseException) -> tuple[int, str]:
    """Returns the exit status of an error and its message."""
    if isinstance(error, _USAGE_ERROR):
        return BAD_INPUT, error.format_message()  # type: ignore[attr-defined]
    if isinstance(error, InputError):
        return BAD_INPUT, str(error)
    if isinstance(error, OwnCodeError):
        return CHECK_FAILED, str(error)
    from llm_envs.checks.extras import missing

    if _is_one_of(error, _REFUSALS):
        return BAD_INPUT, str(error)
    if _is_one_of(error, _FAILURES) and not _is_fault(error.__cause__):
        return CHECK_FAILED, str(error)
    if fault := machine_fault(error):
        return BAD_INPUT, fault
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] not in _PACKAGES:
        return BAD_INPUT, str(missing(error, "benchmarks") or error)
    origin = _origin_of(error)
    if origin is not None and not origin.in_package:
        return CHECK_FAILED, own_code(error)
    return FAULT, (
        f"{one_line(error)}{f' at {origin.place}' if origin else ''}. This is a fault of llm-envs, not of "
        "your input. Please report it with the command; --debug shows the traceback"
    )


def own_code(error: BaseException, what: str = "your code") -> str:
    """Returns the message for an error of the person's own code: the error, then its place."""
    origin = _origin_of(error)
    where = f" at {origin.place}" if origin else ""
    return f"{one_line(error)} (raised by {what}{where}); --debug shows the traceback"


def one_line(error: BaseException) -> str:
    """Returns an error's type and message in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def is_declared(error: BaseException) -> bool:
    """True if the error's class alone decides its exit status, whoever's code raised it."""
    return _is_one_of(error, _REFUSALS) or _is_one_of(error, _FAILURES)


def _is_one_of(error: BaseException, classes: Mapping[str, str]) -> bool:
    """True if the error is of one of the classes, given as module -> name."""
    known = (getattr(sys.modules.get(module), name, None) for module, name in classes.items())
    return isinstance(error, tuple(cls for cls in known if cls is not None))


class _Origin(NamedTuple):
    """The innermost frame of a traceback that is not a library's.

    Attributes:
        in_package: True if the frame is of this package, False if it is the person's own code.
        place: "folder/file.py:line".
    """

    in_package: bool
    place: str


def _is_fault(cause: BaseException | None) -> bool:
    """True if a reward failed by a mistake in this package.

    A ValueError is the reward's objection to an input. A traceback of one frame is the call itself: the
    reward is a compiled function of the person's choice, such as "os:system".
    """
    if cause is None or isinstance(cause, ValueError):
        return False
    if cause.__traceback__ is None or cause.__traceback__.tb_next is None:
        return False
    origin = _origin_of(cause)
    return origin is not None and origin.in_package


def _origin_of(error: BaseException) -> _Origin | None:
    """Returns where an error was raised; None if only libraries were running."""
    packages = [Path(sys.modules[name].__file__ or "").parent for name in _PACKAGES if name in sys.modules]
    libraries = [Path(sysconfig.get_path(name)) for name in _LIBRARY_FOLDERS]
    origin = None
    step: TracebackType | None = error.__traceback__
    while step is not None:
        path = Path(step.tb_frame.f_code.co_filename)
        in_package = any(path.is_relative_to(folder) for folder in packages)
        # A name in angle brackets, such as "<frozen importlib>", is no file.
        in_library = path.name.startswith("<") or any(path.is_relative_to(folder) for folder in libraries)
        if in_package or not in_library:
            origin = _Origin(in_package, f"{path.parent.name}/{path.name}:{step.tb_lineno}")
        step = step.tb_next
    return origin
