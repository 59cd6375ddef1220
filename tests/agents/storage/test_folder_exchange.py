"""What stands in a folder is whole at every moment, whatever happens to the process or the disk."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from disk_faults import at_each_change, in_a_process

from llm_baselines.agent import TrainingReport
from llm_baselines.registry import make_agent
from llm_baselines.spec import AgentSpec, EnvironmentSpec, RunSpec, TrainingSpec
from llm_baselines.storage.agent_folder import is_agent_folder, read_agent_folder, write_agent_folder
from llm_baselines.storage.exchange import NEXT, end_exchange, exchange, replace_file, standing_in
from llm_baselines.storage.locks import try_lock
from llm_baselines.storage.rotation import newest_checkpoint, replace_checkpoint
from llm_baselines.storage.sealed_folder import check_seal
from llm_baselines.storage.temporary import sweep, temporary_folder
from llm_benchmarks.run.trained_folder import TrainedFolder, read_training
from llm_benchmarks.run.training import _save

SPEC = RunSpec(environment=EnvironmentSpec(id="TextGen-Tiny-v0"), agent=AgentSpec(name="constant"))

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks processes and kills them")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_agent(folder: Path, version: int) -> None:
    write_agent_folder(folder, SPEC, {"version": version}, {"w": torch.full((9,), version)})


def version_of(folder: Path) -> int:
    """The version of an agent, whose files must be of one."""
    _, description, weights = read_agent_folder(folder)
    assert set(weights["w"].tolist()) == {description["version"]}
    return int(description["version"])


class Saved:
    """An agent that is saved with a folder of its own beside the usual files."""

    def __init__(self, version: int) -> None:
        self.version = version

    def save(self, folder: Path) -> None:
        write_agent(folder, self.version)
        (folder / "more").mkdir()
        (folder / "more" / "version").write_text(str(self.version))


def report(version: int) -> TrainedFolder:
    spec = replace(SPEC, training=TrainingSpec(total_timesteps=1))
    return TrainedFolder(status="completed", spec=spec, report=TrainingReport(environment_steps=version))


@pytest.mark.parametrize("error", [None, errno.ENOSPC])
def test_an_agent_is_replaced_as_a_whole(error: int | None, tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    versions = []
    for version in (0, 1):
        for said in at_each_change(tmp_path, lambda v=version: write_agent(folder, v), error):  # type: ignore[misc]
            if error is not None:
                assert not said or os.strerror(error) in said
                assert "\n" not in said
                assert names(tmp_path) in (["agent"], [])
            if version or folder.exists():
                versions.append(version_of(folder))
        assert version_of(folder) == version
        assert names(tmp_path) == ["agent"]
        assert names(folder) == ["agent.json", "manifest.json", "weights.safetensors"]
    assert versions == sorted(versions), "what is there is never replaced by something older"
    assert {0, 1} <= set(versions)


@pytest.mark.parametrize("error", [None, errno.ENOSPC])
def test_agent_and_report_in_a_training_folder_are_replaced_together(
    error: int | None, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    (folder / "run").mkdir(parents=True)
    versions = []
    for version in (0, 1):
        for _ in at_each_change(tmp_path, lambda v=version: _save(Saved(v), folder, report(v)), error):  # type: ignore[misc]
            if is_agent_folder(folder):
                versions.append(version_of(folder))
                assert read_training(folder).report.environment_steps == versions[-1]
        assert version_of(folder) == version
        assert (folder / "more" / "version").read_text() == str(version)
        own = ["agent.json", "manifest.json", "more", "run", "training.json", "weights.safetensors"]
        assert names(folder) == own
    assert versions == sorted(versions)
    assert {0, 1} <= set(versions)


@pytest.mark.parametrize(("error", "second"), [(None, "00001"), (errno.ENOSPC, "00001"), (None, "00002")])
def test_one_checkpoint_is_whole_at_every_moment(error: int | None, second: str, tmp_path: Path) -> None:
    for version, name in enumerate(("00001", second)):

        def write(place: Path, version: int = version) -> None:
            for part in "ab":
                (place / part).write_text(str(version))

        for _ in at_each_change(tmp_path, lambda n=name, w=write: replace_checkpoint(tmp_path / n, w), error):  # type: ignore[misc]
            kept = newest_checkpoint(tmp_path)
            if version or kept is not None:
                assert kept is not None
                found = {(standing_in(kept) / part).read_text() for part in "ab"}
                assert found in ({"0"}, {"1"})
        assert names(tmp_path) == [name]
        assert {(tmp_path / name / part).read_text() for part in "ab"} == {str(version)}
        check_seal(tmp_path / name, ("a", "b"), kind="a checkpoint")


@pytest.mark.parametrize("error", [None, errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_file_is_replaced_as_a_whole(error: int | None, tmp_path: Path) -> None:
    path = tmp_path / "training.json"
    path.write_text("old")
    seen = []
    for _ in at_each_change(tmp_path, lambda: replace_file(path, "new"), error):
        seen.append(path.read_text())
        assert error is None or names(tmp_path) == ["training.json"]
    assert seen == sorted(seen, reverse=True)  # the old text, then the new one, and nothing between
    assert set(seen) <= {"old", "new"}
    assert path.read_text() == "new"
    assert names(tmp_path) == ["training.json"]


def test_an_exchange_that_was_broken_off_is_ended_by_the_next_writer(tmp_path: Path) -> None:
    folder, coming = tmp_path / "agent", tmp_path / "other"
    write_agent(folder, 0)
    write_agent(coming, 1)
    coming.rename(folder / NEXT)
    assert version_of(folder) == 1
    end_exchange(folder, others_stay=False)
    assert version_of(folder) == 1
    assert names(folder) == ["agent.json", "manifest.json", "weights.safetensors"]


def test_files_are_copied_where_there_are_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refused)
    write_agent(tmp_path / "agent", 0)
    write_agent(tmp_path / "agent", 1)
    assert version_of(tmp_path / "agent") == 1


def test_other_files_stay_where_they_are_to(tmp_path: Path) -> None:
    for name, others_stay in (("stay", True), ("go", False)):
        folder, new = tmp_path / name, tmp_path / f"{name}-new"
        folder.mkdir()
        new.mkdir()
        (folder / "other").write_text("other")
        (new / "file").write_text("new")
        exchange(new, folder, others_stay=others_stay)
        assert names(folder) == (["file", "other"] if others_stay else ["file"])


# The errors of other libraries' writers.


def limited(function) -> str:  # type: ignore[no-untyped-def]
    """What a function says in a process whose files must be small, as on a disk that is full."""

    def run() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
        try:
            function()
        except OSError as error:
            return f"OSError: {error}"
        return "written"

    return in_a_process(run)


def test_weights_that_do_not_fit_are_an_error_of_the_disk(tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    write_agent(folder, 0)
    said = limited(lambda: write_agent_folder(folder, SPEC, {"version": 1}, {"w": torch.zeros(100_000)}))
    assert said.startswith("OSError: ")
    assert f"'{folder}' cannot be written" in said
    assert version_of(folder) == 0
    assert names(tmp_path) == ["agent"]


def test_a_checkpoint_of_sb3_that_does_not_fit_is_an_error_of_the_disk(tmp_path: Path) -> None:
    def train() -> None:
        make_agent("sb3_dqn", env, seed=0, device="cpu").learn(1, run_folder=tmp_path)  # type: ignore[attr-defined]

    import gymnasium as gym

    env = gym.make("llm_envs:TextGen-Tiny-v0")
    said = limited(train)
    assert said.startswith("OSError: "), said
    assert f"'{tmp_path / 'resume'}/" in said
    assert "cannot be written" in said
    assert newest_checkpoint(tmp_path / "resume") is None
    assert names(tmp_path / "resume") == []


# Locks, and what is swept.


def test_a_lock_ends_with_its_holder_however_that_ends(tmp_path: Path) -> None:
    def hold() -> str:
        assert try_lock(tmp_path / "lock") is not None
        os.kill(os.getpid(), signal.SIGKILL)
        return ""

    in_a_process(hold)
    lock = try_lock(tmp_path / "lock")
    assert lock is not None
    assert try_lock(tmp_path / "lock") is None
    lock.release()
    assert names(tmp_path) == []


def test_a_lock_that_is_handed_on_lasts_as_long_as_the_child(tmp_path: Path) -> None:
    lock = try_lock(tmp_path / "lock")
    assert lock is not None
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(write)
        os.read(read, 1)
        os._exit(0)
    lock.hand_on()
    assert try_lock(tmp_path / "lock") is None
    os.close(read)
    os.close(write)
    os.waitpid(pid, 0)
    free = try_lock(tmp_path / "lock")
    assert free is not None
    free.release()


def test_a_lock_is_not_taken_on_a_removed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = try_lock(tmp_path / "lock")
    assert held is not None
    opened, mine = os.open, [held]

    def slow(*arguments: object, **options: object) -> int:
        descriptor = opened(*arguments, **options)  # type: ignore[arg-type]
        while mine:
            mine.pop().release()
        return descriptor

    monkeypatch.setattr(os, "open", slow)
    lock = try_lock(tmp_path / "lock")
    monkeypatch.undo()
    assert lock is not None
    assert try_lock(tmp_path / "lock") is None
    lock.release()


def test_only_the_folders_of_dead_processes_are_swept(tmp_path: Path) -> None:
    def die() -> str:
        with temporary_folder(tmp_path, ".writing-") as place:
            (place / "file").write_text("half of")
            os.kill(os.getpid(), signal.SIGKILL)
        return ""

    for name in (".writing-more.0a1b2c3d", "writing-0a1b2c3d"):
        (tmp_path / name).mkdir()
    with temporary_folder(tmp_path, ".writing-") as mine:
        in_a_process(die)
        assert len(names(tmp_path)) == 4
        sweep(tmp_path, ".writing-")
        assert names(tmp_path) == sorted([mine.name, ".writing-more.0a1b2c3d", "writing-0a1b2c3d"])
        mine.rename(tmp_path / "done")
    assert names(tmp_path) == [".writing-more.0a1b2c3d", "done", "writing-0a1b2c3d"]


def test_a_folder_that_is_swept_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, swept = os.open, []

    def slow(path: str | Path, *arguments: object, **options: object) -> int:
        if Path(path).name.startswith(".writing-") and not swept:
            swept.append(path)
            shutil.rmtree(path)
        return opened(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", slow)
    with temporary_folder(tmp_path, ".writing-") as place:
        assert place.is_dir()
        assert place != swept[0]
