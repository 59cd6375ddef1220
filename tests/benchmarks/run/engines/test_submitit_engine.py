"""The engine `submitit`, with its local executor and with commands that stand in for those of SLURM."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from dying_agents import copy_into
from engine_here import completed

from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.engines.choice import make_engine
from llm_benchmarks.run.engines.engine import EngineError
from llm_benchmarks.run.engines.submitit_jobs import SubmititOptions, parameters_of
from llm_benchmarks.run.limits import Limits
from llm_benchmarks.run.outcome import SuiteOutcome
from llm_benchmarks.run.runner import run_suite
from llm_benchmarks.run.suite import Run, load_suite

pytest.importorskip("submitit", reason="the extra 'slurm' is not installed")

SUITE = """
[[cells]]
envs = ["TextGen-Tiny-v0"]
agents = ["dying_agents:Steady", "dying_agents:Dies"]
[evaluation]
episodes = 3
"""

# Stand-ins for SLURM's commands: a job is a process of this machine.
SLURM = {
    "sbatch": """
        import os, pathlib, re, subprocess, sys
        script = pathlib.Path(sys.argv[-1])
        here = pathlib.Path(os.environ["FAKE_SLURM"])
        number = str(1 + len(list(here.glob("job *"))))
        (here / f"job {number}").write_text(script.read_text())
        variables = {**os.environ, "SLURM_JOB_ID": number, "SLURM_NTASKS": "1", "SLURM_JOB_NUM_NODES": "1",
                     "SLURM_NODEID": "0", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
        with open(here / f"log {number}", "w") as log:
            process = subprocess.Popen(["bash", str(script)], env=variables, stdout=log, stderr=log,
                                       start_new_session=True)
        (here / f"pid {number}").write_text(str(process.pid))
        print("Submitted batch job", number)
    """,
    "srun": """
        import os, sys
        words = sys.argv[1:]
        while not os.path.isfile(words[0]) or words[0].endswith((".out", ".err")):
            words.pop(0)
        os.execvp(words[0], words)
    """,
    "sacct": """
        import os, pathlib, sys
        here = pathlib.Path(os.environ["FAKE_SLURM"])
        print("JobID|State|NodeList")
        for path in here.glob("pid *"):
            pid, number = path.read_text(), path.name.split()[1]
            try:
                state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                state = "Z"
            print(f"{number}|{'FAILED' if state == 'Z' else 'RUNNING'}|here")
    """,
    "scancel": """
        import os, pathlib, signal, sys
        here = pathlib.Path(os.environ["FAKE_SLURM"])
        os.killpg(int((here / f"pid {sys.argv[-1]}").read_text()), signal.SIGTERM)
    """,
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy_into(tmp_path)
    (tmp_path / "suite.toml").write_text(SUITE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    return tmp_path


def run(place: Path, **settings: object) -> tuple[SuiteOutcome, RecordStore]:
    suite, store = load_suite(place / "suite.toml"), RecordStore(place / "store")
    engine = make_engine("submitit", suite.run, Limits(), settings, store.path)
    try:
        return run_suite(suite, store, engine=engine), store
    finally:
        engine.close()


def test_a_suite_of_local_jobs_is_complete_although_processes_are_killed(place: Path) -> None:
    outcome, store = run(place, cluster="local")
    assert (len(outcome.completed), outcome.failed) == (2, [])
    assert len(set(completed(store))) == len(store.ids()) == 2
    assert {path.suffix for path in store.path.iterdir()} == {".gz"}  # the files of the jobs are gone


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the stand-in for sacct reads /proc")
def test_jobs_of_slurm_carry_what_was_asked_for(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = place / "bin"
    commands.mkdir()
    for name, source in SLURM.items():
        lines = [line.removeprefix(" " * 8) for line in source.strip("\n").splitlines()]
        (commands / name).write_text("\n".join([f"#!{sys.executable}", *lines]))
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_SLURM", str(place))
    outcome, store = run(place, partition="short", account="lab", setup=["export FROM_SETUP=1"])
    assert (len(outcome.completed), outcome.failed) == (2, [])
    assert len(set(completed(store))) == len(store.ids()) == 2
    scripts = [path.read_text() for path in place.glob("job *")]
    assert len(scripts) == 3  # one for each cell, and one more for the cell whose process died
    for line in (
        "--partition=short",
        "--account=lab",
        "--time=1440",
        "--cpus-per-task=1",
        "--job-name=llm-envs",
    ):
        assert all(line in script for script in scripts)
    assert all("export FROM_SETUP=1" in script for script in scripts)


def test_limits_of_a_cell_are_those_of_its_job_with_some_room() -> None:
    limits = Limits(seconds=3600, memory_bytes=4 * 2**30)
    parameters = parameters_of(Run(threads=3, device="cuda"), limits, SubmititOptions(qos="low"))
    assert parameters["timeout_min"] == 71
    assert parameters["mem_gb"] == pytest.approx(4.4)
    assert parameters["cpus_per_task"] == 3
    assert parameters["gpus_per_node"] == 1
    assert parameters["slurm_qos"] == "low"
    assert "gpus_per_node" not in parameters_of(Run(), Limits(), SubmititOptions())
    assert parameters_of(Run(), limits, SubmititOptions(timeout_min=5, mem_gb=1.0))["timeout_min"] == 5


@pytest.mark.parametrize(
    ("settings", "named"),
    [({"cluster": "moon"}, "cluster='moon' is none of slurm, local"), ({"partitoin": "x"}, "partition")],
)
def test_a_wrong_setting_is_named(settings: dict[str, str], named: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=named):
        make_engine("submitit", Run(), Limits(), settings, tmp_path)


def test_a_machine_without_slurm_is_told_of_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="name cluster=local"):
        make_engine("submitit", Run(), Limits(), {}, tmp_path)
    assert list(tmp_path.iterdir()) == []
