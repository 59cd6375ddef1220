"""The throughput report measures both sides of every comparison; its speeds are not tested."""

from __future__ import annotations

import json

import pytest
from hf_folders import save_model
from typer.testing import CliRunner

from llm_benchmarks.commands import app as cli
from llm_benchmarks.console.input import InputError
from llm_benchmarks.throughput import comparison_line, end_to_end
from llm_benchmarks.throughput import learners as learner_throughput
from llm_benchmarks.throughput import models as model_throughput


@pytest.fixture(autouse=True)
def small(monkeypatch):
    sizes = {"VOCABULARY": 30, "PROMPT": 4, "ANSWER": 10, "EPISODES": 5, "MODEL": "nano", "TRAINED": "nano"}
    for name, value in sizes.items():
        monkeypatch.setattr(learner_throughput, name, value)
    monkeypatch.setattr(end_to_end, "WARM_START", {"total_timesteps": 200, "eval_freq": 0})
    monkeypatch.setattr(comparison_line, "ROUNDS", 1)


def test_every_comparison_measures_both_sides():
    lines = learner_throughput.measure()
    assert [line.unit for line in lines] == [*["s"] * 4, "tokens/s", "tokens/s", "s", "bytes/transition"]
    for line in lines:
        assert line.ours > 0
        assert line.theirs > 0
        assert line.low <= line.ratio <= line.high
    assert len({line.name for line in lines}) == len(lines)


def test_works_run_in_turn_and_the_first_round_is_not_counted():
    calls = []

    def work(name, figures):
        return lambda: calls.append(name) or figures.pop(0)

    line = comparison_line.in_turn("a", work("ours", [100.0, 4.0]), "b", work("theirs", [1.0, 2.0]), "s")
    assert calls == ["ours", "theirs"] * 2
    assert (line.ours, line.theirs, line.ratio) == (4.0, 2.0, 2.0)


def test_pretrained_model_is_measured_in_training_and_at_every_batch_size(tmp_path, monkeypatch, capsys):
    model, openings = save_model(tmp_path), tmp_path / "openings.csv"
    nouns = ("dog", "cat", "bird")
    said = (
        f"{article} {noun} {verb}" for article in ("the", "a") for noun in nouns for verb in ("sees", "likes")
    )
    openings.write_text("source\n" + "\n".join(said))
    sizes = {"PROMPT": 4, "ANSWER": 6, "BATCHES": (4, 8), "OPENINGS": f"file:{openings}"}
    for name, value in sizes.items():
        monkeypatch.setattr(model_throughput, name, value)
    assert model_throughput.run(str(model), device="cpu", json_output=True) == 0
    lines = json.loads(capsys.readouterr().out)
    assert [line["unit"] for line in lines] == [*["tokens/s", "s", "MB"] * 2, "s"]
    assert all(line["ours"] > 0 and line["theirs"] > 0 for line in lines)
    assert lines[2]["ours"] >= lines[2]["theirs"]


def test_unknown_model_is_named_in_the_error():
    done = CliRunner().invoke(cli.commands, ["throughput", "--model", "smolm2-135m"])
    assert isinstance(done.exception, InputError)
    assert "smolm2-135m" in str(done.exception)
