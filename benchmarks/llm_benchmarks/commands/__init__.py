"""The subcommands of `llm-envs`, one file each."""
