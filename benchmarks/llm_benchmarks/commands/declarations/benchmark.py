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
        str,
        typer.Option(
            metavar="NAME", help="Where cells run: process (this machine), ray, or submitit (jobs of SLURM)."
        ),
    ] = "process",
    engine_set: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Set an option of ray or submitit; repeatable."),
    ] = None,
    processes: Processes = None,
    retries: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0, help="How often a cell whose process dies runs again; 1 by default."
        ),
    ] = None,
    cell_timeout: Annotated[
        str | None, typer.Option(metavar="TIME", help="Longest time of one cell: 90s, 45m, 2h.")
    ] = None,
    cell_memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Most memory of one cell: 500MB, 4GB.")
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Run only part I of N; 1/N to N/N are the whole suite.")
    ] = None,
    allow_code: AllowCode = None,
) -> None:
    """Runs every cell of a suite that the store has no record of.

    A cell is one agent on one environment with one seed. Failed cells are recorded too.
    """
    from llm_benchmarks.commands.benchmark import Manner, run

    manner = Manner(
        engine=engine,
        settings=engine_set or (),
        processes=processes,
        retries=retries,
        timeout=cell_timeout,
        memory=cell_memory,
        shard=shard,
    )
    with code_allowed(allow_code):
        raise typer.Exit(run(suite, store, manner))
