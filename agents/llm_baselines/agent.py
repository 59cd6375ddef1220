"""What an agent is: `predict`, and for those that train `learn` and `save`; agents of others too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np

from llm_envs import EvaluationResult

Track = Literal["scratch", "demonstrations", "pretrained"]


@runtime_checkable
class Agent(Protocol):
    """Stable-Baselines3's `predict` is all an agent must have."""

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Actions int64 (n,) for observations int32 (n, context_length); state goes to the next call."""
        ...


@runtime_checkable
class TrainableAgent(Agent, Protocol):
    """An agent that trains.

    Attributes:
        report: What training cost and how it went; kept up to date while it runs.
    """

    report: TrainingReport

    def learn(
        self,
        total_timesteps: int,
        *,
        run_folder: Path | None = None,
        resume: bool = False,
        progress_bar: bool = False,
    ) -> TrainableAgent:
        """Trains on the environment the agent was made with.

        Args:
            total_timesteps: Environment steps in all, those before a resume included.
            run_folder: Where checkpoints and logs go; without one nothing is written.
            resume: Continue from the run folder's last checkpoint; without one, start afresh.
            progress_bar: Show a progress bar.
        """
        ...

    def save(self, folder: Path) -> None:
        """Writes the agent as safetensors and JSON, nothing pickled."""
        ...


@dataclass
class TrainingReport:
    """Cost and curve of a training run.

    Attributes:
        environment_steps: Actions taken while training.
        gradient_steps: Optimizer steps.
        tokens: Tokens written by the agent while training.
        reward_calls: Texts scored while training.
        seconds: Wall-clock time of training, evaluations for the curve included.
        parameters: Trainable parameters.
        curve: Rows of {"timesteps": int, "seconds": float, name: float, ...}.
        kept_timesteps: Where the curve has the weights that were kept as the best; None where the agent has
            the last ones.
    """

    environment_steps: int = 0
    gradient_steps: int = 0
    tokens: int = 0
    reward_calls: int = 0
    seconds: float = 0.0
    parameters: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)
    kept_timesteps: float | None = None


EvaluationListener = Callable[[int, EvaluationResult], None]
"""listener(timesteps, result): called with every evaluation on validation while an agent trains. Agents that
take one have an attribute `on_evaluation`, None by default."""

AgentFactory = Callable[..., Agent]
"""factory(env, seed, device, **config) -> Agent; env is a single environment made by gymnasium.make."""

Env = gym.Env[Any, Any]
