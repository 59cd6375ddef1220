"""The demo of a pretrained model: what it compares, and the whole of it on a tiny one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llm_benchmarks.commands.llm_demo import BaseModel, Measured, compare, run
from llm_benchmarks.run.suite import load_suite

SUITE = """
name = "tiny"
description = "a random model"

[evaluation]
deterministic = false
episodes = 70  # all

[run]
processes = 1

[[cells]]
envs = ["TextGen-v0"]
agents = ["lm_sample"]
config = {{ model = {model}, top_k = 5 }}
env_kwargs = {env}

[[cells]]
envs = ["TextGen-v0"]
agents = ["token_dqn"]
total_timesteps = 64
track = "pretrained"
config = {{ model = {model}, adapter = "lora", reward = "default", n_envs = 8, eval_freq = 0 }}
env_kwargs = {env}
"""


@pytest.mark.parametrize(
    ("after", "holds"),
    [
        (Measured(0.75, 2.4, 0.7), True),
        (Measured(0.6, 2.4, 0.7), False),  # gained too little
        (Measured(0.75, 2.6, 0.7), False),  # at the cost of fluency
        (Measured(0.75, 2.4, 0.5), False),  # or of variety
    ],
)
def test_a_gain_counts_only_at_a_bounded_cost(after: Measured, holds: bool) -> None:
    line, accepted = compare(Measured(0.3, 2.3, 0.75), after)
    assert accepted is holds
    assert line.startswith(f"score 0.300 to {after.score:.3f} ({after.score - 0.3:+.3f}")


def test_the_whole_llm_demo_on_a_tiny_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from hf_folders import save_model

    folder = save_model(tmp_path / "model")
    env = (
        f'{{ dataset = "openings", tokenizer = {{ id = "hf:{folder}", separator = "" }}, '
        "max_prompt_tokens = 40, max_new_tokens = 6 }"
    )
    path = tmp_path / "tiny.toml"
    path.write_text(SUITE.format(model=json.dumps(folder), env=env))
    assert run(tmp_path / "store", suite=str(path)) == 1  # 64 steps are not enough
    printed = capsys.readouterr().out
    assert "Held-out openings" in printed
    assert "distinct-2" in printed
    assert printed.count("token_dqn") >= 1
    assert "V2      2" in printed
    assert f"MB): {tmp_path / 'store' / 'leaderboard.html'}" in printed
    cell = load_suite(path).cells[1]
    worth = BaseModel(cell).measure([{"example": 0, "action_ids": [3, 3, 3, 1], "reward": 0.25}])
    assert worth.score == 0.25
    assert worth.distinct == pytest.approx(2 / 3)
    assert worth.nll > 0
