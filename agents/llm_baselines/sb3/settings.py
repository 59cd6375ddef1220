"""What SB3 agents have in common to be set, and the hyperparameters per id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_baselines.configuration import option
from llm_baselines.option_tables import OptionTables

TABLES = OptionTables(Path(__file__).with_name("hyperparameters.toml"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SB3Config:
    """Network, training reward, evaluation and checkpoints; the algorithms add their own."""

    body: str = option("gru", "what reads the tokens: gru, transformer, attention, or one's own")
    embedding_dim: int = option(64, "width of embeddings and state")
    layers: int = option(1, "depth of the body")
    heads: int = option(4, "attention heads of the body")
    window: int = option(0, "how many of the last tokens are read; 0 reads all")
    prompt: int = option(0, "how many of the first tokens are read besides")
    pointer: bool = option(True, "whether the head can point at tokens that are already there")
    copy_bias: float = option(0.0, "first guess of what pointing at an unwritten token adds")
    tied: bool = option(False, "whether the head uses the token embeddings")
    n_envs: int = option(16, "environments that step together")
    learning_rate: float = option(1e-3, "Adam's step size at the start")
    learning_rate_end: float = option(1e-4, "and at the end, linearly in between")
    gamma: float = option(
        1.0,
        "discount; at 1 dense and terminal rewards have one optimum, below it dense ones are learned sooner",
    )
    max_grad_norm: float = option(1.0, "gradients are clipped to this norm")
    reward: Any = option(None, "training reward; none: the environment's own")
    reward_timing: Any = option(None, "when the training reward is paid; none: the environment's own")
    eval_freq: int = option(5000, "environment steps between evaluations on validation; 0: none")
    n_eval_episodes: int = option(64, "episodes of such an evaluation")
    keep_best: bool = option(True, "keep the weights that were best on validation")
    checkpoint_freq: int = option(50_000, "environment steps between checkpoints for resuming; 0: none")


@dataclass(frozen=True, slots=True, kw_only=True)
class DQNConfig(SB3Config):
    """stable_baselines3.DQN. See its documentation for what is not said here."""

    buffer_size: int = option(100_000, "transitions in the replay buffer")
    learning_starts: int = option(1000, "environment steps before the first update")
    demonstrations: int = option(0, "episodes of the reference agent put into the replay buffer first")
    batch_size: int = option(128, "transitions of an update")
    train_freq: int = option(1, "steps of all environments between updates")
    gradient_steps: int = option(1, "updates at a time")
    n_steps: int = option(1, "rewards summed before bootstrapping")
    tau: float = option(1.0, "weight of the new parameters when the target network is updated")
    target_update_interval: int = option(1000, "environment steps between such updates")
    exploration_fraction: float = option(0.5, "part of the training in which epsilon falls")
    exploration_initial_eps: float = option(1.0, "epsilon at the start, per token")
    exploration_final_eps: float = option(0.05, "epsilon at the end: about 0.5 / mean length")


@dataclass(frozen=True, slots=True, kw_only=True)
class PPOConfig(SB3Config):
    """stable_baselines3.PPO. See its documentation for what is not said here."""

    n_steps: int = option(32, "steps of all environments between updates")
    batch_size: int = option(256, "transitions of an update")
    n_epochs: int = option(4, "passes over what was collected")
    gae_lambda: float = option(0.95, "generalised advantage estimation's lambda")
    clip_range: float = option(0.2, "how far a policy may move in one round")
    ent_coef: float = option(0.01, "weight of the entropy bonus")
    vf_coef: float = option(0.5, "weight of the value loss")
