"""Shards: parts of a suite for machines that share nothing; their stores merge into that of the whole."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from engine_here import EngineHere, completed
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from llm_benchmarks.commands.app import commands
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.outcome import SuiteOutcome
from llm_benchmarks.run.planning import Shard, parse_shard, plan
from llm_benchmarks.run.progress import SuiteProgress
from llm_benchmarks.run.runner import run_suite
from llm_benchmarks.run.suite import Suite, load_suite

# The second table repeats a cell of the first, and so does the third in other words.
TEXT = """
[[cells]]
envs = ["TextGen-Tiny-v0"]
agents = ["random"]
seeds = [0, 1, 2, 3]
[[cells]]
envs = ["TextGen-Tiny-v0"]
agents = ["reference", "random"]
seeds = [1]
[[cells]]
envs = ["llm_envs:TextGen-Tiny-v0"]
agents = ["random"]
evaluation = { metrics = "default" }
[evaluation]
episodes = 2
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    path = tmp_path_factory.mktemp("suite") / "suite.toml"
    path.write_text(TEXT)
    return load_suite(path)


@given(items=st.lists(st.integers()), count=st.integers(1, 40))
def test_every_item_is_in_exactly_one_shard(items: list[int], count: int) -> None:
    named = list(enumerate(items))
    parts = [Shard(number, count).of(named) for number in range(1, count + 1)]
    assert sorted(item for part in parts for item in part) == named
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "-1/2", "a/b", "1/2/3", "1.5/2", "1/9999999"])
def test_a_shard_that_is_none_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"--shard .* must be I/N with I from 1 to N"):
        parse_shard(text)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
def test_shards_of_a_suite_are_disjoint_and_complete_even_with_repeated_cells(
    count: int, suite: Suite, tmp_path: Path
) -> None:
    def planned(number: int) -> tuple[list[str], SuiteOutcome]:
        outcome = SuiteOutcome()
        cells = plan(
            suite.cells, RecordStore(tmp_path), outcome, SuiteProgress(None), parse_shard(f"{number}/{count}")
        )
        return [cell.spec.identity() for cell in cells], outcome

    parts = [planned(number) for number in range(1, count + 1)]
    assert parts[0][0] == planned(1)[0]
    keys = [key for part, _ in parts for key in part]
    assert len(keys) == len(set(keys)) == 5
    for part, outcome in parts:
        assert len(part) + len(outcome.skipped) + len(outcome.elsewhere) == len(suite.cells) == 7


def test_the_merged_stores_of_all_shards_are_that_of_the_whole(suite: Suite, tmp_path: Path) -> None:
    whole = RecordStore(tmp_path / "whole")
    assert len(run_suite(suite, whole, engine=EngineHere()).completed) == 5
    names = ["one", "two", "three"]
    for number, name in enumerate(names, 1):
        outcome = run_suite(suite, RecordStore(tmp_path / name), engine=EngineHere(), shard=Shard(number, 3))
        assert not outcome.failed
    for number, order in enumerate(permutations(names)):
        into = tmp_path / f"merged {number}"
        words = ["leaderboard", "merge", *(str(tmp_path / name) for name in order), "--store", str(into)]
        assert CliRunner().invoke(commands, words).exit_code == 0
        assert completed(RecordStore(into)) == completed(whole)
    again = CliRunner().invoke(commands, words)
    assert "0 copied" in again.stdout
    assert len(RecordStore(into).ids()) == 5


def test_a_shard_goes_on_where_it_was_stopped(suite: Suite, tmp_path: Path) -> None:
    store, shard = RecordStore(tmp_path / "store"), Shard(2, 2)
    first = run_suite(suite, store, engine=EngineHere(), shard=shard)
    engine = EngineHere()
    second = run_suite(suite, store, engine=engine, shard=shard)
    assert len(first.completed) == 2
    assert engine.started == []
    assert len(second.skipped) >= 2
