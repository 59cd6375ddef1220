"""Baseline agents for llm_envs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_envs.checks.extras import require

if TYPE_CHECKING:
    from llm_baselines.algorithms.token_dqn import TokenDQN as TokenDQN

__all__ = ["TokenDQN"]

# One line for whoever has installed the environments alone, whatever module of this package they import.
require("agents", ("torch", "stable_baselines3", "safetensors", "transformers", "tqdm"), "llm_baselines")


def __getattr__(name: str) -> Any:
    """TokenDQN, which is imported, and torch with it, where it is asked for."""
    if name == "TokenDQN":
        from llm_baselines.algorithms.token_dqn import TokenDQN

        return TokenDQN
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
