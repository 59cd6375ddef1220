"""`llm-envs leaderboard`: what every agent and every reward achieved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llm_benchmarks.console.input import bad_input, creatable, existing_store

leaderboard = typer.Typer(help="What every agent and every reward achieved.")

Store = Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of records.")]
OneEnv = Annotated[str | None, typer.Option("--env", metavar="ID", help="Only this environment.")]
Experiment = Annotated[
    str | None, typer.Option("--experiment", metavar="NAME", help="Only its runs, beside the anchors.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


@leaderboard.command("show")
def show(store: Store, env: OneEnv = None, experiment: Experiment = None, json: Json = False) -> None:
    """Prints a table for each environment."""
    from llm_benchmarks.leaderboard.view import show as show_tables

    with bad_input():
        board = show_tables(existing_store(store), env=env, experiment=experiment, json=json)
    raise typer.Exit(1 if board.problems else 0)


@leaderboard.command("compare")
def compare(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="The agent whose rows are compared.")],
    store: Store,
    env: OneEnv = None,
    experiment: Experiment = None,
    json: Json = False,
) -> None:
    """Prints an agent's differences to the others of its tables, paired by seed where they share them."""
    from llm_benchmarks.leaderboard.compare import show_comparison

    with bad_input():
        status = show_comparison(existing_store(store), agent, env, json, experiment)
    raise typer.Exit(status)


@leaderboard.command("samples")
def samples(
    store: Store,
    env: Annotated[str, typer.Option("--env", metavar="ID", help="Environment id.")],
    agent: Annotated[str | None, typer.Option(metavar="NAME", help="Only this agent's rows.")] = None,
    n: Annotated[int, typer.Option("--n", min=1, help="Texts of each row.")] = 3,
    experiment: Experiment = None,
    json: Json = False,
) -> None:
    """Prints texts of every row: source, text, reward; of all rows the same examples."""
    from llm_benchmarks.leaderboard.samples import show_samples

    with bad_input():
        status = show_samples(existing_store(store), env, agent, n, json_output=json, experiment=experiment)
    raise typer.Exit(status)


@leaderboard.command("curves")
def curves(
    store: Store,
    env: Annotated[str, typer.Option("--env", metavar="ID", help="Environment id.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="A picture: .svg, .png or .pdf.")],
    experiment: Experiment = None,
) -> None:
    """Draws validation scores of every agent by steps and by wall clock, a panel for each reward."""
    from llm_benchmarks.console.report import tell_problems
    from llm_benchmarks.leaderboard.curves import plot_curves
    from llm_benchmarks.records.store import RecordStore

    problems: dict[str, str] = {}
    try:
        with bad_input():
            creatable(out, "--out")
            plot_curves(RecordStore(existing_store(store)), env, out, problems, experiment)
    finally:
        tell_problems(problems)
    from llm_envs.foreign import shown

    print(shown(f"written to '{out}'", None))
    raise typer.Exit(1 if problems else 0)
