"""How long each run of a store took to scores on validation, and the best it had within so many seconds.

`python docs/results/time_to_score.py STORE ID SECONDS [SCORE...]` prints a line for each run: the time to a
score is that of its first evaluation at or above it, in seconds of training with its evaluations; "-" where
it never got there.

`python docs/results/time_to_score.py STORE ID SECONDS --share 0.95 --against AGENT` prints a line for each
run of one agent and each row of the others. It shows the score that is this share of the run's best, and how
long the run took to reach it. Then it shows how many times as long that is as the runs of the other row took,
fastest first.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from llm_benchmarks.console.report import plain, tell_problems
from llm_benchmarks.leaderboard.rows import Row
from llm_benchmarks.leaderboard.tables import leaderboard_tables
from llm_benchmarks.records.record import Record
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.trained_on import reward_label
from llm_envs.foreign import shown

Curve = list[tuple[float, float]]
"""(seconds, score) of each evaluation."""


def curve_of(record: Record) -> Curve:
    """The evaluations of a run."""
    return [(row["seconds"], row["eval/mean_reward"]) for row in record.curve() if "eval/mean_reward" in row]


def best_within(curve: Curve, seconds: float) -> float | None:
    """The best score that a run had within so many seconds; None where it was not evaluated."""
    return max((score for at, score in curve if at <= seconds), default=None)


def first_time(curve: Curve, score: float) -> float | None:
    """Seconds of training until the first evaluation at or above a score; None where there is none."""
    return next((seconds for seconds, found in curve if found >= score), None)


def trained_on(record: Record) -> str:
    """The training reward in short."""
    training = record.spec.training
    return "-" if training is None else reward_label(training.reward.spec)


def seed_of(record: Record) -> int:
    """The training seed; -1 where there was no training."""
    return -1 if record.training_seed is None else record.training_seed


def runs_of(row: Row, records: dict[str, Record]) -> list[Record]:
    """The runs of a row, by seed."""
    return sorted((records[id] for id in row.records), key=seed_of)


def print_times(rows: list[Row], records: dict[str, Record], seconds: float, scores: Sequence[float]) -> None:
    """One line for each run."""
    columns = ("steps", "seed", f"best in {seconds:,.0f} s", *(f"to {score:g}" for score in scores))
    table = Table("agent", "options", box=None)
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        for record in runs_of(row, records):
            curve = curve_of(record)
            best = best_within(curve, seconds)
            times = [first_time(curve, score) for score in scores]
            table.add_row(
                plain(row.agent),
                plain(row.label, limit=200),
                f"{record.spec.training.total_timesteps if record.spec.training else 0:,}",
                str(seed_of(record)) if seed_of(record) >= 0 else "-",
                "-" if best is None else f"{best:.3f}",
                *("-" if at is None else f"{at:,.0f}" for at in times),
            )
    Console(width=140).print(table)


def print_ratios(
    rows: list[Row], records: dict[str, Record], seconds: float, share: float, against: str
) -> None:
    """One line for each run of an agent and each row of the others."""
    table = Table(box=None)
    table.add_column(plain(against))
    for head in ("seed", f"best in {seconds:,.0f} s", f"{share:.0%}", "after"):
        table.add_column(head, justify="right")
    table.add_column("times as long as these took")
    others = {
        f"{row.agent} {row.label}".strip(): [curve_of(run) for run in runs_of(row, records)]
        for row in rows
        if row.agent != against
    }
    for record in (run for row in rows if row.agent == against for run in runs_of(row, records)):
        curve = curve_of(record)
        best = best_within(curve, seconds)
        taken = None if best is None else first_time(curve, share * best)
        if best is None or taken is None:
            continue
        facts = [trained_on(record), str(seed_of(record)), f"{best:.3f}", f"{share * best:.3f}"]
        facts.append(f"{taken:,.0f} s")
        for name, curves in others.items():
            times = [first_time([e for e in curve if e[0] <= seconds], share * best) for curve in curves]
            ratios = sorted((taken / at for at in times if at), reverse=True)
            never = [f"{times.count(None)} never"] if None in times else []
            written = "  ".join([*(f"{ratio:.1f}" for ratio in ratios), *never])
            table.add_row(*map(plain, facts), plain(f"{shown(name)}: {written}", limit=None))
            facts = [""] * 5
    Console(width=140).print(table)


def main() -> None:
    """Reads the command line."""
    parser = ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("env_id")
    parser.add_argument("seconds", type=float)
    parser.add_argument("scores", type=float, nargs="*")
    parser.add_argument("--share", type=float, default=0.95)
    parser.add_argument("--against", help="print ratios, to the runs of this agent")
    parser.add_argument("--experiment", help="only the runs of this experiment")
    options = parser.parse_args()
    if not options.store.is_dir():
        parser.error(f"there is no folder '{options.store}'")
    problems: dict[str, str] = {}
    records = {record.id: record for record in RecordStore(options.store).records(problems)}
    tell_problems(problems)
    try:
        tables = leaderboard_tables(records.values(), options.env_id, options.experiment)
    except ValueError as error:
        parser.error(str(error))
    for table in tables:
        rows = [row for row in table.rows if any(curve_of(records[id]) for id in row.records)]
        rows.sort(key=lambda row: (row.agent, row.label))
        if options.against and all(row.agent != options.against for row in rows):
            known = sorted({row.agent for row in rows})
            parser.error(f"there are no runs of {options.against!r}; there are {', '.join(known)}")
        if options.against:
            print_ratios(rows, records, options.seconds, options.share, options.against)
        else:
            print_times(rows, records, options.seconds, options.scores)


if __name__ == "__main__":
    main()
