"""Baseline agents for llm_envs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llm_baselines.token_dqn import TokenDQN as TokenDQN

__all__ = ["TokenDQN"]


def __getattr__(name: str) -> Any:
    """TokenDQN, without which importing this package needs no torch."""
    if name == "TokenDQN":
        from llm_baselines.token_dqn import TokenDQN

        return TokenDQN
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
