"""TokenDQN, the token-level deep Q-learner, and its parts."""

from llm_baselines.algorithms.token_dqn.token_dqn import TokenDQN

__all__ = ["TokenDQN"]
