"""The supervised learner, which imitates demonstrations, and its parts."""

from llm_baselines.algorithms.supervised.supervised import Supervised

__all__ = ["Supervised"]
