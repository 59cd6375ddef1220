"""`llm-envs demo`."""

from __future__ import annotations

from pathlib import Path

import typer

from llm_benchmarks.commands.options import Processes, Store


def command(store: Store = Path("demo-store"), processes: Processes = None) -> None:
    """Trains small agents on three tasks and shows the leaderboard.

    The tasks are text generation, translation and dialogue. The agents come from Stable-Baselines3.
    """
    from llm_benchmarks.commands.demo import run

    raise typer.Exit(run(store, processes=processes))
