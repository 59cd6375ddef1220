"""What an environment, an agent or a submission of others must keep: `llm-envs check`."""
