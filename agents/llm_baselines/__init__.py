"""Baseline agents for llm_envs."""
