"""Texts of records: every row's, of the same examples, whole and without control characters."""

from __future__ import annotations

import json

import made_up
import pytest

from llm_benchmarks.commands.app import main
from llm_benchmarks.leaderboard.samples import spread
from llm_benchmarks.records.store import RecordStore

ENV = "Translation-v0"


@pytest.fixture
def filled(store: RecordStore) -> RecordStore:
    for agent, seed in (("mine", 1), ("reference", None)):
        record, rows = made_up.run(agent, seed)
        for row in rows:
            row["text"] = f"{agent}\nwrote \x1b[31m{row['index']}"
        store.write(record, rows)
    return store


def test_texts_stand_at_even_distances() -> None:
    rows = [{"index": i} for i in range(10)]
    assert [row["index"] for row in spread(rows, 3)] == [0, 3, 6]
    assert [row["index"] for row in spread(rows[:2], 3)] == [0, 1]


def test_samples_of_every_row(filled: RecordStore, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["leaderboard", "samples", "--store", str(filled.path), "--env", ENV, "--n", "2"]
    assert main(words) == 0
    out = capsys.readouterr().out
    for agent in ("mine", "reference"):
        assert f"{ENV}: {agent}, score 0.250" in out
        for index in (0, 2):
            assert f"  text    {agent}\n          wrote \\x1b[31m{index}\n" in out
    assert out.count("  reward  0.100\n") == out.count("  reward  0.300\n") == 2
    assert "  source  say 0 你好\n" in out


def test_samples_of_one_agent_for_a_program(filled: RecordStore, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["leaderboard", "samples", "--store", str(filled.path), "--env", ENV, "--json"]
    assert main([*words, "--agent", "mine"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["agent"], row["score"], len(row["episodes"])) == ("mine", 0.25, 3)
    assert row["episodes"][0]["text"] == "mine\nwrote \x1b[31m0"


def test_a_missing_row_is_an_error_that_lists_the_agents(
    filled: RecordStore, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["leaderboard", "samples", "--store", str(filled.path), "--env", ENV, "--agent", "mime"]
    assert main(words) == 2
    assert "did you mean 'mine'? there are mine, reference" in capsys.readouterr().err
