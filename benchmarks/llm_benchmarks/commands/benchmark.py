"""`llm-envs benchmark`: runs the cells of a suite."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from llm_benchmarks.console.input import INTERRUPTED, InputError, bad_input, usable_device, usable_folder
from llm_benchmarks.console.report import say, tell_problems
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.progress import SuiteProgress
from llm_benchmarks.run.runner import SuiteOutcome, run_suite
from llm_benchmarks.run.suite import find_suite, load_suite
from llm_envs.checks.suggestions import did_you_mean

_ENGINES = ("process", "ray", "submitit")


def run(name: str, store: Path, *, engine: str, processes: int | None) -> int:
    """Runs a suite.

    Returns:
        0 if every cell completed, 1 if some failed, 130 if the suite was interrupted.
    """
    if engine not in _ENGINES:
        raise InputError(f"unknown engine {engine!r}{did_you_mean(engine, _ENGINES)} there is 'process'")
    if engine != "process":
        raise InputError(f"engine {engine!r} comes with a later release; this one has 'process'")
    with bad_input():
        suite = load_suite(find_suite(name))
        usable_device(suite.run.device, "[run] device")
    usable_folder(store)
    console = Console(soft_wrap=True)
    description = f": {suite.description}" if suite.description else ""
    say(console, f"{suite.name}{description} ({len(suite.cells)} cells)")
    outcome = run_suite(suite, RecordStore(store), progress=SuiteProgress(console), processes=processes)
    print_outcome(console, outcome)
    say(console, f"`llm-envs leaderboard show --store {store}` shows the results")
    if outcome.interrupted:
        return INTERRUPTED
    return 1 if outcome.failed else 0


def print_outcome(console: Console, outcome: SuiteOutcome) -> None:
    """Prints how many cells ended how, and on standard error which records could not be read."""
    tell_problems(outcome.unreadable)
    minutes, seconds = divmod(round(outcome.seconds), 60)
    words = [f"{len(outcome.completed)} done", f"{len(outcome.skipped)} in the store before"]
    words.append(f"{len(outcome.failed)} failed")
    end = "interrupted: " if outcome.interrupted else ""
    say(console, f"{end}{', '.join(words)}, in {minutes} min {seconds} s")
    for cell, message in outcome.failed:
        say(console, f"  failed: {cell}: {message}", "red")
