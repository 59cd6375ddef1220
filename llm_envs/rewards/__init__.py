"""Rewards: functions from an Episode to a float, their registry, and their composition.

    reward = make_reward({"sentiment": 1.0, "length_penalty": -0.2})
    reward(episode), reward.components(episode), reward.signature

A score is higher-is-better. A penalty is >= 0 and enters with a negative weight. Importing this package
imports no metric: a metric is imported when a reward that uses it is made.
"""

from llm_envs.rewards.context import RewardContext, RewardError
from llm_envs.rewards.expressions import parse_reward
from llm_envs.rewards.increments.growth import Growth
from llm_envs.rewards.prefix_scorer import PrefixScorer
from llm_envs.rewards.registry import list_rewards, register_reward
from llm_envs.rewards.reward_set import RewardSet, make_reward

__all__ = [
    "Growth",
    "PrefixScorer",
    "RewardContext",
    "RewardError",
    "RewardSet",
    "list_rewards",
    "make_reward",
    "parse_reward",
    "register_reward",
]
