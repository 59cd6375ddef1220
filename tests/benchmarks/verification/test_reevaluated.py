"""Level 3: a checkpoint that wrote the texts passes, and one that did not is caught."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import forgery
import numpy as np
import pytest
import scipy.stats

from llm_benchmarks.commands.app import main
from llm_benchmarks.records.checkpoint import checkpoint_files, checkpoint_hash
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.cell import run_cell
from llm_benchmarks.run.cells import Cell, Evaluation
from llm_benchmarks.verification.equivalence import equivalence
from llm_benchmarks.verification.findings import Verdict
from llm_benchmarks.verification.ladder import Ladder
from llm_envs.foreign import allowing_code


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A store with two trainings and their checkpoints, and the ids."""
    store = RecordStore(tmp_path_factory.mktemp("trained") / "store")
    ids = []
    for seed in (1, 2):
        cell = Cell(
            env="TextGen-Tiny-v0",
            agent="sb3_dqn",
            seed=seed,
            total_timesteps=300,
            config={"learning_starts": 50},
            evaluation=Evaluation(deterministic=False),
        )
        ids.append(run_cell(cell, store, keep_checkpoint=True).record)
    return store.path, ids


def climb(store: Path, **options) -> list[Verdict]:
    return [verdict for _, verdict in Ladder(level=3, fresh_seed=5, **options).verdicts(RecordStore(store))]


def with_checkpoint(source: Path, id: str, checkpoint: Path, store: Path, **facts: str) -> str:
    """Plants a record beside any checkpoint, with all hashes refitted."""
    parts = forgery.parts_of(source, id)
    files = checkpoint_files(checkpoint)
    parts.record["facts"]["checkpoint_hash"] = checkpoint_hash(files)
    parts.record["facts"] |= facts
    parts.record["files"] = {
        name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size": path.stat().st_size}
        for name, path in files.items()
    }
    planted = forgery.plant(store, parts)
    shutil.copytree(checkpoint, store / f"{planted}.checkpoint")
    return planted


def of_seed(checkpoint: Path, seed: int, place: Path) -> Path:
    """A copy of a checkpoint that says it was trained with another seed, its manifest refitted."""
    shutil.copytree(checkpoint, place)
    described = json.loads((place / "agent.json").read_text())
    described["spec"]["training"]["seed"] = seed
    (place / "agent.json").write_text(json.dumps(described))
    manifest = json.loads((place / "manifest.json").read_text())
    manifest["agent.json"] = hashlib.sha256((place / "agent.json").read_bytes()).hexdigest()
    (place / "manifest.json").write_text(json.dumps(manifest))
    return place


def test_checkpoints_that_wrote_the_texts_hold(trained):
    for verdict in climb(trained[0]):
        assert verdict.level == 3, verdict.findings
        assert "100% of the texts" in verdict.findings[-1].reason


def test_a_checkpoint_that_did_not_write_the_texts_is_caught(trained, tmp_path):
    store, [first, second] = trained
    other = of_seed(store / f"{second}.checkpoint", 1, tmp_path / "other")
    with_checkpoint(store, first, other, tmp_path / "store")
    [verdict] = climb(tmp_path / "store")
    assert verdict.level == 2
    assert "of the texts under the seeds of the record" in verdict.to_dict()["reason"]


def test_a_checkpoint_of_another_seed_is_caught(trained, tmp_path):
    store, [first, second] = trained
    with_checkpoint(store, first, store / f"{second}.checkpoint", tmp_path / "store")
    [verdict] = climb(tmp_path / "store")
    assert verdict.level == 2
    assert "its training seed is 2, the record says 1" in verdict.to_dict()["reason"]


def test_a_checkpoint_that_the_record_does_not_name_is_caught(trained, tmp_path):
    store, [first, _] = trained
    folder = store / f"{first}.checkpoint"
    with_checkpoint(store, first, folder, tmp_path / "store", checkpoint_hash="0" * 64)
    [verdict] = climb(tmp_path / "store")
    assert verdict.level == 2
    assert "the record names 000000000000" in verdict.to_dict()["reason"]


def test_an_altered_checkpoint_does_not_reach_level_0(trained, tmp_path):
    store, [first, _] = trained
    planted = with_checkpoint(store, first, store / f"{first}.checkpoint", tmp_path / "store")
    weights = tmp_path / "store" / f"{planted}.checkpoint" / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    [verdict] = climb(tmp_path / "store")
    assert verdict.level is None
    assert "weights.safetensors: altered" in verdict.to_dict()["reason"]


def test_a_record_without_a_checkpoint_takes_one_by_its_folder(trained, tmp_path, capsys):
    store, [first, _] = trained
    parts = forgery.parts_of(store, first)
    parts.record["files"] = {}
    id = forgery.plant(tmp_path / "store", parts)
    at = ["--store", str(tmp_path / "store"), "--level", "3"]
    assert main(["leaderboard", "verify", *at]) == 1
    assert "--checkpoint FOLDER" in capsys.readouterr().out
    folder = str(store / f"{first}.checkpoint")
    assert main(["leaderboard", "verify", id[:8], "--checkpoint", folder, *at]) == 0
    assert "V3      1" in capsys.readouterr().out
    assert main(["leaderboard", "verify", "--checkpoint", folder, *at]) == 2


def test_equivalence_is_two_one_sided_t_tests():
    rng = np.random.default_rng(0)
    there, now = rng.normal(0.5, 0.1, 40), rng.normal(0.51, 0.1, 40)
    rows = [[{"example": k, "reward": float(r)} for k, r in enumerate(side)] for side in (there, now)]
    for margin in (0.005, 0.02, 0.03, 0.05, 0.1):
        compared = equivalence(*rows, margin)
        p = max(
            scipy.stats.ttest_1samp(there - now, -margin, alternative="greater").pvalue,
            scipy.stats.ttest_1samp(there - now, margin, alternative="less").pvalue,
        )
        assert compared.holds == (p < 0.05), (margin, p)
    assert equivalence(*rows, 0.1).holds
    assert not equivalence(*rows, 0.005).holds


def test_values_of_tokens_are_asked_of_the_checkpoint_again(trained, tmp_path):
    cell = Cell(
        env="TextGen-Tiny-v0",
        agent="sb3_dqn",
        seed=1,
        total_timesteps=300,
        config={"learning_starts": 50},
        evaluation=Evaluation(note_values=True),
    )
    store = RecordStore(tmp_path / "noted")
    id = run_cell(cell, store, keep_checkpoint=True).record
    assert [verdict.level for verdict in climb(store.path)] == [3]
    forged = forgery.parts_of(store.path, id)
    for row in forged.rows:
        row["token_values"]["v"] = [value + 0.5 for value in row["token_values"]["v"]]
    planted = forgery.plant(tmp_path / "forged", forged)
    shutil.copytree(store.path / f"{id}.checkpoint", tmp_path / "forged" / f"{planted}.checkpoint")
    [verdict] = climb(tmp_path / "forged")
    assert verdict.level == 2
    assert "token_values.v: the checkpoint says the same of 0%" in verdict.to_dict()["reason"]


def test_a_checkpoint_of_an_own_agent_that_a_suite_kept_holds_where_its_code_is_allowed(tmp_path):
    name = "faulty_agents:Counting"
    store = RecordStore(tmp_path / "own")
    run_cell(Cell(env="TextGen-Tiny-v0", agent=name, seed=1, total_timesteps=20), store, keep_checkpoint=True)
    [verdict] = climb(store.path)
    assert verdict.level == 2
    assert f"--allow-code {name}" in verdict.to_dict()["reason"]
    with allowing_code([name]):
        assert [verdict.level for verdict in climb(store.path)] == [3]
