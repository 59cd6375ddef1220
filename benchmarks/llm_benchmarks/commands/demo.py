"""`llm-envs demo`: trains an SB3 DQN on three environments and tests whether it beats random play."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from llm_benchmarks.commands import leaderboard_page
from llm_benchmarks.commands.benchmark import print_outcome
from llm_benchmarks.console.input import INTERRUPTED, usable_folder
from llm_benchmarks.console.report import figure, plain, report_console, say, signed
from llm_benchmarks.console.termination import termination_interrupts
from llm_benchmarks.leaderboard.tables import Row, Table
from llm_benchmarks.leaderboard.view import WIDTH, show
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.progress import SuiteProgress
from llm_benchmarks.run.runner import run_suite
from llm_benchmarks.run.suite import Suite, find_suite, load_suite
from llm_envs.foreign import shown_lines

LEARNER, BEFORE = "sb3_dqn", "random"
_LONGEST = 400


@termination_interrupts()
def run(store: Path, *, suite: str = "demo", processes: int | None = None) -> int:
    """Runs the demo.

    Args:
        store: The records are written here. Cells with a record do not run again.
        suite: The suite, with the same agents as "demo".
        processes: Number of cells that run at once; the suite's number by default.

    Returns:
        0 if the learner beats random play on every environment, 1 if not, 130 if it was interrupted.
    """
    usable_folder(store)
    loaded = load_suite(find_suite(suite))
    console = report_console(WIDTH)
    console.print(plain(_introduction(loaded), limit=None))
    outcome = run_suite(loaded, RecordStore(store), progress=SuiteProgress(console), processes=processes)
    print_outcome(console, outcome)
    if outcome.interrupted:
        say(console, "the same command goes on with what is left")
        return INTERRUPTED
    console.print()
    board = show(store, console=console)
    records = RecordStore(store)
    verdicts = [verdict(env, board.tables) for env in loaded.env_ids]
    for env, _ in zip(loaded.env_ids, verdicts, strict=True):
        _print_sample(console, env, board.tables, records)
    console.print(Text(f"Does {LEARNER} beat random play on the test split?", style="bold"))
    for line, beats in verdicts:
        console.print(plain(f"  {line}", "green" if beats else "red", limit=None))
    console.print()
    console.print(plain(f"The records stand in {store}: texts, seeds, versions, costs.", limit=None))
    leaderboard_page.write(store, store / leaderboard_page.FILE)
    return 0 if all(beats for _, beats in verdicts) else 1


def _introduction(suite: Suite) -> str:
    envs = ", ".join(suite.env_ids)
    return (
        f"Trains Stable-Baselines3's DQN on {envs}, one action being one token, then plays every agent on "
        f"texts it has not seen. {len(suite.cells)} runs, {suite.run.processes} at a time; nothing is "
        "downloaded."
    )


def verdict(env: str, tables: Sequence[Table]) -> tuple[str, bool]:
    """Returns whether the learner beats random play on an environment, and a line with the evidence.

    Args:
        env: Environment id.
        tables: The tables of the leaderboard.

    Returns:
        The line, and True if the interval of the difference lies above zero.
    """
    learner, random = _find(env, LEARNER, tables), _find(env, BEFORE, tables)
    if learner is None or random is None or learner.score is None or random.score is None:
        return f"{env}: unknown, because a completed run is missing", False
    difference = learner.difference_to_random
    interval = "" if difference is None else f", difference {signed(difference.estimate)}"
    if difference is not None and difference.low is not None and difference.high is not None:
        interval += f" [{signed(difference.low)}, {signed(difference.high)}] {learner.beats_random_by}"
    line = f"{env}: {learner.beats_random}, {figure(learner.score)} against {figure(random.score)}{interval}"
    if learner.not_above_constant:
        line += "; not above the best constant text"
    return line, learner.beats_random == "yes"


def _find(env: str, agent: str, tables: Sequence[Table]) -> Row | None:
    """Returns the best row of an agent on an environment."""
    rows = [row for table in tables if table.env == env for row in table.rows if row.agent == agent]
    return rows[0] if rows else None


def _print_sample(console: Console, env: str, tables: Sequence[Table], records: RecordStore) -> None:
    """Prints the learner's median text, with the random and the reference text of the same source."""
    played = {name: _rows(_find(env, name, tables), records) for name in (BEFORE, LEARNER, "reference")}
    after = played[LEARNER]
    if not after:
        return
    ranked = sorted(after.values(), key=lambda row: (row["reward"], row["index"]))
    chosen = ranked[len(ranked) // 2]
    console.print(plain(f"{env}, example {chosen['example']} (the trained agent's median)", "bold"))
    console.print(Padding(Text(f"source: {_cut(chosen['source'])}"), (0, 0, 0, 2)))
    names = {BEFORE: "before (random)", LEARNER: f"after ({LEARNER})", "reference": "reference"}
    for name, title in names.items():
        row = played[name].get(chosen["example"])
        if row is not None:
            console.print(Padding(Text(f"{title}, {figure(row['reward'])}:", style="cyan"), (0, 0, 0, 2)))
            console.print(Padding(Text(_cut(row["text"]) or "(nothing)"), (0, 0, 0, 4)))
    console.print()


def _cut(text: str) -> str:
    """Returns the beginning of a text, with its line breaks."""
    return shown_lines(text if len(text) <= _LONGEST else text[:_LONGEST] + " ...")


def _rows(row: Row | None, records: RecordStore) -> Mapping[int, dict[str, Any]]:
    """Returns example -> episode of an agent's first run."""
    if row is None or not row.records:
        return {}
    return {episode["example"]: episode for episode in records.read(row.records[0]).episodes()}
