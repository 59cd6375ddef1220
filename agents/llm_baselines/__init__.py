"""Baseline agents for llm_envs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_envs.checks.extras import require

if TYPE_CHECKING:
    from llm_baselines.algorithms.token_dqn import TokenDQN as TokenDQN

__all__ = ["TokenDQN"]

# Any import from this package without the extra "agents" fails with one clear line.
require("agents", ("torch", "stable_baselines3", "safetensors", "transformers", "tqdm"), "llm_baselines")

if not TYPE_CHECKING:  # with it, a type checker would accept every name

    def __getattr__(name: str) -> Any:
        """Imports TokenDQN, and torch with it, only on first access."""
        if name == "TokenDQN":
            from llm_baselines.algorithms.token_dqn import TokenDQN

            return TokenDQN
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
