"""The console script `llm-envs`, `python -m llm_envs` and `python -m llm_benchmarks`.

It starts with the standard library alone, so that it can name an extra that is not installed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from llm_benchmarks.console.streams import finish_output, prepare_streams


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line.

    Args:
        arguments: The words after the program's name; those of the process if omitted.

    Returns:
        The exit status of `commands.app.main`, or 2 if a library of an extra is missing.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        from llm_envs import __version__

        print(f"llm-envs {__version__}")
        return 0
    try:
        from llm_benchmarks.commands.app import main as run

        return run(words)
    except ModuleNotFoundError as error:
        from llm_envs.checks.extras import missing

        message = missing(error, "benchmarks")
        if message is None:
            raise
        print(f"llm-envs: {message}", file=sys.stderr)
        return 2


def app() -> None:
    """Runs the console script: prepares the streams, handles signals, exits with one status."""
    prepare_streams()
    try:
        from llm_benchmarks.console.input import INTERRUPTED
        from llm_benchmarks.console.termination import run_to_exit_status
    except ImportError:  # an extra is missing: `main` names it
        status = main()
    else:
        status = run_to_exit_status(main, INTERRUPTED)
    failure = finish_output()
    if failure and status == 0:
        sys.stderr.write(f"llm-envs: {failure}\n")
        status = 2
    sys.exit(status)


if __name__ == "__main__":
    app()
