"""Running suites: processes of their own, records of whatever happens, nothing run twice."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_up_agents import SOURCE
from rich.console import Console
from typer.testing import CliRunner

from llm_benchmarks.commands.app import commands
from llm_benchmarks.records.record import seeds_are_disjoint
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run import execution
from llm_benchmarks.run.cell import run_cell
from llm_benchmarks.run.cells import Cell, Evaluation
from llm_benchmarks.run.progress import SuiteProgress
from llm_benchmarks.run.runner import run_suite
from llm_benchmarks.run.suite import load_suite
from llm_envs.evaluation import episode_seed

TINY = 'envs = ["TextGen-Tiny-v0"]\n'


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module of agents, from which suites are run."""
    (tmp_path / "their_agents.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def suite(place: Path, text: str):  # type: ignore[no-untyped-def]
    (place / "suite.toml").write_text(text)
    return load_suite(place / "suite.toml")


def test_a_suite_end_to_end(place: Path) -> None:
    text = f"""
        [[cells]]
        {TINY}agents = ["random", "their_agents:fails", "their_agents:dies"]
        seeds = [0, 1]
        [[cells]]
        {TINY}agents = ["reference", "their_agents:Last"]
        [[cells]]
        {TINY}agents = ["their_agents:Learner"]
        total_timesteps = 40
        config = {{token = 3}}
    """
    store = RecordStore(place / "store")
    outcome = run_suite(suite(place, text), store, processes=2)
    assert [str(cell) for cell, _ in outcome.failed].count("TextGen-Tiny-v0 their_agents:fails seed 0") == 1
    assert len(outcome.completed) == 5
    assert len(outcome.failed) == 4

    records = store.records()
    by_agent = {record.spec.agent.name: record for record in records}
    assert by_agent["reference"].results["mean_reward"] == 1.0  # type: ignore[index]
    assert by_agent["random"].training_seed is None
    seeds = {r.evaluation.seed for r in records if r.spec.agent.name == "random"}
    assert seeds == {1_000_000, 1_000_001}

    learner = by_agent["their_agents:Learner"]
    assert learner.spec.agent.config == {"token": 3}
    assert learner.facts["checkpoint_hash"] is not None
    assert learner.training_seed == 0
    assert learner.cost["environment_steps"] == 40
    assert learner.provenance["threads"] == 1
    assert learner.curve()[0]["eval/mean_reward"] == 0.25
    assert len(learner.episodes()) == learner.evaluation.episodes == 29
    assert all(seeds_are_disjoint(record.spec) for record in records)

    failed = by_agent["their_agents:fails"]
    assert failed.error is not None
    assert (failed.status, failed.error["type"]) == ("failed", "RuntimeError")
    assert "out of ideas" in failed.error["traceback"]
    assert "status 3" in by_agent["their_agents:dies"].error["message"]  # type: ignore[index]

    again = run_suite(suite(place, text), store, processes=2)
    assert len(again.skipped) == 5
    assert not again.completed
    assert len(again.failed) == 4


def test_a_refused_checkpoint_still_leaves_a_record(place: Path) -> None:
    text = f"""
        [run]
        keep_checkpoints = true
        [[cells]]
        {TINY}agents = ["their_agents:Pickler"]
        total_timesteps = 40
    """

    class Listening(SuiteProgress):
        def ended(self, cell: Cell, status: str, score: float | None, seconds: float, message: str) -> None:
            messages.append(message)

    messages: list[str] = []
    store = RecordStore(place / "store")
    outcome = run_suite(suite(place, text), store, progress=Listening(None))
    assert len(outcome.completed) == 1
    assert "weights.pkl" in messages[0]
    assert [record.status for record in store.records()] == ["completed"]


def test_a_records_episodes_are_scored_by_the_evaluations_reward(tmp_path: Path) -> None:
    cell = Cell(
        env="TextGen-Tiny-v0",
        agent="reference",
        reward="length_penalty",
        env_kwargs={"reward_timing": "dense"},
        evaluation=Evaluation(episodes=3, reward="chrf"),
    )
    store = RecordStore(tmp_path)
    done = run_cell(cell, store)
    record = store.read(done.record)
    assert [list(row["reward_components"]) for row in record.episodes()] == [["chrf"]] * 3
    assert record.results is not None
    assert done.score == record.results["mean_reward"] == pytest.approx(1.0)
    assert record.evaluation.reward.spec == "chrf"


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_cell_is_played_with_the_seed_and_the_decoding_of_its_record(
    deterministic: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[tuple[int, bool]] = []
    evaluate = execution.evaluate

    def watched(policy: Any, env: Any, episodes: int, seed: int, **options: Any) -> Any:
        played.append((seed, options["deterministic"]))
        return evaluate(policy, env, episodes, seed, **options)

    monkeypatch.setattr(execution, "evaluate", watched)
    judged = Evaluation(episodes=3, seed=500, deterministic=deterministic)
    store = RecordStore(tmp_path)
    cell = Cell(env="TextGen-Tiny-v0", agent="random", seed=1, evaluation=judged)
    record = store.read(run_cell(cell, store).record)
    assert played == [(501, deterministic)]
    assert (record.evaluation.seed, record.evaluation.deterministic) == played[0]
    assert [row["seed"] for row in record.episodes()] == [episode_seed(501, k) for k in range(3)]


def test_two_runs_write_the_same_texts(place: Path) -> None:
    text = f'[[cells]]\n{TINY}agents = ["random"]\n[evaluation]\nepisodes = 10\n'
    rows = []
    for name in ("one", "two"):
        store = RecordStore(place / name)
        run_suite(suite(place, text), store)
        rows.append(store.records()[0].episodes())
    assert rows[0] == rows[1]
    assert len(rows[0]) == 10


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """A shell's background jobs begin with Ctrl-C ignored, tests among them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("hears_ctrl_c")
def test_an_interruption_stops_and_records_the_cells(place: Path, how: signal.Signals) -> None:
    text = f'[[cells]]\n{TINY}agents = ["their_agents:waits", "random"]\n[run]\nprocesses = 1\n'

    class Interrupting(SuiteProgress):
        """Once the cell runs: while libraries are imported one of them may swallow it."""

        def started(self, cell: Cell) -> None:
            super().started(cell)
            threading.Timer(1.0, os.kill, (os.getpid(), how)).start()

    store = RecordStore(place / "store")
    outcome = run_suite(suite(place, text), store, progress=Interrupting(None))
    assert outcome.interrupted
    assert [record.status for record in store.records()] == ["interrupted"]


def test_stopping_one_cells_process_leaves_the_others_running(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f'[[cells]]\n{TINY}agents = ["their_agents:waits", "random"]\n[run]\nprocesses = 1\n'
    started: list[subprocess.Popen[str]] = []
    begin = subprocess.Popen

    def remembered(*arguments: Any, **options: Any) -> subprocess.Popen[str]:
        started.append(begin(*arguments, **options))
        return started[-1]

    def stop(process: subprocess.Popen[str]) -> None:
        while process.poll() is None:  # while libraries are imported one of them may swallow it
            time.sleep(4.0)
            process.send_signal(signal.SIGTERM)

    class Stopping(SuiteProgress):
        """Once the cell runs."""

        def started(self, cell: Cell) -> None:
            super().started(cell)
            if "waits" in str(cell):
                threading.Thread(target=stop, args=started, daemon=True).start()

    monkeypatch.setattr("llm_benchmarks.run.cell_process.subprocess.Popen", remembered)
    store = RecordStore(place / "store")
    outcome = run_suite(suite(place, text), store, progress=Stopping(None))
    assert not outcome.interrupted
    assert [message for _, message in outcome.failed] == ["its process was told to stop"]
    assert len(outcome.completed) == 1
    assert sorted(record.status for record in store.records()) == ["completed", "interrupted"]


def test_a_cell_that_ended_before_the_interruption_is_completed(place: Path) -> None:
    text = f'[[cells]]\n{TINY}agents = ["random", "their_agents:waits"]\n[run]\nprocesses = 2\n'

    class Interrupting(SuiteProgress):
        """Interrupts while what the first process has said is still in the queue."""

        def started(self, cell: Cell) -> None:
            super().started(cell)
            if "waits" in str(cell):
                while not store.ids():
                    time.sleep(0.1)
                time.sleep(2.0)
                raise KeyboardInterrupt

    store = RecordStore(place / "store")
    outcome = run_suite(suite(place, text), store, progress=Interrupting(None))
    assert outcome.interrupted
    assert [cell.agent for cell in outcome.completed] == ["random"]
    assert outcome.failed == []
    assert sorted(record.status for record in store.records()) == ["completed", "interrupted"]


def test_cells_with_equal_names_have_separate_bars(place: Path) -> None:
    """Their configurations tell them apart, their names do not."""
    text = f"""
        [[cells]]
        {TINY}agents = ["their_agents:Last"]
        config = {{token = 1}}
        [[cells]]
        {TINY}agents = ["their_agents:Last"]
        config = {{token = 2}}
    """
    terminal = Console(file=io.StringIO(), force_terminal=True)
    store = RecordStore(place / "store")
    outcome = run_suite(suite(place, text), store, processes=2, progress=SuiteProgress(terminal))
    assert len(outcome.completed) == 2


def test_an_error_in_the_suite_itself_leaves_no_process_behind(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[str]] = []
    begin = subprocess.Popen

    def remembered(*arguments: Any, **options: Any) -> subprocess.Popen[str]:
        started.append(begin(*arguments, **options))
        return started[-1]

    class Broken(SuiteProgress):
        def started(self, cell: Cell) -> None:
            time.sleep(6.0)  # while libraries are imported one of them may swallow what stops it
            raise RuntimeError("no place to show it")

    monkeypatch.setattr("llm_benchmarks.run.cell_process.subprocess.Popen", remembered)
    text = f'[[cells]]\n{TINY}agents = ["their_agents:waits"]\n'
    with pytest.raises(RuntimeError, match="no place"):
        run_suite(suite(place, text), RecordStore(place / "store"), progress=Broken(None))
    assert [process.poll() is not None for process in started] == [True]


def test_fewer_than_one_process_is_an_error(place: Path) -> None:
    with pytest.raises(ValueError, match="processes=-1 must be at least 1"):
        run_suite(suite(place, f'[[cells]]\n{TINY}agents = ["random"]\n'), RecordStore(place), processes=-1)


def test_trained_agents_differ_by_their_training_environment(place: Path) -> None:
    for name, timing in (("dense", "dense"), ("terminal", "terminal")):
        words = ["--env", "TextGen-Tiny-v0", "--agent", "unigram", "--seed", "3", "--out", name]
        done = CliRunner().invoke(commands, ["train", *words, "--env-set", f"reward_timing={timing}"])
        assert done.exit_code == 0
    store = RecordStore(place / "store")
    outcome = run_suite(suite(place, f'[[cells]]\n{TINY}agents = ["dense", "terminal"]\n'), store)
    assert len(outcome.completed) == 2
    kinds = {record.spec.environment.kwargs["reward_timing"] for record in store.records()}
    assert kinds == {"dense", "terminal"}
    other = '[[cells]]\nenvs = ["TextGen-Code-v0"]\nagents = ["dense"]\n'
    (failed,) = run_suite(suite(place, other), store).failed
    assert "'dense' was trained on TextGen-Tiny-v0, not on TextGen-Code-v0" in failed[1]


def told_of(place: Path, text: str) -> list[tuple[str, int, int]]:
    """What is told of a suite's cells while they run: phase, done, total."""

    class Listening(SuiteProgress):
        def advanced(self, cell: Cell, phase: str, done: int, total: int) -> None:
            positions.append((phase, done, total))

    positions: list[tuple[str, int, int]] = []
    run_suite(suite(place, text), RecordStore(place / "store"), progress=Listening(None))
    return positions


def test_agents_without_steps_show_progress_in_tokens(place: Path) -> None:
    text = f'[[cells]]\n{TINY}agents = ["their_agents:Reads"]\ntotal_timesteps = 40\n'
    assert ("training", 20, 40) in told_of(place, text)


def test_a_stage_before_training_is_shown_by_name(place: Path) -> None:
    warm = "{ total_timesteps = 20000, copy_steps = 0, eval_freq = 0 }"
    config = f'{{ supervised = {warm}, eval_freq = 0, model = "nano" }}'
    text = f'[[cells]]\n{TINY}agents = ["token_dqn"]\ntotal_timesteps = 100\nconfig = {config}\n'
    first = [(done, total) for phase, done, total in told_of(place, text) if phase == "warm start"]
    assert first  # a phase is told when it begins, however short it is
    assert all(0 <= done <= total == 20000 for done, total in first)
