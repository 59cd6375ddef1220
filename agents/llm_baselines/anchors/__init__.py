"""Agents without reinforcement learning, with which learners are compared."""
