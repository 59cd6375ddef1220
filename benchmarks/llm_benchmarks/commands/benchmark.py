"""`llm-envs benchmark`: runs the cells of a suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from llm_benchmarks.console.input import INTERRUPTED, InputError, bad_input, usable_device, usable_folder
from llm_benchmarks.console.options import key_values
from llm_benchmarks.console.report import say, tell_problems
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.engines.choice import make_engine
from llm_benchmarks.run.engines.engine import Engine, EngineError
from llm_benchmarks.run.limits import Limits, parse_duration, parse_memory
from llm_benchmarks.run.outcome import SuiteOutcome
from llm_benchmarks.run.planning import WHOLE, parse_shard
from llm_benchmarks.run.progress import SuiteProgress
from llm_benchmarks.run.runner import run_suite
from llm_benchmarks.run.suite import Run, find_suite, load_suite


@dataclass(frozen=True)
class Manner:
    """How a suite is run, as the options of the command say it.

    Attributes:
        engine: Name of the engine.
        settings: Its options, as KEY=VALUE.
        processes: Cells at the same time; None for the engine's number.
        retries: How often a cell whose process dies runs again; None for the suite's number.
        timeout: The longest time of one cell; None for the suite's.
        memory: The most memory of one cell; None for the suite's.
        shard: The part of the suite, such as "1/4"; None for the whole.
    """

    engine: str = "process"
    settings: Sequence[str] = ()
    processes: int | None = None
    retries: int | None = None
    timeout: str | None = None
    memory: str | None = None
    shard: str | None = None


def run(name: str, store: Path, manner: Manner) -> int:
    """Runs a suite.

    Returns:
        0 if every cell completed, 1 if some failed, 130 if the suite was interrupted.

    Raises:
        InputError: The suite or an option is wrong, or the engine cannot be used.
    """
    with bad_input():
        shard = parse_shard(manner.shard) if manner.shard is not None else WHOLE
        suite = load_suite(find_suite(name))
        limits = suite.run.limits
        if manner.timeout is not None:
            limits = replace(limits, seconds=parse_duration(manner.timeout, "--cell-timeout"))
        if manner.memory is not None:
            limits = replace(limits, memory_bytes=parse_memory(manner.memory, "--cell-memory"))
        settings = key_values(manner.settings, "--engine-set")
        if manner.engine == "process":
            usable_device(suite.run.device, "[run] device")  # other engines have other machines
    usable_folder(store)
    engine = _engine(manner.engine, suite.run, limits, settings, store)
    console = Console(soft_wrap=True)
    description = f": {suite.description}" if suite.description else ""
    part = f", shard {shard.number} of {shard.count}" if shard != WHOLE else ""
    try:
        say(console, f"{suite.name}{description} ({len(suite.cells)} cells{part})")
        outcome = run_suite(
            suite,
            RecordStore(store),
            progress=SuiteProgress(console),
            processes=manner.processes,
            engine=engine,
            limits=limits,
            retries=manner.retries,
            shard=shard,
        )
    except EngineError as error:
        raise InputError(str(error)) from error
    finally:
        engine.close()
    print_outcome(console, outcome)
    say(console, f"`llm-envs leaderboard show --store {store}` shows the results")
    if outcome.interrupted:
        return INTERRUPTED
    return 1 if outcome.failed else 0


def _engine(name: str, run: Run, limits: Limits, settings: Mapping[str, Any], store: Path) -> Engine:
    """Returns the engine.

    Raises:
        InputError: There is none of the name, or it cannot be used.
    """
    with bad_input():
        try:
            return make_engine(name, run, limits, settings, store)
        except EngineError as error:
            raise InputError(str(error)) from error


def print_outcome(console: Console, outcome: SuiteOutcome) -> None:
    """Prints how many cells ended how, and on standard error which records could not be read."""
    tell_problems(outcome.unreadable)
    minutes, seconds = divmod(round(outcome.seconds), 60)
    words = [f"{len(outcome.completed)} done", f"{len(outcome.skipped)} in the store before"]
    words.append(f"{len(outcome.failed)} failed")
    if outcome.elsewhere:
        words.append(f"{len(outcome.elsewhere)} in other shards")
    end = "interrupted: " if outcome.interrupted else ""
    say(console, f"{end}{', '.join(words)}, in {minutes} min {seconds} s")
    for cell, message in outcome.failed:
        say(console, f"  failed: {cell}: {message}", "red")
