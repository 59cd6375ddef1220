"""The engine `ray`: a suite is complete although workers are killed, and nothing is doubled."""

from __future__ import annotations

import importlib.util
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dying_agents import copy_into
from engine_here import completed

from llm_benchmarks.commands.app import main
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.engines.choice import make_engine
from llm_benchmarks.run.engines.engine import EngineError
from llm_benchmarks.run.engines.ray_tasks import RayOptions, check_room, resources_of
from llm_benchmarks.run.limits import Limits
from llm_benchmarks.run.runner import run_suite
from llm_benchmarks.run.suite import Run, load_suite

SUITE = """
[[cells]]
envs = ["TextGen-Tiny-v0"]
agents = ["dying_agents:Steady"]
seeds = [0, 1, 2, 3]
[[cells]]
envs = ["TextGen-Tiny-v0"]
agents = ["dying_agents:Dies", "dying_agents:LosesParent", "dying_agents:Raises"]
[[cells]]
envs = ["TextGen-Tiny-v0"]
agents = ["dying_agents:TrainsWithoutParent"]
total_timesteps = 10
[evaluation]
episodes = 3
"""


@pytest.fixture
def ray_of_two() -> Iterator[Any]:
    """Ray on this machine, with two CPUs whatever the machine has."""
    ray = pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=100 * 2**20,
    )
    yield ray
    ray.shutdown()


def test_eight_cells_with_killed_workers_are_complete_and_none_is_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ray_of_two: Any
) -> None:
    """Killed are the process of one cell, and the Ray workers of two others, one in its training."""
    copy_into(tmp_path)
    (tmp_path / "suite.toml").write_text(SUITE)
    monkeypatch.chdir(tmp_path)
    suite, store = load_suite(tmp_path / "suite.toml"), RecordStore(tmp_path / "store")
    engine = make_engine("ray", suite.run, Limits(), {}, store.path)
    outcome = run_suite(suite, store, engine=engine)
    engine.close()
    assert ray_of_two.is_initialized()  # it was there before
    assert len(outcome.completed) == 7
    assert [(cell.agent, message) for cell, message in outcome.failed] == [
        ("dying_agents:Raises", "RuntimeError: out of ideas")
    ]
    assert len(completed(store)) == len(set(completed(store))) == 7
    kept = Counter((record.spec.agent.name, record.status) for record in store.records())
    assert kept == {
        ("dying_agents:Steady", "completed"): 4,
        ("dying_agents:Dies", "completed"): 1,
        ("dying_agents:LosesParent", "completed"): 1,
        ("dying_agents:TrainsWithoutParent", "completed"): 1,
        ("dying_agents:TrainsWithoutParent", "interrupted"): 1,  # the orphan stopped by itself
        ("dying_agents:Raises", "failed"): 1,
    }
    assert (tmp_path / "errors").read_text() == "."
    assert not (store.path / ".locks").exists()


def test_a_task_asks_for_a_gpu_where_there_are_some() -> None:
    plain, gpu = {"CPU": 8.0, "memory": 1e10}, {"CPU": 8.0, "GPU": 4.0, "memory": 1e10}
    run, options = Run(threads=2), RayOptions()
    assert resources_of(run, Limits(), options, [plain]) == {"num_cpus": 2, "num_gpus": 0}
    assert resources_of(run, Limits(), options, [plain, gpu])["num_gpus"] == 1
    assert resources_of(Run(device="cpu"), Limits(), options, [gpu])["num_gpus"] == 0
    assert resources_of(run, Limits(), RayOptions(gpus=0.5), [gpu])["num_gpus"] == 0.5
    assert resources_of(run, Limits(memory_bytes=10**9), options, [gpu])["memory"] == 10**9


@pytest.mark.parametrize(
    ("resources", "named"),
    [
        ({"num_cpus": 9, "num_gpus": 0}, "9 CPU, 0 GPU, and this machine has 8 CPU"),
        ({"num_cpus": 1, "num_gpus": 2}, "2 GPU, and this machine has 8 CPU, 1 GPU"),
        ({"num_cpus": 1, "num_gpus": 0, "memory": 10**12}, "1,000,000,000,000 bytes of memory"),
    ],
)
def test_a_cell_that_no_machine_can_run_is_refused_before_it_waits_forever(
    resources: dict[str, float], named: str
) -> None:
    node = {"CPU": 8.0, "GPU": 1.0, "memory": 1e10}
    check_room({"num_cpus": 8, "num_gpus": 1}, [node])
    with pytest.raises(EngineError, match=named):
        check_room(resources, [node])


def test_an_address_without_a_cluster_is_named_at_once() -> None:
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # nobody listens there
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(EngineError, match=f"no Ray cluster can be reached at '{address}'"):
            make_engine("ray", Run(), Limits(), {"address": address}, Path("store"))


@pytest.mark.parametrize(
    ("engine", "extra", "library"), [("ray", "ray", "ray"), ("submitit", "slurm", "submitit")]
)
def test_a_missing_library_is_named_with_its_extra(
    engine: str,
    extra: str,
    library: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *rest: None if name == library else find_spec(name, *rest)
    )
    assert main(["benchmark", "demo", "--store", str(tmp_path), "--engine", engine]) == 2
    said = capsys.readouterr().err
    assert (
        f"--engine {engine} needs {library}, which is not installed: pip install 'llm-envs[{extra}]'" in said
    )
