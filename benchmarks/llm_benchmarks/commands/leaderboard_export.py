"""`llm-envs leaderboard export`: the tables of a store for other programs, as a file or a folder of files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llm_benchmarks.commands.options import Experiment, OneEnv, Score, Store
from llm_benchmarks.console.input import InputError, bad_input, creatable, existing_store, usable_folder


def export(
    store: Store,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The file: .json, .csv, .md, .tex or .yaml; or a folder.")
    ],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="baselines, json, csv, markdown, latex, model-index, every-eval-ever or eval-results.",
        ),
    ] = None,
    env: OneEnv = None,
    experiment: Experiment = None,
    score: Score = None,
    developer: Annotated[
        str | None,
        typer.Option(
            "--developer", metavar="NAME", help="every-eval-ever: who made the agents; llm-envs by default."
        ),
    ] = None,
    hub_dataset: Annotated[
        str | None,
        typer.Option("--hub-dataset", metavar="OWNER/NAME", help="eval-results: the benchmark on the Hub."),
    ] = None,
) -> None:
    """Writes the tables of a store for other programs; as .json in the short form that `baselines` reads."""
    from llm_benchmarks.console.report import tell_problems
    from llm_benchmarks.leaderboard.export import FOLDERS, exported
    from llm_benchmarks.leaderboard.view import read_leaderboard
    from llm_envs.foreign import shown

    if developer is not None and form != "every-eval-ever":
        raise InputError("--developer is for --format every-eval-ever")
    if hub_dataset is not None and form != "eval-results":
        raise InputError("--hub-dataset is for --format eval-results")
    if form in FOLDERS:
        names = {"developer": developer, "hub_dataset": hub_dataset}
        raise typer.Exit(_export_folder(store, out, form, env, experiment, score, **names))
    with bad_input():
        write = exported(out, form)
        creatable(out, "--out")
        board = read_leaderboard(existing_store(store), env, experiment, score)
        out.write_text(write(board), encoding="utf-8")
    tell_problems(board.problems)
    print(shown(f"written to '{out}'", None))
    raise typer.Exit(1 if board.problems else 0)


def add_to(leaderboard: typer.Typer) -> None:
    """Adds the command."""
    leaderboard.command("export")(export)


def _export_folder(
    store: Path,
    out: Path,
    form: str,
    env: str | None,
    experiment: str | None,
    score: str | None,
    *,
    developer: str | None,
    hub_dataset: str | None,
) -> int:
    """Writes the files of a leaderboard into a folder.

    Args:
        store: Folder of the records.
        out: The folder.
        form: "every-eval-ever" or "eval-results".
        env: Only this environment id.
        experiment: Only the runs of this experiment, and the anchors of their tables.
        score: Must be None: these formats are about what the records say themselves.
        developer: Who made the agents.
        hub_dataset: The benchmark on the Hub.

    Returns:
        0, or 1 if records could not be read.

    Raises:
        InputError: An option is missing or does not fit, or the folder cannot be written.
    """
    if score is not None:
        raise InputError(f"--format {form} has the scores of the records themselves: leave --score out")
    from llm_benchmarks.console.report import tell_problems
    from llm_benchmarks.leaderboard.every_eval_ever import DEVELOPER, write_logs
    from llm_benchmarks.leaderboard.hub_results import check_dataset, write_results
    from llm_benchmarks.leaderboard.view import read_leaderboard
    from llm_benchmarks.records.store import RecordStore
    from llm_envs.foreign import shown

    with bad_input():
        dataset = check_dataset(hub_dataset) if form == "eval-results" else ""
        records = RecordStore(existing_store(store))
        usable_folder(out, "--out")
        board = read_leaderboard(records, env, experiment)
        if form == "eval-results":
            written = write_results(board.tables, records, out, dataset)
        else:
            written = write_logs(board.tables, records, out, developer or DEVELOPER)
    tell_problems(board.problems)
    print(shown(f"{len(written)} files written to '{out}'", None))
    return 1 if board.problems else 0
