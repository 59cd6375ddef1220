"""The language agents, as small as they get, on TextGen-Tiny-v0."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from token_worlds import SMALL

import llm_envs
from llm_baselines.registry import make_agent

_ROUNDS = {"n_envs": 8, "eval_freq": 60, "n_eval_episodes": 6, "checkpoint_freq": 50}
_TOKEN_DQN = {**_ROUNDS, "batch_size": 8, "buffer_size": 400}
AGENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "logits": (
        "token_dqn",
        {
            **_TOKEN_DQN,
            "q": "logits",
            "baseline": "value",
            "value_warmup": 3,
            "value_steps": 3,
            "target_kl": 0.5,
            "max_distance": 2.0,
        },
    ),
    "group": (
        "token_dqn",
        {**_TOKEN_DQN, "baseline": "group", "group_size": 2, "visits": 2, "max_age": 2, "target_kl": 0.5},
    ),
    "head": (
        "token_dqn",
        {**_TOKEN_DQN, "q": "head", "exploration": "prior_epsilon", "support_top_k": 5, "dueling": True},
    ),
    "tight": (
        "token_dqn",
        {
            **_TOKEN_DQN,
            "q": "head",
            "exploration": "epsilon_boltzmann",
            "optimality_tightening": True,
            "advantage_learning": 0.5,
            "priority_exponent": 0.6,
        },
    ),
    "rloo": ("rloo", _ROUNDS),
    "supervised": ("supervised", {**_ROUNDS, "batch_size": 8, "copy_steps": 2}),
}
"""name -> (registered name, options)."""

_WARM_START = {"total_timesteps": 300, "n_envs": 8, "eval_freq": 0, "checkpoint_freq": 100, "copy_steps": 2}


def make(name: str, env: Any = None, seed: int = 0, **changes: Any) -> Any:
    """An agent; those that begin from demonstrations learn from a few."""
    registered, options = AGENTS[name]
    if registered != "supervised":
        options = {**options, "supervised": _WARM_START}
    env = gym.make("llm_envs:TextGen-Tiny-v0") if env is None else env
    return make_agent(registered, env, seed=seed, device="cpu", config={"model": SMALL, **options, **changes})


def weights(agent: Any) -> dict[str, torch.Tensor]:
    """Copies of all its tensors."""
    return {name: tensor.clone() for name, tensor in agent.network.state_dict().items()}


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    """Whether they are the same to the bit."""
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def observations(env: Any, n: int = 8) -> np.ndarray:
    """Some prompts, and what is read after a few random actions."""
    vector = llm_envs.vectorize(env, n, autoreset_mode="SameStep")
    vector.reset(seed=3)
    rng = np.random.default_rng(0)
    return vector.step(rng.integers(1, 8, size=n))[0]
