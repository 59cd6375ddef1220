"""Wrappers of environments."""

from llm_envs.wrappers.top_k import TopKActions, TopKPolicy, VectorTopKActions

__all__ = ["TopKActions", "TopKPolicy", "VectorTopKActions"]
