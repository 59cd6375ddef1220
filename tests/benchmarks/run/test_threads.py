"""Small models run on one thread, unless the user says otherwise."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from llm_baselines.spec import AgentSpec
from llm_benchmarks.commands.app import main
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.suite import find_suite, load_suite
from llm_benchmarks.run.threads import THREAD_VARIABLES, limit_threads, with_threads

SMALL = AgentSpec(name="token_dqn", entry_point="")
PRETRAINED = AgentSpec(name="lm_greedy", entry_point="", base_model={"name": "a folder", "hash": "0"})
OWN = AgentSpec(name="my_agent:make_agent", entry_point="")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A user who has set no variable, on a machine where torch chose three threads."""
    for name in THREAD_VARIABLES:
        monkeypatch.setenv(name, "")  # so that it is restored, whatever a test sets
        monkeypatch.delenv(name)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("agent", "threads"), [(SMALL, 1), (PRETRAINED, 3), (OWN, 3)], ids=["small", "pretrained", "own code"]
)
def test_without_a_word_only_models_from_scratch_get_one_thread(agent: AgentSpec, threads: int) -> None:
    limit_threads(None, agent)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("agent", [SMALL, PRETRAINED])
def test_omp_num_threads_is_not_overridden(agent: AgentSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    limit_threads(None, agent)
    assert torch.get_num_threads() == 3
    assert os.environ["OMP_NUM_THREADS"] == "3"


@pytest.mark.parametrize("agent", [SMALL, PRETRAINED, OWN])
def test_a_number_on_the_command_line_decides_also_for_child_processes(
    agent: AgentSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    limit_threads(2, agent)
    assert torch.get_num_threads() == 2
    assert {os.environ[name] for name in THREAD_VARIABLES} == {"2"}


def test_cells_of_a_suite_use_as_many_threads_as_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    suite = load_suite(find_suite("llm_demo"))
    assert with_threads(suite, None) == suite
    assert with_threads(suite, 5).run.threads == 5
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert with_threads(suite, None).run.threads == 3
    assert with_threads(suite, 5).run.threads == 5


@pytest.mark.parametrize(("words", "threads"), [((), 1), (("--threads", "2"), 2)])
def test_a_record_says_how_many_threads_were_used(
    tmp_path: Path, words: tuple[str, ...], threads: int
) -> None:
    command = ["evaluate", "--env", "TextGen-Tiny-v0", "--agent", "random", "--episodes", "2"]
    assert main([*command, "--store", str(tmp_path), *words]) == 0
    (record,) = RecordStore(tmp_path).records()
    assert record.provenance["threads"] == threads


def test_no_threads_are_bad_input(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    command = ["train", "--env", "TextGen-Tiny-v0", "--agent", "sb3_dqn", "--out", str(tmp_path / "out")]
    assert main([*command, "--threads", "0"]) == 2
    assert "--threads" in capsys.readouterr().err
