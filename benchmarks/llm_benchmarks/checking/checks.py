"""Checks: named statements that are tried on an environment, an agent or a submission."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from llm_benchmarks.console.exit_status import own_code

Result = Literal["holds", "note", "fails", "does not apply"]

Subject = TypeVar("Subject")


class Broken(Exception):
    """The statement does not hold. The message says what was found."""


class Note(Exception):
    """The statement is optional and does not hold, or something else is worth knowing."""


class NotApplicable(Exception):
    """The statement says nothing about this subject. The message says why."""


@dataclass(frozen=True)
class Check(Generic[Subject]):
    """One statement about a subject.

    Attributes:
        name: Its name in reports.
        says: What must hold, in one sentence.
        remedy: What to do if it does not hold.
        run: Tries it and returns a detail worth printing, or "". It raises Broken, Note or NotApplicable.
            Any other exception counts as Broken.
        needs: Names of checks that must hold before; without them the result would mean nothing.
    """

    name: str
    says: str
    remedy: str
    run: Callable[[Subject], str]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        check: The check's name.
        says: What must hold.
        result: "holds", "note", "fails" or "does not apply". Only "fails" makes a report negative.
        detail: What was found.
        remedy: What to do; empty unless the check fails.
        seconds: How long it took.
    """

    check: str
    says: str
    result: Result
    detail: str = ""
    remedy: str = ""
    seconds: float = 0.0


def run_checks(checks: Sequence[Check[Subject]], subject: Subject) -> Iterator[Finding]:
    """Tries checks one after the other.

    Args:
        checks: The checks, in order.
        subject: What they are tried on. Its code is somebody else's: whatever it raises is a finding.

    Yields:
        A finding for each check.
    """
    not_held: set[str] = set()
    for check in checks:
        missing = [name for name in check.needs if name in not_held]
        started = time.perf_counter()
        result: Result
        if missing:
            not_held.add(check.name)
            result, detail = "does not apply", f"not tried: {missing[0]!r} comes first"
        else:
            result, detail = _tried(check, subject)
            if result == "fails":
                not_held.add(check.name)
        remedy = check.remedy if result == "fails" else ""
        yield Finding(check.name, check.says, result, detail, remedy, time.perf_counter() - started)


def _tried(check: Check[Subject], subject: Subject) -> tuple[Result, str]:
    try:
        with redirect_stdout(sys.stderr):  # what it prints must not stand in the report
            return "holds", check.run(subject)
    except NotApplicable as reason:
        return "does not apply", str(reason)
    except Note as note:
        return "note", str(note)
    except Broken as fault:
        return "fails", str(fault)
    except Exception as error:  # code of others may raise anything
        return "fails", own_code(error, "it").removesuffix("; --debug shows the traceback")
