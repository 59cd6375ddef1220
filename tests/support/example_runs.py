"""Runs an example as its user does, and compares its texts with random ones."""

from __future__ import annotations

import importlib

import gymnasium as gym

import llm_envs
from llm_baselines.registry import make_agent
from llm_benchmarks.leaderboard.statistics import Interval, mean_interval


def gain_over_random(
    name: str, total_timesteps: int | None = None, env_id: str = "TextGen-Tiny-v0", *options: str
) -> Interval:
    """The gain in reward over random tokens on the same held-out examples: mean and 95 % interval.

    Args:
        name: The example's module.
        total_timesteps: None: as many as it takes by itself.
        env_id: The environment.
        *options: Further options of the example.
    """
    steps = [] if total_timesteps is None else ["--total-timesteps", str(total_timesteps)]
    _, after = importlib.import_module(name).main(["--env", env_id, "--seed", "0", *steps, *options])
    luck = llm_envs.evaluate(make_agent("random", gym.make(env_id), seed=0), env_id, seed=after.seed)
    assert [row.example for row in luck.rows] == [row.example for row in after.rows]
    return mean_interval(
        [row.reward - other.reward for row, other in zip(after.rows, luck.rows, strict=True)]
    )
