"""`llm-envs demo`: SB3's DQN and TokenDQN on the same tasks, proved by replay, as one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from llm_benchmarks.commands import leaderboard_page, verify
from llm_benchmarks.commands.benchmark import print_outcome
from llm_benchmarks.console.input import INTERRUPTED, usable_folder
from llm_benchmarks.console.report import figure, plain, report_console, say, signed
from llm_benchmarks.console.termination import termination_interrupts
from llm_benchmarks.leaderboard.scores import Scores, difference
from llm_benchmarks.leaderboard.tables import Row, Table
from llm_benchmarks.leaderboard.view import WIDTH, show
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.progress import SuiteProgress
from llm_benchmarks.run.runner import run_suite
from llm_benchmarks.run.suite import Suite, find_suite, load_suite
from llm_benchmarks.verification.ladder import Ladder
from llm_envs.foreign import shown_lines

LEARNER, BASELINE, BEFORE = "token_dqn", "sb3_dqn", "random"
_LONGEST = 400


@termination_interrupts()
def run(store: Path, *, suite: str = "demo", processes: int | None = None) -> int:
    """Runs the demo.

    Args:
        store: The records are written here. Cells with a record do not run again.
        suite: The suite, with the same agents as "demo".
        processes: Number of cells that run at once; the suite's number by default.

    Returns:
        0 if TokenDQN is above SB3's DQN on every environment and all records are proved, 1 if not, 130 if
        it was interrupted.
    """
    usable_folder(store)
    loaded = load_suite(find_suite(suite))
    console = report_console(WIDTH)
    console.print(plain(_introduction(loaded), limit=None))
    records = RecordStore(store)
    outcome = run_suite(loaded, records, progress=SuiteProgress(console), processes=processes)
    print_outcome(console, outcome)
    if outcome.interrupted:
        say(console, "the same command goes on with what is left")
        return INTERRUPTED
    say(console, "The records are played again, token by token:")
    proved = verify.run(Ladder(), store) == 0
    console.print()
    board = show(store, console=console)
    for env in loaded.env_ids:
        _print_sample(console, env, board.tables, records)
    console.print(Text(f"Is {LEARNER} above {BASELINE} on the test split?", style="bold"))
    verdicts = [verdict(env, board.tables, records) for env in loaded.env_ids]
    for line, above in verdicts:
        console.print(plain(f"  {line}", "green" if above else "red", limit=None))
    console.print()
    console.print(plain(f"The records stand in {store}: texts, seeds, versions, costs.", limit=None))
    leaderboard_page.write(store, store / leaderboard_page.FILE)
    return 0 if proved and all(above for _, above in verdicts) else 1


def _introduction(suite: Suite) -> str:
    envs = " and ".join(suite.env_ids)
    return (
        f"Trains Stable-Baselines3's DQN and TokenDQN on {envs}, one action being one token, and plays every "
        f"agent on texts it has not seen. {len(suite.cells)} runs, {suite.run.processes} at a time; nothing "
        "is downloaded."
    )


def verdict(env: str, tables: Sequence[Table], records: RecordStore) -> tuple[str, bool]:
    """Returns whether TokenDQN is above SB3's DQN on an environment, and a line with the evidence.

    Args:
        env: Environment id.
        tables: The tables of the leaderboard.
        records: The store of their records.

    Returns:
        The line, and True if the interval of the difference lies above zero.
    """
    rows = [_find(env, agent, tables) for agent in (LEARNER, BASELINE)]
    learner, baseline = (_scores(row, records) for row in rows)
    if learner is None or baseline is None:
        return f"{env}: unknown, because a completed run is missing", False
    gap, judged = difference(learner, baseline)
    interval = ""
    if gap.low is not None and gap.high is not None:
        interval = f" [{signed(gap.low)}, {signed(gap.high)}] {judged}"
    side = gap.side_of(0.0)
    answer = {"above": "yes", "below": "no"}.get(side, "unclear")
    scores = f"{figure(learner.mean)} against {figure(baseline.mean)}"
    line = f"{env}: {answer}, {scores}, difference {signed(gap.estimate)}{interval}"
    for row in rows:
        if row is not None and row.not_above_constant:
            line += f"; {row.agent} is not above the best constant text"
    return line, side == "above"


def _scores(row: Row | None, records: RecordStore) -> Scores | None:
    """Returns the scores of a row; None if it has none."""
    if row is None or not row.records or row.score is None:
        return None
    return Scores.of(records.read(id) for id in row.records)


def _find(env: str, agent: str, tables: Sequence[Table]) -> Row | None:
    """Returns the best row of an agent on an environment."""
    rows = [row for table in tables if table.env == env for row in table.rows if row.agent == agent]
    return rows[0] if rows else None


def _print_sample(console: Console, env: str, tables: Sequence[Table], records: RecordStore) -> None:
    """Prints the learner's median text, and what the others wrote for the same source."""
    agents = (BEFORE, BASELINE, LEARNER, "reference")
    played = {name: _rows(_find(env, name, tables), records) for name in agents}
    after = played[LEARNER]
    if not after:
        return
    ranked = sorted(after.values(), key=lambda row: (row["reward"], row["index"]))
    chosen = ranked[len(ranked) // 2]
    console.print(plain(f"{env}, example {chosen['example']} ({LEARNER}'s median)", "bold"))
    console.print(Padding(Text(f"source: {_cut(chosen['source'])}"), (0, 0, 0, 2)))
    for name in played:
        row = played[name].get(chosen["example"])
        if row is not None:
            title = f"before ({name})" if name == BEFORE else name
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
