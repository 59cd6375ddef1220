"""`llm-envs throughput`: steps, tokens and updates a second."""
