"""`llm-envs degenerate`."""

from __future__ import annotations

from typing import Annotated

import typer

from llm_benchmarks.commands.options import Json
from llm_benchmarks.console.input import bad_input


def command(
    env: Annotated[list[str], typer.Argument(metavar="ID...", help="Environment ids.")],
    json: Json = False,
) -> None:
    """Checks that texts without skill earn little reward.

    The texts are empty, copied, repeated or random. None may earn more than 20 % of the references' reward.
    """
    with bad_input():
        from llm_benchmarks.run.cells import check_names, check_ours

        check_names(env, [], "degenerate")
        check_ours(env, "degenerate")
        from llm_benchmarks.rewards.degenerate import run
    raise typer.Exit(run(env, json_output=json))
