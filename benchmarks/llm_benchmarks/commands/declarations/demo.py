"""`llm-envs demo`."""

from __future__ import annotations

from pathlib import Path

import typer

from llm_benchmarks.commands.options import Processes, Store


def command(store: Store = Path("demo-store"), processes: Processes = None) -> None:
    """Trains small agents on two tasks, proves their records and shows the leaderboard.

    The tasks are text generation and translation. The agents are Stable-Baselines3's DQN and TokenDQN.
    The page is STORE/leaderboard.html.
    """
    from llm_benchmarks.commands.demo import run

    raise typer.Exit(run(store, processes=processes))
