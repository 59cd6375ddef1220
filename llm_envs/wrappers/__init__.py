"""Wrappers of environments."""

from llm_envs.wrappers.action_masks import ActionMasks, MaskedPolicy
from llm_envs.wrappers.tokenized_discrete import TokenizedDiscrete
from llm_envs.wrappers.top_k import TopKActions, TopKPolicy, VectorTopKActions

__all__ = [
    "ActionMasks",
    "MaskedPolicy",
    "TokenizedDiscrete",
    "TopKActions",
    "TopKPolicy",
    "VectorTopKActions",
]
