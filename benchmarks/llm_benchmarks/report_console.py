"""Where reports are printed."""

from __future__ import annotations

from rich.console import Console


def report_console(width: int) -> Console:
    """Standard output; `width` columns wide where it is no terminal, as in a file or a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=width)
