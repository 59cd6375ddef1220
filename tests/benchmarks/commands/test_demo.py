"""The demo: its verdicts, and the whole of it on an environment of seconds."""

from __future__ import annotations

from pathlib import Path

import made_up
import pytest

from llm_benchmarks.commands.demo import run, verdict
from llm_benchmarks.leaderboard.tables import leaderboard_tables
from llm_benchmarks.records.store import RecordStore

ENV = "Translation-v0"


def verdict_of(store: RecordStore, learner: list[float], baseline: list[float]) -> tuple[str, bool]:
    for agent, rewards in (("token_dqn", learner), ("sb3_dqn", baseline)):
        record, rows = made_up.run(agent, 1, rewards)
        store.write(record, rows)
    return verdict(ENV, leaderboard_tables(store.records()), store)


@pytest.mark.parametrize(
    ("learner", "baseline", "answer"),
    [
        ([0.8, 0.9, 0.8, 0.9], [0.1, 0.1, 0.2, 0.0], "yes"),
        ([0.1, 0.2, 0.1, 0.0], [0.1, 0.1, 0.2, 0.0], "unclear"),
        ([0.1, 0.1, 0.2, 0.0], [0.8, 0.9, 0.8, 0.9], "no"),
    ],
)
def test_the_verdict_follows_the_interval(
    tmp_path: Path, learner: list[float], baseline: list[float], answer: str
) -> None:
    line, holds = verdict_of(RecordStore(tmp_path), learner, baseline)
    assert holds is (answer == "yes")
    assert line.startswith(f"{ENV}: {answer}, ")
    assert "by example" in line


def test_nothing_is_claimed_without_records(tmp_path: Path) -> None:
    assert verdict(ENV, [], RecordStore(tmp_path)) == (
        f"{ENV}: unknown, because a completed run is missing",
        False,
    )


def test_the_whole_demo_on_a_small_suite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite = tmp_path / "small.toml"
    suite.write_text(
        "[evaluation]\nnote_values = true\n"
        '[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["random", "reference"]\n'
        '[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["sb3_dqn"]\ntotal_timesteps = 100\n'
        "config = {eval_freq = 0}\n"
        '[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["token_dqn"]\ntotal_timesteps = 200\n'
        'config = {eval_freq = 0, model = "tiny", warm_start = false, q = "head"}\n'
    )
    status = run(tmp_path / "store", suite=str(suite), processes=1)
    out = capsys.readouterr().out
    assert status in (0, 1)
    assert ("TextGen-Tiny-v0: yes" in out) == (status == 0)
    assert "4 done, 0 in the store before, 0 failed" in out
    assert "V2      4" in out
    assert "MB): " + str(tmp_path / "store" / "leaderboard.html") in out
    for part in ("before (random)", "sb3_dqn, ", "token_dqn, ", "reference, 1.000", "The records stand in"):
        assert part in out
