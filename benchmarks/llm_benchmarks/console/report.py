"""Printing reports: the console, text that others wrote, numbers."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from llm_envs.foreign import shown

CELL = 80
"""Most characters of a name in a table."""


def report_console(width: int) -> Console:
    """Returns a console on standard output.

    Args:
        width: Columns of a file or a pipe, unless the variable COLUMNS sets another width.
    """
    console = Console()
    width_known = console.is_terminal or os.environ.get("COLUMNS", "").isdigit()
    return console if width_known else Console(width=width)


def plain(text: object, style: str = "", limit: int | None = CELL) -> Text:
    """Returns text for a table or a console.

    Markup and emoji codes stay as they are typed; control characters are escaped.

    Args:
        text: Any value; its string is shown.
        style: A style of rich.
        limit: Longer text is cut; None for no limit.
    """
    return Text(shown(text, limit), style=style)


def say(console: Console, line: object, style: str = "") -> None:
    """Prints one line without wrapping it; control characters are escaped."""
    console.print(plain(line, style, limit=None), soft_wrap=True)


def complain(line: object) -> None:
    """Prints one line to standard error."""
    print(shown(line, None), file=sys.stderr)


def tell_problems(problems: Mapping[str, str]) -> None:
    """Prints to standard error which records were left out, and why.

    Args:
        problems: Record id -> error, as `RecordStore.records` fills it.
    """
    for id, problem in problems.items():
        complain(f"unreadable record {id[:12]}: {shown(problem, 400)}")


def figure(value: float, digits: int = 3) -> str:
    """Returns a number with `digits` digits after the point, or with an exponent from a million on."""
    return f"{value:.{digits}f}" if abs(value) < 1e6 else f"{value:.3g}"


def signed(value: float) -> str:
    """Returns a difference as `figure` does, with its sign."""
    return f"{value:+.3f}" if abs(value) < 1e6 else f"{value:+.3g}"


def minutes(seconds: float) -> str:
    """Returns a time as minutes:seconds, or hours:minutes:seconds from an hour on."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    clock = f"{rest // 60}:{rest % 60:02d}"
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else clock
