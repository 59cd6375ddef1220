"""The environments of a cell: the one its agent is made with, and those it is judged on."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

import llm_envs  # noqa: F401  registers the ids
from llm_benchmarks.run.cells import RESERVED, Cell, SuiteError
from llm_envs.envs.ids import own_argument


def training_env(cell: Cell) -> gym.Env[Any, Any]:
    """The environment the cell's agent is made with."""
    kwargs = own_kwargs(cell)
    return gym.make(cell.env, split="train", reward=own_reward(cell, cell.env_reward), **kwargs)


def evaluation_arguments(cell: Cell) -> dict[str, Any]:
    """The arguments of the environments the cell is judged on; the reward is paid at the end there."""
    kwargs = {k: v for k, v in own_kwargs(cell).items() if k != "reward_timing"}
    given = cell.evaluation
    metrics = own_argument(cell.env, "metrics", given.metrics)
    return {"split": given.split, "reward": own_reward(cell, given.reward), "metrics": metrics, **kwargs}


def own_reward(cell: Cell, reward: Any) -> Any:
    """A reward as it is; "default" as the cell's id was registered, where that was with a reward."""
    return own_argument(cell.env, "reward", reward)


def own_kwargs(cell: Cell) -> dict[str, Any]:
    """The arguments of the cell's environment that training and evaluation share.

    Raises:
        SuiteError: One of them is set by the run itself.
    """
    for name in RESERVED:
        if name in cell.env_kwargs:
            raise SuiteError(f"{name!r} is no argument to give an environment here; it is set by itself")
    return dict(cell.env_kwargs)
