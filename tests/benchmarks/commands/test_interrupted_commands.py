"""Two processes that want the same, processes without a parent, and disks that refuse: nothing is lost."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from forked_commands import Commands
from made_up import cost, provenance
from made_up import run as made_up_run
from made_up_agents import SOURCE
from slow_agents import AGENTS_OF_OTHERS

from llm_baselines.storage.locks import try_lock
from llm_benchmarks.console.input import INTERRUPTED
from llm_benchmarks.records.record import new_record
from llm_benchmarks.records.record_file import record_path
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run import training as training_module
from llm_benchmarks.run.cell import run_cell
from llm_benchmarks.run.cells import Cell, Evaluation, SuiteError
from llm_benchmarks.run.resolve import resolve
from llm_benchmarks.run.runner import run_suite
from llm_benchmarks.run.suite import load_suite
from llm_benchmarks.run.training import UnsavedError, prepare

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks processes and kills them")

WAITS = """
[[cells]]
envs = ["TextGen-Tiny-v0"]
agents = ["their_agents:Waits"]
total_timesteps = 1
[evaluation]
episodes = 3
"""
BENCHMARK = ("benchmark", "suite.toml", "--store", "store")
TRAIN = ("train", "--env", "TextGen-Tiny-v0", "--agent", "their_agents:Waits", "--total-timesteps", "1")
OUT = (*TRAIN, "--out", "out")


@pytest.fixture
def commands(served: Any, tmp_path: Path) -> Commands:
    (tmp_path / "their_agents.py").write_text(AGENTS_OF_OTHERS)
    (tmp_path / "suite.toml").write_text(WAITS)
    return Commands(served, tmp_path)


def wait_for(path: Path) -> None:
    end = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < end, f"'{path}' never came"
        time.sleep(0.01)


def records(commands: Commands) -> list[str]:
    """The statuses in the store, once nobody runs its cells any more; nothing else is there."""
    store = RecordStore(commands.folder / "store")
    locks = store.path / ".locks"
    for path in list(locks.iterdir()) if locks.exists() else []:
        while (lock := try_lock(path)) is None:
            time.sleep(0.01)
        lock.release()
    store.tidy()
    assert {path.name for path in store.path.iterdir()} == {
        record_path(store.path, id).name for id in store.ids()
    }
    return [record.status for record in store.records()]


@pytest.mark.parametrize(("where", "ends"), [("training", "interrupted"), ("evaluating", "completed")])
def test_a_cell_whose_parent_was_killed_ends_and_is_recorded(
    where: str, ends: str, commands: Commands
) -> None:
    """A training stops, as there is nobody to stop it later; what is left after a training is done."""
    if where == "evaluating":
        (commands.folder / "go on training").touch()
    program = [sys.executable, "-m", "llm_benchmarks", *BENCHMARK]
    with subprocess.Popen(program, cwd=commands.folder, stdout=subprocess.DEVNULL) as process:
        wait_for(commands.folder / where)
        process.kill()
    (commands.folder / "go on evaluating").touch()
    assert records(commands) == [ends]
    (commands.folder / "go on training").touch()
    assert commands.run(*BENCHMARK) == 0
    assert sorted(records(commands)) == sorted({ends, "completed"})


def test_two_suites_at_a_time_run_a_cell_once(commands: Commands) -> None:
    first = commands.start(*BENCHMARK)
    wait_for(commands.folder / "training")
    second = commands.start(*BENCHMARK)
    while "another process runs it" not in commands.log(second):
        time.sleep(0.01)
    for where in ("training", "evaluating"):
        (commands.folder / f"go on {where}").touch()
    assert [commands.wait(pid) for pid in (first, second)] == [0, 0]
    assert "1 done, 0 in the store before, 0 failed" in commands.log(first)
    assert "0 done, 1 in the store before, 0 failed" in commands.log(second)
    assert records(commands) == ["completed"]


def test_a_cell_that_failed_in_another_process_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "suite.toml").write_text('[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["random"]\n')
    suite, store, claim = (
        load_suite(tmp_path / "suite.toml"),
        RecordStore(tmp_path / "store"),
        RecordStore.claim,
    )

    def fails_meanwhile(self: RecordStore, identity: str) -> Any:
        error = {"type": "MemoryError", "message": "no", "traceback": "..."}
        resolved = resolve(suite.cells[0])
        given = (resolved.spec, resolved.facts)
        store.write(new_record(*given, status="failed", error=error, provenance=provenance(), cost=cost()))
        return claim(self, identity)

    monkeypatch.setattr(RecordStore, "claim", fails_meanwhile)
    outcome = run_suite(suite, store)
    assert [message for _, message in outcome.failed] == ["MemoryError: no (run by another process)"]
    assert [record.status for record in store.records()] == ["failed"]


def test_a_cell_that_dies_after_recording_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies = """
def dies(env, seed, device):
    import os, signal, sys
    def tell(self, **event):
        if event["event"] != "progress":
            os.kill(os.getpid(), signal.SIGKILL)
    sys.modules["__main__"]._Events.tell = tell
    return Last(env, seed, device)
"""
    (tmp_path / "their_agents.py").write_text(SOURCE + dies)
    text = (
        '[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["their_agents:dies"]\n[evaluation]\nepisodes = 3\n'
    )
    (tmp_path / "suite.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    store = RecordStore(tmp_path / "store")
    outcome = run_suite(load_suite(tmp_path / "suite.toml"), store)
    assert (len(outcome.completed), outcome.failed) == (1, [])
    assert [record.status for record in store.records()] == ["completed"]


@pytest.mark.parametrize("how", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_an_interrupted_evaluation_is_recorded(how: str, commands: Commands) -> None:
    waits = "\ndef waits(env, seed, device):\n    return Waits(env, seed, device)\n"
    (commands.folder / "their_agents.py").write_text(AGENTS_OF_OTHERS + waits)
    pid = commands.start(
        "evaluate", "--env", "TextGen-Tiny-v0", "--agent", "their_agents:waits", "--store", "store"
    )
    wait_for(commands.folder / "evaluating")
    os.kill(pid, signal.Signals[how])
    assert commands.wait(pid) == INTERRUPTED
    assert "Traceback" not in commands.log(pid)
    assert records(commands) == ["interrupted"]


# Trainings.


@pytest.mark.parametrize("resume", [(), ("--resume",)])
def test_a_second_training_in_a_folder_is_refused(resume: tuple[str, ...], commands: Commands) -> None:
    first = commands.start(*OUT)
    wait_for(commands.folder / "training")
    second = commands.start(*OUT, *resume)
    assert commands.wait(second) == 2
    log = commands.log(second)
    assert log.count("\n") == 1
    assert "another process trains into 'out': wait until it ends, or name another folder" in log
    (commands.folder / "go on training").touch()
    assert commands.wait(first) == 0
    assert sorted(os.listdir(commands.folder / "out")) == ["a", "b", "run", "training.json"]


def test_one_of_two_simultaneous_trainings_is_refused(commands: Commands) -> None:
    (commands.folder / "go on training").touch()
    pids = [commands.start(*OUT) for _ in range(2)]
    assert sorted(commands.wait(pid) for pid in pids) == [0, 2]


def test_a_killed_training_leaves_no_lock(commands: Commands) -> None:
    pid = commands.start(*OUT)
    wait_for(commands.folder / "training")
    os.kill(pid, signal.SIGKILL)
    commands.wait(pid)
    (commands.folder / "go on training").touch()
    assert commands.run(*OUT, "--resume") == 0
    assert sorted(os.listdir(commands.folder / "out")) == ["a", "b", "run", "training.json"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "failing_agents.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_folder_that_another_training_changed_is_refused(place: Path) -> None:
    cell = Cell(env="TextGen-Tiny-v0", agent="failing_agents:Learner", seed=0, total_timesteps=5)
    one, other = (prepare(cell, place / "out") for _ in range(2))
    one.run()
    with pytest.raises(SuiteError, match=r"'.*out' exists and is not empty"):
        other.run()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_failed_save_leaves_the_former_agent(
    code: int, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = Cell(env="TextGen-Tiny-v0", agent="failing_agents:Learner", seed=0, total_timesteps=5)
    prepare(cell, place / "out").run()
    before = {path.name: path.read_bytes() for path in (place / "out").iterdir() if path.is_file()}

    def refused(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    longer = prepare(
        Cell(env=cell.env, agent=cell.agent, seed=0, total_timesteps=9), place / "out", resume=True
    )
    monkeypatch.setattr(training_module, "exchange", refused)
    with pytest.raises(
        UnsavedError, match=r"the agent cannot be saved in '.*out': .*--resume goes on"
    ) as caught:
        longer.run()
    assert os.strerror(code) in str(caught.value)
    assert "\n" not in str(caught.value)
    left = {path.name: path.read_bytes() for path in (place / "out").iterdir() if path.is_file()}
    assert left.keys() == before.keys()
    assert left["token.json"] == before["token.json"]
    facts = json.loads(left["training.json"])
    assert (facts["status"], facts["report"]["environment_steps"]) == ("running", 5)


# Records.


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("call", ["fsync", "rename", "mkdir"])
def test_a_failed_write_leaves_no_part_of_a_record(
    code: int, call: str, store: RecordStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = store.write(*made_up_run(seed=1))

    def refused(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, refused)
    with pytest.raises(OSError) as caught:
        store.write(*made_up_run(seed=2))
    monkeypatch.undo()
    assert f"'{store.path}' cannot be written" in str(caught.value)
    assert os.listdir(store.path) == [record_path(store.path, id).name]


def test_a_checkpoint_on_a_full_disk_still_leaves_a_record(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, write = RecordStore(place / "store"), RecordStore.write

    def refuses_files(self: RecordStore, record: Any, rows: Any, files: Any = None) -> str:
        if files:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(self, record, rows, files)

    monkeypatch.setattr(RecordStore, "write", refuses_files)
    cell = Cell(
        env="TextGen-Tiny-v0",
        agent="failing_agents:Learner",
        seed=0,
        total_timesteps=5,
        evaluation=Evaluation(episodes=3),
    )
    done = run_cell(cell, store, keep_checkpoint=True)
    assert done.status == "completed"
    assert "its checkpoint is not kept: OSError: [Errno 28] No space left" in done.message


def test_a_cell_whose_record_cannot_be_written_is_reported(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = """
def full(env, seed, device):
    import errno, os
    rename = os.rename
    def refused(a, b):
        if ".writing-" in str(a):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rename(a, b)
    os.rename = refused
    return Last(env, seed, device)
"""
    (place / "failing_agents.py").write_text(SOURCE + full)
    text = '[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["failing_agents:full"]\n'
    text += "[evaluation]\nepisodes = 3\n"
    (place / "suite.toml").write_text(text)
    store = RecordStore(place / "store")
    outcome = run_suite(load_suite(place / "suite.toml"), store)
    (message,) = [message for _, message in outcome.failed]
    assert "there is no record of it: " in message
    assert "No space left" in message
    assert list(store.path.iterdir()) == []
