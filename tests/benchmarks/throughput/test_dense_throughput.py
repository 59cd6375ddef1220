"""`llm-envs throughput --dense` measures rewards with and without dense timing; speeds are not tested."""

from __future__ import annotations

import json

import pytest

from llm_benchmarks.commands.app import main
from llm_benchmarks.throughput import dense


@pytest.fixture
def small(monkeypatch):
    sizes = {
        "LENGTHS": (6,),
        "REWARDS": {"bleu": "bleu"},
        "ROW_ENVS": ("Translation-v0",),
        "ROWS": 3,
        "ROUNDS": 1,
        "STEPS": 4,
    }
    for name, value in sizes.items():
        monkeypatch.setattr(dense, name, value)


def test_the_report_has_a_line_for_every_reward_and_vector_environment(small, capsys):
    assert main(["throughput", "--dense", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (text,) = found["texts"]
    assert (text["reward"], text["tokens"]) == ("bleu", 6)
    assert all(text[name] > 0 for name in ("none", "terminal", "dense", "scratch", "cost"))
    assert [(row["env"], row["random"]) for row in found["rows"]] == [
        ("Translation-v0", 0.2),
        ("Translation-v0", 1.0),
    ]
    assert all(row[name] > 0 for row in found["rows"] for name in ("none", "terminal", "dense", "cost"))
    assert main(["throughput", "--dense"]) == 0
    assert "BLEU, 3 rows" in capsys.readouterr().out


def test_dense_rewards_and_a_model_are_measured_one_at_a_time(capsys):
    assert main(["throughput", "--dense", "--model", "smollm2-135m"]) == 2
    assert "--dense" in capsys.readouterr().err
