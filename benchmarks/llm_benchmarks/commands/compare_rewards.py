"""`llm-envs rewards compare`: trains an agent on each of several rewards, and scores every text by all."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from llm_benchmarks.commands.benchmark import print_outcome
from llm_benchmarks.console.fitting_table import Column as TableColumn
from llm_benchmarks.console.fitting_table import Row, print_table
from llm_benchmarks.console.input import INTERRUPTED, InputError, bad_input, usable_device, usable_folder
from llm_benchmarks.console.progress_display import ProgressDisplay
from llm_benchmarks.console.report import figure, plain, report_console, say, signed
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.rewards.comparison.files import write
from llm_benchmarks.rewards.comparison.found import Found
from llm_benchmarks.rewards.comparison.measured import columns_of, measure
from llm_benchmarks.rewards.comparison.plan import Plan, held_out, make_suite, task_of
from llm_benchmarks.run.cells import check_names
from llm_benchmarks.run.progress import SuiteProgress
from llm_benchmarks.run.resolve import resolve
from llm_benchmarks.run.runner import run_suite
from llm_benchmarks.run.token_environments import check_token_environments
from llm_envs.foreign import allowing_code

_WIDTH = 120


def run(plan: Plan, out: Path, store: Path, *, processes: int, json_output: bool) -> int:
    """Runs a comparison.

    Args:
        plan: What is compared.
        out: Folder of the page and the data.
        store: Folder of the records; trainings that it has are not repeated.
        processes: Trainings at a time.
        json_output: Print JSON.

    Returns:
        0, 1 if a training failed, 130 if the comparison was interrupted.

    Raises:
        InputError: A design, the environment or the agent cannot be used.
    """
    with bad_input():
        check_names([plan.env], [plan.agent], "compare")
        check_token_environments([plan.env], "compare")
        usable_device(plan.device)
        task = task_of(plan)
        suite, held = make_suite(plan, task), held_out(plan, task)
        for cell in suite.cells[: len(plan.designs)]:  # a design that cannot be trained on, before any work
            with allowing_code(cell.own_code()):
                if resolve(cell).spec.training is None:
                    raise ValueError(f"agent {plan.agent!r} does not train, so no reward changes it")
    usable_folder(out, "--out")
    usable_folder(store)
    console = Console(soft_wrap=True, stderr=json_output)
    say(
        console,
        f"{plan.name}: {len(plan.designs)} designs, {len(plan.seeds)} seeds ({len(suite.cells)} trainings)",
    )
    outcome = run_suite(suite, RecordStore(store), progress=SuiteProgress(console), processes=processes)
    print_outcome(console, outcome)
    with ProgressDisplay(Console(stderr=True)) as display:
        display.add("runs", "scoring", detail="", total=len(suite.cells))

        def progress(done: int, total: int) -> None:
            display.update(
                "runs", prefix="scoring: ", detail=f"{done} of {total} trainings", done=done, total=total
            )

        with bad_input():
            runs = measure(plan, suite, held, RecordStore(store), progress)
    if not runs:
        if outcome.interrupted:
            return INTERRUPTED
        raise InputError(
            f"no training of the comparison completed; `llm-envs leaderboard show --store {store}` says why"
        )
    found = Found.of(plan, columns_of(plan, held), runs, _command())
    files = write(found, out)
    if json_output:
        print(json.dumps({**found.to_dict(), "files": [str(file) for file in files]}, allow_nan=False))
    else:
        _print(found, files)
    if outcome.interrupted:
        return INTERRUPTED
    return 1 if outcome.failed else 0


def _command() -> str:
    """Returns the command line, as a person would type it."""
    return shlex.join(["llm-envs", *sys.argv[1:]])


def _print(found: Found, files: Sequence[Path]) -> None:
    """Prints the matrix, a line for each design, and the files with everything."""
    console = report_console(_WIDTH)
    columns = [TableColumn("trained on"), *(TableColumn(c.name, right=True) for c in found.columns)]
    rows = []
    for name, entries in found.table.items():
        below = []
        for column in found.columns:
            difference = entries[column.name].difference
            if difference is not None and difference.low is not None and difference.high is not None:
                below.append(
                    f"{column.name} {signed(difference.estimate)} [{signed(difference.low)}, "
                    f"{signed(difference.high)}]"
                )
        values = [Text(figure(entries[column.name].interval.estimate)) for column in found.columns]
        text = f"against {found.designs[0]}: {', '.join(below)}" if below else ""
        rows.append(Row([plain(name), *values], below=plain(text, limit=None)))
    print_table(console, columns, rows, all_in="--json has all")
    for name, lines in found.readings().items():
        for line in lines:
            say(console, f"{name}: {line}")
    page, *data = map(str, files)
    say(console, f"wrote {page}: open it in a browser; the same as data: {', '.join(data)}")
