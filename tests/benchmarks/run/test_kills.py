"""`train` and `benchmark`, killed or told to stop at random moments: no work is lost, or done twice."""

from __future__ import annotations

import os
import signal
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forked_commands import Commands
from safetensors.numpy import load_file
from slow_agents import AGENTS_OF_OTHERS

from llm_baselines.storage.agent_folder import is_agent_folder, read_agent_folder
from llm_baselines.storage.rotation import newest_checkpoint
from llm_baselines.storage.sealed_folder import check_seal
from llm_benchmarks.console.input import INTERRUPTED
from llm_benchmarks.records.record_file import record_path
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.trained_folder import read_training

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks processes and kills them")

if os.name == "posix":
    SIGNALS = {
        "SIGKILL": (signal.SIGKILL,),
        "SIGTERM": (signal.SIGTERM,),
        "SIGHUP": (signal.SIGHUP,),
        "SIGINT": (signal.SIGINT,),
        "SIGINT twice": (signal.SIGINT, signal.SIGINT),
    }
else:
    SIGNALS = {}

_LAST = 10  # calls of a command that are made when its exit status is known

SUITE = """
[run]
processes = 2
[[cells]]
envs = ["TextGen-Tiny-v0"]
agents = ["their_agents:Slow"]
seeds = [0, 1]
total_timesteps = 30
[[cells]]
envs = ["TextGen-Tiny-v0"]
agents = ["random"]
[evaluation]
episodes = 3
"""
_OFTEN = ["n_eval_episodes=4", "eval_freq=50", "checkpoint_freq=30"]
AGENTS = {
    "token_dqn": ["model=nano", "warm_start=false", "n_envs=8", "batch_size=8", *_OFTEN],
    "sb3_dqn": ["learning_starts=30", *_OFTEN],
    "their_agents:Slow": [],
}


@pytest.fixture
def commands(served: Any, tmp_path: Path) -> Commands:
    """Commands in a folder with a module of agents and a suite."""
    (tmp_path / "their_agents.py").write_text(AGENTS_OF_OTHERS)
    (tmp_path / "suite.toml").write_text(SUITE)
    return Commands(served, tmp_path)


def train(agent: str, out: str) -> list[str]:
    options = [word for option in AGENTS[agent] for word in ("--set", option)]
    steps = ["--total-timesteps", "100" if options else "30"]
    return ["train", "--env", "TextGen-Tiny-v0", "--agent", agent, "--out", out, *steps, *options]


BENCHMARK = ("benchmark", "suite.toml", "--store", "store")


@pytest.fixture(scope="module")
def whole(served: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What commands that nobody stops do: how many calls they make, and what a training ends with."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "their_agents.py").write_text(AGENTS_OF_OTHERS)
    (folder / "suite.toml").write_text(SUITE)
    commands, found = Commands(served, folder), {}
    for agent in AGENTS:
        pid = commands.start(*train(agent, agent.partition(":")[2] or agent), at=(0, 0))
        assert commands.wait(pid) == 0, commands.log(pid)
        found[agent] = commands.calls()
    assert commands.run(*BENCHMARK, at=(0, 0)) == 0
    found["benchmark"] = commands.calls()
    return {"calls": found, "weights": load_file(folder / "token_dqn" / "weights.safetensors")}


def moment(rng: np.random.Generator, calls: list[int], kind: int) -> tuple[int, int]:
    """A moment in the life of a command that makes so many calls of each kind, but for its very last ones.

    After them a signal ends the process as one without a handler: there is nothing left to do.
    """
    last = calls[kind] - (_LAST if kind == 0 else 0)
    return int(rng.integers(min(10, last // 2), last)), kind


def check_interrupted_training(
    commands: Commands, agent: str, how: str, at: tuple[int, int], whole: Any
) -> None:
    """Stops a training, and goes on with it to its end."""
    out = commands.folder / "out"
    pid = commands.start(*train(agent, "out"), at=at, send=SIGNALS[how])
    outcome = (how, at, commands.wait(pid), commands.log(pid))
    assert outcome[2] == (-signal.SIGKILL if how == "SIGKILL" else INTERRUPTED), outcome
    if (out / "training.json").exists() and how != "SIGKILL":
        trained = read_training(out)
        assert trained.status in ("interrupted", "completed"), outcome
        assert "Traceback" not in outcome[3], outcome
        if ":" not in agent:
            steps = read_agent_folder(out).content["report"]["environment_steps"]
            assert steps == trained.report.environment_steps, outcome
        else:
            assert {(out / name).read_text() for name in "ab"} == {
                f"{trained.report.environment_steps} " * 10
            }
    if is_agent_folder(out):
        read_agent_folder(out)
    if agent == "token_dqn" and (kept := newest_checkpoint(out / "run" / "resume")):
        check_seal(kept, ("state.json",), kind="a checkpoint")

    pid = commands.start(*train(agent, "out"), "--resume")
    assert commands.wait(pid) == 0, (outcome, commands.log(pid))
    trained = read_training(out)
    assert trained.status == "completed"
    assert trained.report.environment_steps >= trained.training.total_timesteps
    files = {"a", "b"} if ":" in agent else {"agent.json", "manifest.json", "weights.safetensors"}
    assert {path.name for path in out.iterdir()} == {"run", "training.json", *files}, outcome
    if agent == "token_dqn":
        weights = load_file(out / "weights.safetensors")
        assert all(np.array_equal(weights[name], value) for name, value in whole["weights"].items()), outcome


def check_interrupted_benchmark(commands: Commands, how: str, at: tuple[int, int]) -> None:
    """Stops a suite, and runs what is left."""
    pid = commands.start(*BENCHMARK, at=at, send=SIGNALS[how])
    outcome = (how, at, commands.wait(pid), commands.log(pid))
    assert outcome[2] == (-signal.SIGKILL if how == "SIGKILL" else INTERRUPTED), outcome
    assert "Traceback" not in outcome[3], outcome
    pid = commands.start(*BENCHMARK)
    assert commands.wait(pid) == 0, (outcome, commands.log(pid))
    store = RecordStore(commands.folder / "store")
    records = store.records()
    assert {record.status for record in records} <= {"completed", "interrupted"}, outcome
    completed = Counter(r.spec.identity() for r in records if r.status == "completed")
    assert sorted(completed.values()) == [1, 1, 1], outcome
    assert {path.name for path in store.path.iterdir()} == {
        record_path(store.path, id).name for id in store.ids()
    }, outcome


def check_training_at_moments(commands: Commands, how: str, whole: Any, count: int) -> None:
    rng = np.random.default_rng(zlib.crc32(how.encode()))
    for number in range(count):
        agent = list(AGENTS)[number % len(AGENTS)]
        place = Commands(commands._process, commands.folder / str(number))
        place.folder.mkdir()
        (place.folder / "their_agents.py").write_text(AGENTS_OF_OTHERS)
        at = moment(rng, whole["calls"][agent], int(rng.integers(2)))
        check_interrupted_training(place, agent, how, at, whole)


def check_benchmark_at_moments(commands: Commands, how: str, whole: Any, count: int) -> None:
    rng = np.random.default_rng(zlib.crc32(how.encode()))
    for number in range(count):
        place = Commands(commands._process, commands.folder / str(number))
        place.folder.mkdir()
        (place.folder / "their_agents.py").write_text(AGENTS_OF_OTHERS)
        (place.folder / "suite.toml").write_text(SUITE)
        # Of polls there may be fewer another time: not the last ones.
        calls = [int(0.7 * n) for n in whole["calls"]["benchmark"]]
        check_interrupted_benchmark(place, how, moment(rng, calls, 0 if number % 3 == 2 else 2))


@pytest.mark.parametrize("how", SIGNALS)
def test_a_stopped_training_resumes(how: str, commands: Commands, whole: Any) -> None:
    check_training_at_moments(commands, how, whole, 3)


@pytest.mark.kills
@pytest.mark.parametrize("how", SIGNALS)
def test_a_training_stopped_twenty_times_resumes(how: str, commands: Commands, whole: Any) -> None:
    check_training_at_moments(commands, how, whole, 20)


@pytest.mark.parametrize("how", SIGNALS)
def test_a_stopped_suite_continues(how: str, commands: Commands, whole: Any) -> None:
    check_benchmark_at_moments(commands, how, whole, 3)


@pytest.mark.kills
@pytest.mark.parametrize("how", SIGNALS)
def test_a_suite_stopped_twenty_times_continues(how: str, commands: Commands, whole: Any) -> None:
    check_benchmark_at_moments(commands, how, whole, 20)
