"""The options of the agents of Stable-Baselines3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llm_baselines.configuration.options import option
from llm_baselines.configuration.trackers import check_tracker
from llm_envs.envs.reward_timing import RewardTiming


@dataclass(frozen=True, slots=True, kw_only=True)
class SB3Config:
    """Network, training reward, evaluation and checkpoints. Each algorithm adds its own options."""

    body: str = option("gru", "what reads the tokens: gru, transformer, attention, llama, or one's own")
    embedding_dim: int = option(64, "width of embeddings and state", at_least=1, at_most=2**14)
    layers: int = option(1, "depth of the body", at_least=1, at_most=2**8)
    heads: int = option(4, "attention heads of the body", at_least=1, at_most=2**8)
    window: int = option(0, "how many of the last tokens are read; 0 reads all", at_least=0)
    prompt: int = option(0, "how many of the first tokens are read besides", at_least=0)
    pointer: bool = option(True, "whether the head can point at tokens that are already there")
    copy_bias: float = option(0.0, "first guess of what pointing at an unwritten token adds")
    tied: bool = option(False, "whether the head uses the token embeddings")
    n_envs: int = option(16, "environments that step together", at_least=1, at_most=2**16)
    learning_rate: float = option(1e-3, "Adam's step size at the start", above=0)
    learning_rate_end: float = option(1e-4, "and at the end, linearly in between", at_least=0)
    gamma: float = option(
        1.0,
        "discount; at 1 dense and terminal rewards have one optimum, below it dense ones are learned sooner",
        above=0,
        at_most=1,
    )
    max_grad_norm: float = option(1.0, "gradients are clipped to this norm", above=0)
    reward: Any = option(None, "training reward; none: the environment's own")
    reward_timing: Any = option(None, "when the training reward is paid; none: the environment's own")
    eval_freq: int = option(5000, "environment steps between evaluations on validation; 0: none", at_least=0)
    n_eval_episodes: int = option(64, "episodes of such an evaluation", at_least=1)
    eval_metrics: list[Any] = option(
        [],
        "metrics of evaluations on validation besides the environment's own: rewards, as held-out values of "
        "the curve",
        later=True,
        affects_result=False,
    )
    keep_best: bool = option(True, "keep the weights that were best on validation")
    log_samples: int = option(
        10,
        "lines of the log with reward components between tables of sampled texts; 0: none",
        at_least=0,
        later=True,
        affects_result=False,
    )
    reward_warnings: bool = option(
        True,
        "whether a warning says that a reward component swamps the others, texts drift in length, all "
        "score the same, or a held-out value falls while the reward rises",
        later=True,
        affects_result=False,
    )
    report_to: str = option(
        "",
        "experiment tracker that gets the log too, where it is installed: 'wandb' or 'trackio'; empty: none",
        later=True,
        affects_result=False,
    )
    checkpoint_freq: int = option(
        50_000,
        "environment steps between checkpoints for resuming; 0: none",
        at_least=0,
        affects_result=False,
    )

    def __post_init__(self) -> None:
        check_tracker(self.report_to)
        if self.reward_timing is not None:
            RewardTiming(self.reward_timing)  # says what is wrong with it


@dataclass(frozen=True, slots=True, kw_only=True)
class DQNConfig(SB3Config):
    """stable_baselines3.DQN. Its documentation explains the other options."""

    buffer_size: int = option(100_000, "transitions in the replay buffer", at_least=1, at_most=2**40)
    learning_starts: int = option(1000, "environment steps before the first update", at_least=0)
    demonstrations: int = option(
        0, "episodes of the reference agent put into the replay buffer first", at_least=0
    )
    batch_size: int = option(128, "transitions of an update", at_least=1)
    train_freq: int = option(1, "steps of all environments between updates", at_least=1)
    gradient_steps: int = option(1, "updates at a time", at_least=1)
    n_steps: int = option(1, "rewards summed before bootstrapping", at_least=1)
    tau: float = option(
        1.0, "weight of the new parameters when the target network is updated", above=0, at_most=1
    )
    target_update_interval: int = option(1000, "environment steps between such updates", at_least=1)
    exploration_fraction: float = option(
        0.5, "part of the training in which epsilon falls", at_least=0, at_most=1
    )
    exploration_initial_eps: float = option(1.0, "epsilon at the start, per token", at_least=0, at_most=1)
    exploration_final_eps: float = option(
        0.05, "epsilon at the end: about 0.5 / mean length", at_least=0, at_most=1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PPOConfig(SB3Config):
    """stable_baselines3.PPO. Its documentation explains the other options."""

    n_steps: int = option(32, "steps of all environments between updates", at_least=1)
    batch_size: int = option(256, "transitions of an update", at_least=1)
    n_epochs: int = option(4, "passes over what was collected", at_least=1)
    gae_lambda: float = option(0.95, "generalised advantage estimation's lambda", at_least=0, at_most=1)
    clip_range: float = option(0.2, "how far a policy may move in one round", above=0)
    ent_coef: float = option(0.01, "weight of the entropy bonus", at_least=0)
    vf_coef: float = option(0.5, "weight of the value loss", at_least=0)
