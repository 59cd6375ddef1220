"""`llm-envs benchmark`."""

from __future__ import annotations

from typing import Annotated

import typer

from llm_benchmarks.commands.options import AllowCode, Processes, Store, code_allowed


def command(
    suite: Annotated[
        str, typer.Argument(metavar="SUITE", help="A TOML file, or a suite of this package: demo, baselines.")
    ],
    store: Store,
    engine: Annotated[
        str, typer.Option(metavar="NAME", help="process; ray and submitit come in a later release.")
    ] = "process",
    processes: Processes = None,
    allow_code: AllowCode = None,
) -> None:
    """Runs every cell of a suite that the store has no record of.

    A cell is one agent on one environment with one seed. Failed cells are recorded too.
    """
    from llm_benchmarks.commands.benchmark import run

    with code_allowed(allow_code):
        raise typer.Exit(run(suite, store, engine=engine, processes=processes))
