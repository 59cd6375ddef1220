"""The tutorial and the page about watched trainings run from top to bottom, with short budgets."""

from __future__ import annotations

import re
import shlex

import pytest
from pages import blocks, read

from llm_baselines.algorithms.rloo import RLOOConfig
from llm_baselines.training.reward_warnings import RewardWarning
from llm_benchmarks.commands.app import main

TUTORIAL, WATCHED = "docs/rewards/tutorial.md", "docs/rewards/while_training.md"
SHORT = (
    ("--total-timesteps 30000 --seeds 3", "--total-timesteps 200 --seeds 1"),
    ("learn(30000", "learn(200"),
    ("60000", "500"),
    ("20000", "0"),
    ("n_eval_episodes = 100", "n_eval_episodes = 4"),
    ("n_eval_episodes=100", "n_eval_episodes=4"),
)
EXPLOITED = "'chrf(beta=0.01)'"
"""The reward whose audit ends with status 1."""


def shortened(text):
    for long, short in SHORT:
        text = text.replace(long, short)
    return text


def run_in_order(page, folder, monkeypatch):
    """Runs the blocks of a page in a folder; returns the values of its names, and (line, status)."""
    monkeypatch.chdir(folder)
    names, statuses = {}, []
    for language, text in blocks(page):
        text = shortened(text)
        if named := re.match(r"# (\w+\.toml)\n", text):
            (folder / named[1]).write_text(text, encoding="utf-8")
        elif language == "python":
            exec(compile(text, page, "exec"), names)
        elif language == "console":
            for line in text.splitlines():
                words = shlex.split(line)
                assert words[0] == "llm-envs"
                statuses.append((line, main(words[1:])))
    return names, statuses


def test_the_tutorial_runs_and_its_commands_end_as_it_says(tmp_path, monkeypatch, capsys):
    _, statuses = run_in_order(TUTORIAL, tmp_path, monkeypatch)
    assert len(statuses) == 4
    for line, status in statuses:
        assert status == (1 if EXPLOITED in line and "audit" in line else 0), line
    said = capsys.readouterr().out
    assert "Wir 1.0" in said
    assert "Wir sehen keinen Hund 1.0" in said
    assert (tmp_path / "compared" / "comparison.html").exists()


def test_the_page_about_watched_trainings_runs_and_its_bad_design_is_warned_of(tmp_path, monkeypatch, capsys):
    with pytest.warns(RewardWarning, match="'length_penalty' swamps the others"):
        names, _ = run_in_order(WATCHED, tmp_path, monkeypatch)
    assert set(names["scaled"].component_weights) == {"bleu", "length_penalty"}
    assert list((tmp_path / "watched" / "logs").glob("*/samples.jsonl"))
    capsys.readouterr()


def test_every_option_of_that_page_exists():
    text = read(WATCHED)
    for option in ("log_samples", "reward_warnings", "report_to", "eval_metrics", "component_scaling"):
        assert option in RLOOConfig.__dataclass_fields__
        assert f"`{option}" in text
