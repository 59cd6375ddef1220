"""The audit of a reward: what texts without merit earn, before anything is trained on it.

The order of the files: `ground` plays texts, `attacks` and `searches` write them, `held_out` and `shares`
judge them, `corruptions`, `best_of_n` and `behaviour` measure the rest, `run` puts all into a `report`.
"""

from llm_benchmarks.rewards.audit.budget import BUDGETS, Budget
from llm_benchmarks.rewards.audit.report import Report
from llm_benchmarks.rewards.audit.run import audit

__all__ = ["BUDGETS", "Budget", "Report", "audit"]
