"""`llm-envs throughput`: steps, tokens and updates per second, as ratios to other libraries."""
