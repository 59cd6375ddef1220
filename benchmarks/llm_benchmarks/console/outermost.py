"""The outermost place of a command: what becomes of an error (one line and an exit status).

| status | meaning |
| --- | --- |
| 0 | done |
| 1 | what was checked does not hold, or the person's own code (their reward, their agent) raised |
| 2 | bad input, or the machine refuses: a full disk, a folder that cannot be written, a missing library |
| 70 | a fault of this package |
| 130 | interrupted |
"""

from __future__ import annotations

import errno
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

NOT_SO, BAD_INPUT, FAULT = 1, 2, 70

# Typer may carry a click of its own, so the class is taken from what it raises.
_USAGE_ERROR: type[Exception] = next(
    cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "ClickException"
)

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)
_MACHINE = frozenset(
    {
        *_FULL,
        *_FORBIDDEN,
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY),
        *(errno.ENAMETOOLONG, errno.ELOOP, errno.EIO, errno.ENXIO, errno.ENODEV, errno.EBUSY),
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN),
    }
)
# Classes by module: one that is not imported yet has raised nothing.
_REFUSALS = {
    "llm_envs.assets.table": "AssetError",
    "llm_envs.data.errors": "DataError",
    "llm_envs.foreign.bounded_json": "ForeignDataError",
    "llm_envs.foreign.trust": "UntrustedCode",
    "llm_baselines.storage.sealed_folder": "AgentFolderError",
    "llm_benchmarks.records.record": "RecordError",
    "llm_benchmarks.run.suite": "SuiteError",
    "llm_benchmarks.run.training": "UnsavedError",
}
"""Errors that refuse an input by name, wherever they are raised: a data file may change while it is read."""
_FAILURES = {
    "llm_envs.rewards.context": "RewardError",
    "llm_baselines.storage.not_finite": "NotFinite",
    "llm_baselines.play.transitions": "TransitionError",
}
"""Errors of what a command was asked to do, not of this package."""
_OURS = ("llm_envs", "llm_baselines", "llm_benchmarks")
_LIBRARIES = ("stdlib", "platstdlib", "purelib", "platlib")
_LONGEST = 2000


def answer(error: BaseException, *, words: Sequence[str] = (), debug: bool = False) -> int:
    """Tells of an error on standard error, in one line.

    Args:
        error: What ended a command.
        words: The command line.
        debug: Print the traceback before the line.

    Returns:
        The exit status.
    """
    interrupted = isinstance(error, KeyboardInterrupt | typer.Abort)
    status, message = (INTERRUPTED, "interrupted") if interrupted else explain(error)
    if isinstance(error, _USAGE_ERROR):
        message += _given(message, words)
    from llm_envs.foreign import shown

    with suppress(OSError):  # standard error may be full, too: then the status alone tells
        if debug:
            traceback.print_exception(error)
        print(f"llm-envs: {shown(' '.join(message.split()), _LONGEST)}", file=sys.stderr, flush=True)
    return status


def _given(message: str, words: Sequence[str]) -> str:
    """The value of the option that a usage error names, where the error does not show it."""
    option = re.search(r"Invalid value for '(--[\w-]+)'", message)
    for place, word in enumerate(words if option else ()):
        name, separator, value = word.partition("=")
        if option and name == option[1]:
            value = value if separator else "".join(words[place + 1 : place + 2])
            return "" if value[:20] in message else f", got {value!r}"
    return ""


def explain(error: BaseException) -> tuple[int, str]:
    """The exit status of an error, and what is said of it."""
    if isinstance(error, _USAGE_ERROR):
        return BAD_INPUT, error.format_message()  # type: ignore[attr-defined]
    if isinstance(error, InputError):
        return BAD_INPUT, str(error)
    if isinstance(error, OwnCodeError):
        return NOT_SO, str(error)
    from llm_envs.checks.extras import missing

    if _is_one_of(error, _REFUSALS):
        return BAD_INPUT, str(error)
    if _is_one_of(error, _FAILURES) and not _is_fault(error.__cause__):
        return NOT_SO, str(error)
    if said := machine_fault(error):
        return BAD_INPUT, said
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] not in _OURS:
        return BAD_INPUT, str(missing(error, "benchmarks") or error)
    raised = _raised(error)
    if raised is not None and not raised.ours:
        return NOT_SO, own_code(error)
    return FAULT, (
        f"{one_line(error)}{f' at {raised.place}' if raised else ''}. This is a fault of llm-envs, not of "
        "what was asked for: --debug shows the traceback; please report that and the command to whoever you "
        "have llm-envs from"
    )


def machine_fault(error: BaseException | None) -> str:
    """What the machine refused, and the way out; empty if the error is no such refusal."""
    if isinstance(error, MemoryError):
        return f"out of memory ({error}); ask for less: shorter texts, fewer rows, a smaller model or buffer"
    if isinstance(error, OSError) and error.errno in _MACHINE:
        names = [repr(str(name)) for name in (error.filename, error.filename2) if name is not None]
        said = ": ".join([*(" to ".join(names),) * bool(names), error.strerror or str(error)])
        if error.errno in _FULL:
            return f"{said}; make room or name another disk"
        if error.errno in _FORBIDDEN:
            return f"{said}; name a folder that you may write to"
        return said
    # Libraries written in Rust and C++ tell of the system's errors in words of their own.
    text = str(error) if error is not None else ""
    if "No space left on device" in text:
        return f"{text}; make room or name another disk"
    if "Read-only file system" in text or "Permission denied (os error 13)" in text:
        return f"{text}; name a folder that you may write to"
    return ""


def own_code(error: BaseException, what: str = "your code") -> str:
    """Tells of an error that the person's own code raised: the error first, then where."""
    raised = _raised(error)
    where = f" at {raised.place}" if raised else ""
    return f"{one_line(error)} (raised by {what}{where}); --debug shows the traceback"


def one_line(error: BaseException) -> str:
    """An error's type and message."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def is_declared(error: BaseException) -> bool:
    """Whether an error is of a class that names its own fault, whoever's code was running."""
    return _is_one_of(error, _REFUSALS) or _is_one_of(error, _FAILURES)


def _is_one_of(error: BaseException, classes: Mapping[str, str]) -> bool:
    """Whether an error is of one of some classes, module -> name."""
    known = (getattr(sys.modules.get(module), name, None) for module, name in classes.items())
    return isinstance(error, tuple(cls for cls in known if cls is not None))


class _Raised(NamedTuple):
    """Where an error came from: the innermost frame that is no library's."""

    ours: bool
    place: str


def _is_fault(cause: BaseException | None) -> bool:
    """Whether what made a reward fail is our own code, and not its objection to a value."""
    raised = _raised(cause) if cause is not None and not isinstance(cause, ValueError) else None
    return raised is not None and raised.ours


def _raised(error: BaseException) -> _Raised | None:
    ours = [Path(sys.modules[name].__file__ or "").parent for name in _OURS if name in sys.modules]
    libraries = [Path(sysconfig.get_path(name)) for name in _LIBRARIES]
    found = None
    step: TracebackType | None = error.__traceback__
    while step is not None:
        path = Path(step.tb_frame.f_code.co_filename)
        ours_here = any(path.is_relative_to(folder) for folder in ours)
        # A name in brackets, such as "<frozen importlib>", is no file of anybody's.
        elsewhere = path.name.startswith("<") or any(path.is_relative_to(folder) for folder in libraries)
        if ours_here or not elsewhere:
            found = _Raised(ours_here, f"{path.parent.name}/{path.name}:{step.tb_lineno}")
        step = step.tb_next
    return found
