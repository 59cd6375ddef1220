"""The demo: its verdicts, and the whole of it on an environment of seconds."""

from __future__ import annotations

from pathlib import Path

import made_up
import pytest

from llm_benchmarks.commands.demo import run, verdict
from llm_benchmarks.leaderboard.tables import leaderboard_tables
from llm_benchmarks.records.store import RecordStore

ENV = "Translation-v0"


def tables(store: RecordStore, learner: list[float], random: list[float]):  # type: ignore[no-untyped-def]
    for agent, seed, rewards in (("sb3_dqn", 1, learner), ("random", None, random)):
        record, rows = made_up.run(agent, seed, rewards)
        store.write(record, rows)
    return leaderboard_tables(store.records())


@pytest.mark.parametrize(("learner", "beats"), [([0.8, 0.9, 0.8, 0.9], True), ([0.1, 0.2, 0.1, 0.0], False)])
def test_the_verdict_follows_the_interval(tmp_path: Path, learner: list[float], beats: bool) -> None:
    found = tables(RecordStore(tmp_path), learner, [0.1, 0.1, 0.2, 0.0])
    line, holds = verdict(ENV, found)
    assert holds is beats
    assert line.startswith(f"{ENV}: {'yes' if beats else 'unclear'}, ")
    assert "by example" in line


def test_nothing_is_claimed_without_records() -> None:
    assert verdict(ENV, []) == (f"{ENV}: unknown, because a completed run is missing", False)


def test_the_whole_demo_on_a_small_suite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite = tmp_path / "small.toml"
    suite.write_text(
        '[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["random", "reference"]\n'
        '[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["sb3_dqn"]\ntotal_timesteps = 100\n'
        "config = {eval_freq = 0}\n"
    )
    status = run(tmp_path / "store", suite=str(suite), processes=1)
    out = capsys.readouterr().out
    assert status in (0, 1)
    assert ("TextGen-Tiny-v0: yes" in out) == (status == 0)
    assert "3 done, 0 in the store before, 0 failed" in out
    assert f"the leaderboard as a page (0.1 MB): {tmp_path / 'store' / 'leaderboard.html'}" in out
    for part in ("before (random)", "after (sb3_dqn)", "reference, 1.000", "The records stand in"):
        assert part in out
