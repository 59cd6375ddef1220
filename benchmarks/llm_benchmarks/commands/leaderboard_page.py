"""Writes the leaderboard's page and names it, for `leaderboard html` and for commands that end with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llm_benchmarks.console.report import tell_problems
from llm_benchmarks.leaderboard.html.page import write_page
from llm_benchmarks.leaderboard.html.payload import Page, collect
from llm_envs.foreign import shown

FILE = "leaderboard.html"


def write(store: Path, out: Path, **options: Any) -> Page:
    """Writes the page of a store.

    Args:
        store: Folder of the records.
        out: The page.
        **options: As of `collect`.

    Returns:
        What stands on the page.

    Raises:
        ValueError: No record belongs to the experiment, or none is of the environment.
    """
    page = collect(store, **options)
    tell_problems(page.problems)
    if not page.tables:
        which = "no records" if options.get("env") is None else f"no records of {options['env']!r}"
        raise ValueError(f"{which} in '{store}'")
    write_page(page, out)
    size = out.stat().st_size / 1e6
    print(shown(f"the leaderboard as a page ({size:.1f} MB): {out}", None))
    return page
