"""Stable-Baselines3 agents: stock algorithms with a features extractor that reads tokens."""
