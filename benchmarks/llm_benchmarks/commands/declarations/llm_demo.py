"""`llm-envs llm-demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llm_benchmarks.commands.options import Store, SuiteThreads
from llm_benchmarks.console.input import bad_input


def command(
    store: Store = Path("llm-demo-store"),
    suite: Annotated[
        str,
        typer.Option(
            metavar="SUITE", help="The suite to run: llm_demo, llm_demo_seeds or a TOML file like them."
        ),
    ] = "llm_demo",
    threads: SuiteThreads = None,
) -> None:
    """Trains SmolLM2-135M to write positive sentences.

    Run `llm-envs fetch smollm2-135m` first.
    """
    from llm_benchmarks.commands.llm_demo import run

    with bad_input():
        raise typer.Exit(run(store, suite=suite, threads=threads))
