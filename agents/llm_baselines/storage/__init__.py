"""Agents and checkpoints on disk: sealed folders of safetensors and JSON that appear whole or not at all."""
