"""The throughput report measures what it names; its figures are nobody's test."""

from __future__ import annotations

import pytest

from llm_benchmarks import comparison_line, learner_throughput


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, value in {"VOCABULARY": 30, "PROMPT": 4, "ANSWER": 10, "EPISODES": 5, "MODEL": "nano"}.items():
        monkeypatch.setattr(learner_throughput, name, value)
    monkeypatch.setattr(comparison_line, "ROUNDS", 1)


def test_every_line_is_measured_beside_something():
    lines = learner_throughput.measure()
    assert [line.unit for line in lines] == ["s", "s", "s", "tokens/s", "tokens/s", "bytes/transition"]
    for line in lines:
        assert line.ours > 0
        assert line.theirs > 0
        assert line.low <= line.ratio <= line.high
    assert len({line.name for line in lines}) == len(lines)


def test_works_take_turns_and_the_first_round_is_not_counted():
    calls = []

    def work(name, figures):
        return lambda: calls.append(name) or figures.pop(0)

    line = comparison_line.in_turn("a", work("ours", [100.0, 4.0]), "b", work("theirs", [1.0, 2.0]), "s")
    assert calls == ["ours", "theirs"] * 2
    assert (line.ours, line.theirs, line.ratio) == (4.0, 2.0, 2.0)
