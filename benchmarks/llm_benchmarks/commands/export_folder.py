"""`llm-envs leaderboard export` into a folder: Every Eval Ever, and `.eval_results` of the Hub."""

from __future__ import annotations

from pathlib import Path

from llm_benchmarks.console.input import InputError, bad_input, existing_store, usable_folder
from llm_benchmarks.console.report import tell_problems
from llm_benchmarks.leaderboard.every_eval_ever import DEVELOPER, write_logs
from llm_benchmarks.leaderboard.hub_results import check_dataset, write_results
from llm_benchmarks.leaderboard.view import read_leaderboard
from llm_benchmarks.records.store import RecordStore
from llm_envs.foreign import shown


def export_folder(
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
