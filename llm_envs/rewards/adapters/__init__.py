"""Rewards that others compute: reward functions of TRL, and servers."""
