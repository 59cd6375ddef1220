"""The environments of a cell: one for training, and those for evaluation."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

import llm_envs  # noqa: F401  registers the ids
from llm_benchmarks.run.cells import RESERVED, Cell, SuiteError
from llm_envs.envs.ids import own_argument


def training_env(cell: Cell) -> gym.Env[Any, Any]:
    """Returns the environment that the cell's agent is made with."""
    kwargs = own_kwargs(cell)
    return gym.make(cell.env, split="train", reward=own_reward(cell, cell.env_reward), **kwargs)


def evaluation_arguments(cell: Cell) -> dict[str, Any]:
    """Returns the arguments of the evaluation environments. They pay the reward at the end of the text."""
    kwargs = {k: v for k, v in own_kwargs(cell).items() if k != "reward_timing"}
    evaluation = cell.evaluation
    reward, metrics = (
        own_reward(cell, evaluation.reward),
        own_argument(cell.env, "metrics", evaluation.metrics),
    )
    return {"split": evaluation.split, "reward": reward, "metrics": metrics, **kwargs}


def own_reward(cell: Cell, reward: Any) -> Any:
    """Returns the reward; for "default", the reward that the cell's id was registered with, if any."""
    return own_argument(cell.env, "reward", reward)


def own_kwargs(cell: Cell) -> dict[str, Any]:
    """Returns the arguments that the training and evaluation environments of a cell share.

    Raises:
        SuiteError: The run itself sets one of them.
    """
    for name in RESERVED:
        if name in cell.env_kwargs:
            raise SuiteError(
                f"{name!r} cannot be set as an argument of the environment here: the run sets it"
            )
    return dict(cell.env_kwargs)
