"""What the subcommands of `llm-envs` do; declarations/ holds their arguments and help."""
