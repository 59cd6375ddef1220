"""`llm-envs pages`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llm_benchmarks.console.input import bad_input, existing_store, usable_folder


def command(
    env: Annotated[
        list[str] | None, typer.Argument(metavar="ID...", help="Environment ids; all by default.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of the pages.")] = Path("docs/envs"),
    store: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Records whose scores the pages show.")
    ] = None,
    search_tokens: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="Tokens that the search for the best constant text may try."),
    ] = 1_000_000,
) -> None:
    """Writes the reference page of each environment from its code, and with all ids their index."""
    with bad_input():
        from llm_benchmarks.run.cells import check_names, check_ours

        check_names(env or [], [], "pages")
        check_ours(env or [], "pages")
        if store is not None:
            existing_store(store)
        usable_folder(out, "--out")
        from llm_benchmarks.commands.pages import write
        from llm_benchmarks.console.report import tell_problems
    from llm_envs.foreign import shown

    problems: dict[str, str] = {}
    for path in write(out, env or [], store=store, search_tokens=search_tokens, problems=problems):
        print(shown(path, None))
    tell_problems(problems)
    raise typer.Exit(1 if problems else 0)
