"""`llm-envs train --show-samples` prints sampled texts with their reward components."""

from __future__ import annotations

import pytest

from llm_benchmarks.__main__ import main

TINY = "TextGen-Tiny-v0"


@pytest.mark.parametrize(
    ("agent", "options"),
    [("token_dqn", ("model=nano", "warm_start=false", "log_samples=1")), ("sb3_dqn", ("log_samples=1",))],
)
def test_samples_are_printed_while_it_trains(capsys, monkeypatch, tmp_path, agent, options):
    monkeypatch.chdir(tmp_path)
    words = ["train", "--env", TINY, "--agent", agent, "--out", "a", "--total-timesteps", "600"]
    words += ["--reward", '{"token_f1": 1.0, "length_penalty": -0.1}', "--show-samples"]
    assert main([*words, *(word for option in options for word in ("--set", option))]) == 0
    err = capsys.readouterr().err
    assert "samples, best first:" in err
    assert "token_f1 " in err
    assert "length_penalty " in err
    assert "    -> " in err


def test_an_agent_that_plays_nothing_and_one_that_logs_nothing_are_refused(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    words = ["train", "--env", TINY, "--out", "a", "--show-samples"]
    assert main([*words, "--agent", "supervised"]) == 2
    assert "'supervised' logs none" in capsys.readouterr().err
    assert main([*words, "--agent", "token_dqn", "--set", "log_samples=0"]) == 2
    assert "log_samples=0" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
