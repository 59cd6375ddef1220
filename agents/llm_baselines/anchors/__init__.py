"""Agents that are not trained by reward: the fixed points that learners are compared with."""
