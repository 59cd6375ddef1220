"""How long each run of a store took to scores on validation, and the best it had within so many seconds.

`python docs/agents/time_to_score.py STORE ID SECONDS [SCORE...]`: a run's time to a score is that of its
first evaluation at or above it, in seconds of training with its evaluations; "-" where it never got there.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from llm_benchmarks.configuration import reward_label
from llm_benchmarks.store import RecordStore


def first_time(curve: list[dict[str, float]], score: float) -> str:
    """Seconds of training until the first evaluation at or above a score."""
    reached = (row["seconds"] for row in curve if row["eval/mean_reward"] >= score)
    return f"{next(reached):,.0f}" if any(row["eval/mean_reward"] >= score for row in curve) else "-"


def main(store: str, env_id: str, seconds: str, *scores: str) -> None:
    """Prints one line for each run."""
    if not Path(store).is_dir():
        sys.exit(f"time_to_score.py: there is no folder {store!r}")
    limit = float(seconds)
    columns = ("steps", "seed", f"best in {limit:,.0f} s", *(f"to {score}" for score in scores))
    table = Table("agent", "trained on", box=None)
    for column in columns:
        table.add_column(column, justify="right")
    lines = []
    for record in RecordStore(store).records({}):
        if record["status"] != "completed" or record["env"]["id"] != env_id:
            continue
        curve = [row for row in record.curve() if "eval/mean_reward" in row]
        found = [row["eval/mean_reward"] for row in curve if row["seconds"] <= limit]
        steps, seed = record["budget"]["total_timesteps"], record["seeds"]["training"]
        trained_on = record["reward"]["training"]
        reward = "-" if trained_on is None else reward_label(trained_on["spec"])
        times = [first_time(curve, float(score)) for score in scores]
        best = f"{max(found):.3f}" if found else "-"
        lines.append((record["agent"]["name"], reward, steps, -1 if seed is None else seed, best, *times))
    for agent, reward, steps, seed, *rest in sorted(lines):
        table.add_row(agent, reward, f"{steps:,}", "-" if seed < 0 else str(seed), *rest)
    Console(width=130).print(table)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
