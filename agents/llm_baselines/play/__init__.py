"""Plays environments: exploration, rows, rollouts, and the trajectories that learners keep."""
