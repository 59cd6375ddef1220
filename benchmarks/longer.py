"""Trains an agent for 1, 3 and 5 times an id's budget with the same options, and evaluates it after each.

The step size is constant, so a longer training begins with the shorter one: one training is continued. What
it ends with is evaluated, not what was best on validation, and a fallen objective ends it.

    python benchmarks/longer.py --env TextGen-v0 --agent token_dqn --seeds 1 2 3 --store benchmarks/results

A store keeps a run that it has. An interrupted training goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from llm_baselines.configuration.tables import AGENT_OPTIONS
from llm_benchmarks.commands.app import main

EXPERIMENT = "longer"
SAMPLED = ("TextGen-v0",)  # the likeliest text of a small model is one line for ever


def run(*words: object) -> None:
    """Runs a command of `llm-envs`; ends the program if it fails."""
    if status := main([str(word) for word in words]):
        raise SystemExit(status)


def train_and_evaluate(env: str, agent: str, seed: int, times: list[int], runs: Path, store: Path) -> None:
    """Trains to each multiple of the budget in turn, and writes a record of each."""
    folder, budget = runs / f"{env}-{agent}-{seed}", AGENT_OPTIONS.timesteps(agent, env)
    options = ("keep_best=false", "guard_halts=true", f"warm_start_folder={runs / 'warm-starts'}")
    for multiple in times:
        chosen = [word for option in options for word in ("--set", option)]
        resumed = ["--resume"] if folder.exists() else []
        where = ("--env", env, "--agent", agent, "--seed", seed, "--out", folder)
        run("train", *where, "--total-timesteps", multiple * budget, *chosen, *resumed)
        sampled = ["--sample"] if env in SAMPLED else []
        with tempfile.TemporaryDirectory() as place:
            run("evaluate", "--env", env, "--agent", folder, "--store", place, *sampled)
            run("leaderboard", "merge", place, "--store", store, "--experiment", EXPERIMENT)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--env", required=True, metavar="ID")
    parser.add_argument("--agent", required=True, choices=["token_dqn", "rloo"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--times", type=int, nargs="+", default=[1, 3, 5])
    parser.add_argument("--runs", type=Path, default=Path("runs/longer"))
    parser.add_argument("--store", type=Path, required=True)
    given = parser.parse_args()
    for seed in given.seeds:
        train_and_evaluate(given.env, given.agent, seed, given.times, given.runs, given.store)
