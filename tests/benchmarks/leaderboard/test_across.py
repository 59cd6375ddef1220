"""Statistics over several environments."""

from __future__ import annotations

import json

import made_up
import pytest

from llm_benchmarks.commands.app import main
from llm_benchmarks.leaderboard.across import Shared, most_shared
from llm_benchmarks.records.store import RecordStore


def test_the_tables_with_most_scores_are_shared() -> None:
    three = {0: [0.1] * 3, 1: [0.2] * 3, 2: [0.3] * 3}
    two = {0: [0.1] * 3, 1: [0.2] * 3}
    assert most_shared({"a": three, "b": three, "c": two}) == Shared((0, 1, 2), ("a", "b"))
    assert most_shared({"a": three, "b": three, "c": two, "d": two}) == Shared((0, 1), ("a", "b", "c", "d"))


def test_agents_that_share_one_table_have_no_statistics_over_tables() -> None:
    assert most_shared({"a": {0: [0.1], 1: [0.2]}, "b": {1: [0.2], 2: [0.3]}}) is None
    assert most_shared({}) is None


def test_the_command_prints_statistics_on_the_normalised_scale(
    store: RecordStore, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["leaderboard", "across", "--store", str(store.path)]
    for env in ("Translation-v0", "TextGen-v0"):
        for agent, mean in (("random", 0.1), ("reference", 0.9)):
            store.write(*made_up.run(agent, None, [mean] * 4, env=env))
    assert main(words) == 2
    assert "no two trained agents" in capsys.readouterr().err
    for env in ("Translation-v0", "TextGen-v0"):
        for agent, mean in (("better", 0.7), ("worse", 0.3)):
            for seed in (1, 2, 3):
                store.write(*made_up.run(agent, seed, [mean + 0.01 * seed] * 4, env=env))
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "normalised scores over TextGen-v0 (en-de), Translation-v0 (en-de)" in out
    assert out.index("better") < out.index("worse")
    assert "0.775 [" in out  # (0.72 - 0.1) / (0.9 - 0.1)
    assert main([*words, "--json"]) == 0
    better, worse = json.loads(capsys.readouterr().out)["agents"]
    assert better["statistics"]["mean"][0] == pytest.approx(0.775)
    assert worse["statistics"]["optimality gap"][0] == pytest.approx(1 - 0.275)
    assert better["share"][0] == 1.0
    assert better["share"][-1] == 0.0
