"""The command line: `llm-envs`.

Every error is one line on standard error. The exit statuses are listed in console/exit_status.py. --debug,
before or after the subcommand, prints the traceback first.

To add a subcommand, write `declarations/NAME.py` with a function `command` and add its name to SUBCOMMANDS.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from llm_benchmarks.commands.leaderboard import leaderboard
from llm_benchmarks.commands.rewards import rewards
from llm_benchmarks.console.exit_status import report_error
from llm_benchmarks.console.input import InputError, add_working_directory, words_and_toml_texts
from llm_benchmarks.console.warning_lines import warnings_in_one_line

SUBCOMMANDS = (
    "list",
    "fetch",
    "play",
    "demo",
    "llm-demo",
    "train",
    "evaluate",
    "export",
    "benchmark",
    "throughput",
    "check",
    "degenerate",
    "rate",
    "pages",
    "doctor",
)
"""Names of the files in declarations/, with "-" for "_", in the order of the help."""

commands = typer.Typer(
    name="llm-envs",
    help="Gymnasium environments for language models: one action is one token.",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich tables cut option names on narrow terminals
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name in SUBCOMMANDS:
    _declaration = import_module(f"llm_benchmarks.commands.declarations.{_name.replace('-', '_')}")
    commands.command(_name)(_declaration.command)
commands.add_typer(leaderboard, name="leaderboard")
commands.add_typer(rewards, name="rewards")


@commands.callback()
def options(
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Print the traceback of an error; may also follow the subcommand."),
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Declares the options that precede every subcommand.

    `main` handles --debug, since it may stand anywhere; __main__.py handles --version.
    """


@warnings_in_one_line()
def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line and turns every error into one line and an exit status.

    Args:
        arguments: The words after the program's name; those of the process if omitted.

    Returns:
        The exit status: 0, 1, 2, 70 or 130; see console/exit_status.py.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    words, debug = _without_debug(words)
    try:
        add_working_directory(words_and_toml_texts(words))
        done = commands(args=words or ["--help"], prog_name="llm-envs", standalone_mode=False)
        return done if isinstance(done, int) else 0
    except GeneratorExit:
        raise
    except SystemExit as error:
        if "_LLM_ENVS_COMPLETE" in os.environ or words[:1] in (
            ["--install-completion"],
            ["--show-completion"],
        ):
            raise  # typer ends completion so
        # Nothing of ours raises it, and a status of 0 would say that all went well.
        ended = InputError(f"code that this command ran called sys.exit({error.code!r})")
        return report_error(ended, words=words, debug=debug)
    except BaseException as error:  # libraries in Rust raise panics that are not Exceptions
        return report_error(error, words=words, debug=debug)


def _without_debug(words: list[str]) -> tuple[list[str], bool]:
    """Returns the words without --debug, and whether it was there; words after "--" stay."""
    end = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word != "--debug"]
    return kept + words[end:], len(kept) < end
