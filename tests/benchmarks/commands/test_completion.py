"""Shell completion, as typer offers it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("words", "count", "expected"),
    [("llm-envs lea", 1, "leaderboard"), ("llm-envs leaderboard sh", 2, "show")],
)
def test_a_shell_completes_subcommands(words, count, expected):
    environment = {
        **os.environ,
        "_LLM_ENVS_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(count),
    }
    run = subprocess.run(
        [sys.executable, "-m", "llm_envs"], env=environment, capture_output=True, text=True, timeout=120
    )
    assert run.stdout.split() == [expected]
