"""`python -m llm_envs`: the command line `llm-envs`, or the line that says what it needs."""

from llm_benchmarks.__main__ import app

if __name__ == "__main__":
    app()
