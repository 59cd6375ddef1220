"""The console script `llm-envs`, `python -m llm_envs` and `python -m llm_benchmarks`.

It begins with the standard library alone: where an extra is not installed, it names it in a line.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line.

    Args:
        arguments: Without the program's name; the process's own if omitted.

    Returns:
        The exit status: that of `llm_benchmarks.cli.main`, or 2 where a library of an extra is missing.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        from llm_envs import __version__

        print(f"llm-envs {__version__}")
        return 0
    try:
        from llm_benchmarks.cli import main as run

        return run(words)
    except ModuleNotFoundError as error:
        from llm_envs.extras import missing

        told = missing(error, "benchmarks")
        if told is None:
            raise
        print(f"llm-envs: {told}", file=sys.stderr)
        return 2


def app() -> None:
    """The console script."""
    sys.exit(main())


if __name__ == "__main__":
    app()
