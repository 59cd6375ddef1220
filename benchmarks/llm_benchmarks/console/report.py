"""Where reports are printed, and how what others wrote gets into them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from llm_envs.foreign import shown

CELL = 80
"""Characters of a name in a table."""


def report_console(width: int) -> Console:
    """Standard output; `width` columns wide in a file or a pipe, unless COLUMNS says another width."""
    console = Console()
    told = console.is_terminal or os.environ.get("COLUMNS", "").isdigit()
    return console if told else Console(width=width)


def plain(text: object, style: str = "", limit: int | None = CELL) -> Text:
    """Text for a table or a console: no markup, no emoji codes, no control characters, cut where long."""
    return Text(shown(text, limit), style=style)


def say(console: Console, line: object, style: str = "") -> None:
    """Prints one line, however long, as it is but for control characters."""
    console.print(plain(line, style, limit=None), soft_wrap=True)


def complain(line: object) -> None:
    """Prints one line to standard error."""
    print(shown(line, None), file=sys.stderr)


def tell_problems(problems: Mapping[str, str]) -> None:
    """Says on standard error which records were left out, and why.

    Args:
        problems: Id -> what is wrong, as `RecordStore.records` fills it.
    """
    for id, problem in problems.items():
        complain(f"unreadable record {id[:12]}: {shown(problem, 400)}")


def figure(value: float, digits: int = 3) -> str:
    """A number with so many digits after the point, or in powers of ten where that would be long."""
    return f"{value:.{digits}f}" if abs(value) < 1e6 else f"{value:.3g}"


def signed(value: float) -> str:
    """A difference, as `figure` with its sign."""
    return f"{value:+.3f}" if abs(value) < 1e6 else f"{value:+.3g}"
