"""Modules of Hugging Face's `evaluate` as rewards and metrics."""
