"""Warnings on standard error: one line each, without control characters."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_PACKAGES = ("llm_envs", "llm_baselines", "llm_benchmarks")


@contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Prints warnings in one line each while the block runs.

    A warning of this project names its subject, such as a data file. Its line therefore leaves out the
    source file, which on the command line is a library's.
    """
    before, warnings.formatwarning = warnings.formatwarning, _one_line
    try:
        yield
    finally:
        warnings.formatwarning = before


def _one_line(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    from llm_envs.foreign import shown

    own = category.__module__.partition(".")[0] in _PACKAGES
    place = "" if own else f"{filename}:{lineno}: "
    return shown(f"{place}{category.__name__}: {message}", None) + "\n"
