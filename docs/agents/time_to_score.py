"""How long each run of a store took to scores on validation, and the best it had within so many seconds.

`python docs/agents/time_to_score.py STORE ID SECONDS SCORE...`: a run's time to a score is that of its first
evaluation at or above it, in seconds of training with its evaluations; "-" where it never got there.
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from llm_benchmarks.store import RecordStore


def first_time(curve: list[dict[str, float]], score: float) -> str:
    """Seconds of training until the first evaluation at or above a score."""
    reached = (row["seconds"] for row in curve if row["eval/mean_reward"] >= score)
    return f"{next(reached):,.0f}" if any(row["eval/mean_reward"] >= score for row in curve) else "-"


def main(store: str, env_id: str, seconds: str, *scores: str) -> None:
    """Prints one line for each run."""
    limit = float(seconds)
    columns = ("steps", "seed", f"best in {limit:,.0f} s", *(f"to {score}" for score in scores))
    table = Table("agent", "trained on", box=None)
    for column in columns:
        table.add_column(column, justify="right")
    lines = []
    for record in RecordStore(store).records({}):
        if record["status"] != "completed" or record["env"]["id"] != env_id:
            continue
        curve = record.curve()
        best = max((row["eval/mean_reward"] for row in curve if row["seconds"] <= limit), default=0.0)
        steps, seed = record["budget"]["total_timesteps"], record["seeds"]["training"]
        rewards = ", ".join(part["id"] for part in record["reward"]["training"]["spec"])
        times = [first_time(curve, float(score)) for score in scores]
        lines.append((record["agent"]["name"], rewards, steps, seed, f"{best:.3f}", *times))
    for agent, rewards, steps, seed, *rest in sorted(lines):
        table.add_row(agent, rewards, f"{steps:,}", str(seed), *rest)
    Console(width=120).print(table)


if __name__ == "__main__":
    main(*sys.argv[1:])
