"""`llm-envs leaderboard`: the scores of every agent and every reward."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llm_benchmarks.commands.options import Json, Store
from llm_benchmarks.console.input import bad_input, creatable, existing_store

leaderboard = typer.Typer(help="Shows the scores of every agent and every reward.")

OneEnv = Annotated[str | None, typer.Option("--env", metavar="ID", help="Only this environment.")]
Experiment = Annotated[
    str | None, typer.Option("--experiment", metavar="NAME", help="Only its runs, and the anchors.")
]


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
    """Compares an agent with the others of its tables, paired by seed where they share seeds."""
    from llm_benchmarks.leaderboard.compare import show_comparison

    with bad_input():
        status = show_comparison(existing_store(store), agent, env, json, experiment)
    raise typer.Exit(status)


@leaderboard.command("across")
def across(store: Store, experiment: Experiment = None, json: Json = False) -> None:
    """Prints statistics over the environments that trained agents have in common, such as the IQM."""
    from llm_benchmarks.leaderboard.across_view import show_across

    with bad_input():
        status = show_across(existing_store(store), json_output=json, experiment=experiment)
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
    """Prints texts of every row: source, text and reward, on the same examples."""
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
    """Draws validation scores of every agent by steps and by wall clock, with a panel for each reward."""
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


@leaderboard.command("html")
def html(
    store: Store,
    out: Annotated[Path, typer.Option(metavar="FILE.html", help="The page.")],
    env: OneEnv = None,
    experiment: Experiment = None,
    samples: Annotated[int, typer.Option("--samples", metavar="N", min=0, help="Texts of each row.")] = 24,
    token_rewards: Annotated[
        bool,
        typer.Option(
            "--token-rewards/--no-token-rewards",
            help="Play the texts again for the reward of each token; about a minute for 2,000 texts.",
        ),
    ] = True,
) -> None:
    """Writes the leaderboard as one page: tables, curves, costs, and texts side by side.

    The page is a single file. It opens from disk and loads nothing.
    """
    from llm_benchmarks.commands.leaderboard_page import write

    with bad_input():
        creatable(out, "--out")
        page = write(
            existing_store(store),
            out,
            env=env,
            experiment=experiment,
            n_samples=samples,
            token_rewards=token_rewards,
        )
    raise typer.Exit(1 if page.problems else 0)


@leaderboard.command("merge")
def merge(
    sources: Annotated[list[Path], typer.Argument(metavar="SOURCE...", help="Stores to copy from.")],
    store: Annotated[Path, typer.Option(metavar="FOLDER", help="Store that the copies go to.")],
    experiment: Annotated[
        str,
        typer.Option("--experiment", metavar="NAME", help="Experiment of copies whose record names none."),
    ] = "",
) -> None:
    """Copies the records of other stores, also of earlier releases; known records are left out."""
    from llm_benchmarks.console.report import tell_problems
    from llm_benchmarks.records.merging import merge as merge_stores
    from llm_benchmarks.records.store import RecordStore
    from llm_envs.foreign import shown

    with bad_input():
        creatable(store, "--store")
        merged = merge_stores(
            [RecordStore(existing_store(source)) for source in sources], RecordStore(store), experiment
        )
    tell_problems(merged.problems)
    print(shown(f"{len(merged.copied)} copied to '{store}', {len(merged.present)} there before", None))
    raise typer.Exit(1 if merged.problems else 0)


@leaderboard.command("export")
def export(
    store: Store,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The JSON file.")],
) -> None:
    """Writes the scores of a store as a short JSON file, as `baselines` reads it."""
    from llm_benchmarks.console.report import tell_problems
    from llm_benchmarks.leaderboard.baselines import to_json, trimmed
    from llm_benchmarks.leaderboard.view import read_leaderboard
    from llm_envs.foreign import shown

    with bad_input():
        creatable(out, "--out")
        board = read_leaderboard(existing_store(store))
        out.write_text(to_json(trimmed(board.tables)), encoding="utf-8")
    tell_problems(board.problems)
    print(shown(f"written to '{out}'", None))
    raise typer.Exit(1 if board.problems else 0)


@leaderboard.command("baselines")
def baselines(env: OneEnv = None, json: Json = False) -> None:
    """Prints the scores that come with the package; they need no store."""
    from llm_benchmarks.console.report import report_console
    from llm_benchmarks.leaderboard.baselines import show_baselines

    with bad_input():
        show_baselines(report_console(100), env, json)
