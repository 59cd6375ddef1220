"""What the learners log is defined on their pages, as CleanRL does it."""

from __future__ import annotations

import csv
import re

import gymnasium as gym
import pytest
from pages import read

from llm_baselines.registry import make_agent

START = {"total_timesteps": 500, "copy_steps": 20}


def defined(page: str) -> list[str]:
    """Patterns of the names in the page's table of logged values."""
    table = read(page).partition("## Logged values")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]*`) \|", table, re.MULTILINE)
    names = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    return [re.escape(name).replace(r"\*", ".+").replace("METRIC", r"\w+") + "$" for name in names]


@pytest.mark.parametrize(
    ("agent", "config", "page"),
    [
        ("token_dqn", {"q": "head"}, "docs/agents/token_dqn.md"),
        ("token_dqn", {"q": "logits", "baseline": "group"}, "docs/agents/token_dqn.md"),
        ("token_dqn", {"q": "logits", "baseline": "value"}, "docs/agents/token_dqn.md"),
        ("rloo", {}, "docs/agents/rloo.md"),
    ],
    ids=["head", "group", "value", "rloo"],
)
def test_every_logged_value_is_defined_on_the_page(agent, config, page, tmp_path):
    env = gym.make("TextGen-Tiny-v0", metrics=["exact_match"])
    options = {"model": "nano", "supervised": START, "n_envs": 8, **config}
    make_agent(agent, env, seed=0, config=options).learn(200, run_folder=tmp_path / "run", log_interval=1)
    logged = set()
    for path in (tmp_path / "run").rglob("progress.csv"):
        logged |= set(next(csv.reader(path.open(encoding="utf-8"))))
    assert {"train/loss", "time/rounds", "rollout/ep_rew_mean"} <= logged
    patterns = defined(page)
    assert {name for name in logged if not any(re.match(pattern, name) for pattern in patterns)} == set()
