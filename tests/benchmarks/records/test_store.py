import hashlib
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import made_up
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_benchmarks.leaderboard.view import read_leaderboard
from llm_benchmarks.records.store import RecordError, RecordStore, checkpoint_files, checkpoint_hash

CURVE = [{"timesteps": 10, "seconds": 0.5, "rollout/ep_rew_mean": 0.25}]
NAMES = ["manifest.json", "record.json", "episodes.jsonl", "curve.jsonl", "checkpoint/a/model.json"]


def write(store, *arguments, files=None, **options):
    record, rows = made_up.run(*arguments, **options)
    if files:
        record["agent"]["checkpoint_hash"] = checkpoint_hash(files)
    return store.write(record, rows, CURVE, files=files)


def write_with_checkpoint(store):
    return write(store, files={"checkpoint/a/model.json": b'{"layers": 2}'})


def forge(folder: Path, name: str, data: bytes) -> Path:
    """Replace a file and make manifest and folder name fit, as a forger would."""
    (folder / name).write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    raw = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(raw)
    return folder.rename(folder.parent / hashlib.sha256(raw).hexdigest())


def test_round_trip(store, tmp_path):
    (tmp_path / "trained" / "a").mkdir(parents=True)
    (tmp_path / "trained" / "a" / "model.safetensors").write_bytes(b"\x00\x01")
    files = checkpoint_files(tmp_path / "trained")
    assert list(files) == ["checkpoint/a/model.safetensors"]
    record, rows = made_up.run()
    record["agent"]["checkpoint_hash"] = checkpoint_hash(files)
    id = store.write(record, rows, CURVE, files=files)
    found = store.read(id)
    assert found.id == id
    assert found.data == record
    assert found["env"]["id"] == "Translation-v0"
    assert found.episodes() == rows
    assert found.curve() == CURVE
    assert found.files()["checkpoint/a/model.safetensors"].read_bytes() == b"\x00\x01"
    assert store.read(id[:8]) == found
    assert store.ids() == [id]


def test_the_id_is_the_hash_of_the_manifest(store):
    id = write(store)
    manifest = (store.path / id / "manifest.json").read_bytes()
    assert hashlib.sha256(manifest).hexdigest() == id
    for name, said in json.loads(manifest)["files"].items():
        data = (store.path / id / name).read_bytes()
        assert said == {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def test_an_empty_store(store):
    assert store.ids() == []
    assert store.records() == []
    with pytest.raises(KeyError, match="no record"):
        store.read("abc")


def test_failed_runs_are_kept_too(store):
    id = store.write(made_up.failure())
    assert store.read(id)["error"]["type"] == "MemoryError"


def test_a_text_with_half_a_surrogate_pair_is_kept(store):
    record, rows = made_up.run()
    rows[0]["text"] = "broken \ud83d"
    assert store.read(store.write(record, rows)).episodes() == rows


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "byte", "link", "folder"])
def test_every_corruption_is_refused_by_file_name(store, name, damage):
    path = store.path / write_with_checkpoint(store) / name
    good = write(store, seed=2)
    data = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(data[:-7])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "byte":
        path.write_bytes(data[:20] + bytes([data[20] ^ 1]) + data[21:] if data[20:] else b"!" * 13)
    elif damage == "link":
        os.symlink(__file__, path)
    elif damage == "folder":
        path.mkdir()
    expected = {"missing": "missing", "folder": "missing", "link": "is a link"}.get(damage)
    problems = {}
    assert [record.id for record in store.records(problems)] == [good]
    [(id, problem)] = problems.items()
    assert problem.startswith(f"{name}: ")
    assert (expected or "altered") in problem
    with pytest.raises(RecordError, match=name):
        store.read(id)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_altered_byte_passes(store, data):
    shutil.rmtree(store.path, ignore_errors=True)
    path = store.path / write_with_checkpoint(store) / data.draw(st.sampled_from(NAMES))
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    problems = {}
    assert store.records(problems) == []
    assert len(problems) == 1


def test_an_extra_file_is_refused(store):
    id = write(store)
    (store.path / id / "notes.txt").write_text("hello")
    with pytest.raises(RecordError, match=r"notes.txt: extra file"):
        store.read(id)


def test_an_altered_record_is_not_found_as_done(store):
    record, _ = made_up.run()
    id = write(store)
    assert [found.id for found in store.find(record["cell_key"])] == [id]
    (store.path / id / "curve.jsonl").unlink()
    assert store.find(record["cell_key"]) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("record.json", b'"status": "completed"', b'"status": "great"', "record.json: status: "),
        ("record.json", b'"schema_version": 1', b'"schema_version": 7', "schema_version: 7 is unk"),
        ("record.json", b'"mean_length": 3.0', b'"mean_length": NaN', "results.mean_length: NaN"),
        ("record.json", b'"mean_length": 3.0', b'"mean_length": 4.0', "results.mean_length: 4.0"),
        ("record.json", b"\n}", b"", "record.json: not valid JSON, perhaps cut short"),
        (
            "episodes.jsonl",
            b'"reward": 0.3',
            b'"reward": "x"',
            "episodes.jsonl line 3: reward: 'x'",
        ),
        (
            "episodes.jsonl",
            b'"reward": 0.3',
            b'"reward": NaN',
            "episodes.jsonl line 3: reward: NaN",
        ),
        ("episodes.jsonl", b'"reward": 0.3', b'"reward": 0.9', "results.mean_reward"),
        ("episodes.jsonl", b"}\n{", b"}{", "episodes.jsonl line 1: not valid JSON"),
        ("curve.jsonl", b"}\n", b"}", "curve.jsonl: cut short"),
        (
            "curve.jsonl",
            b'"timesteps": 10',
            b'"timesteps": -1',
            "curve.jsonl line 1: timesteps: -1",
        ),
    ],
)
def test_a_forged_record_is_refused_for_what_it_says(store, name, old, new, message):
    folder = store.path / write(store)
    data = (folder / name).read_bytes()
    assert old in data
    forged = forge(folder, name, data.replace(old, new))
    with pytest.raises(RecordError) as caught:
        store.read(forged.name)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("checkpoint/policy.pkl", "may run code"),
        ("checkpoint/model.zip", "may run code"),
        ("../outside.json", "not a plain name"),
        ("checkpoint/../record.json", "not a plain name"),
        ("/etc/hosts", "not a plain name"),
        ("record.json", "not a plain name"),
    ],
)
def test_files_that_may_run_or_lead_astray_are_refused(store, name, message):
    with pytest.raises(RecordError, match=message):
        write(store, files={name: b"x"})
    assert store.ids() == []


def test_a_checkpoint_that_is_not_the_agents_is_refused(store):
    record, rows = made_up.run()
    with pytest.raises(RecordError, match=r"agent.checkpoint_hash: None is not that of the files"):
        store.write(record, rows, files={"checkpoint/model.json": b"{}"})
    record["agent"]["checkpoint_hash"] = checkpoint_hash({"checkpoint/model.json": b"[]"})
    with pytest.raises(RecordError, match=r"agent.checkpoint_hash: .* is not that of the files"):
        store.write(record, rows, files={"checkpoint/model.json": b"{}"})
    assert store.ids() == []


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("reward", float("nan"), "episodes.jsonl line 2: reward: NaN"),
        ("colour", "red", "episodes.jsonl line 2: top level: Additional properties"),
        ("action_ids", [-1], "episodes.jsonl line 2: action_ids.0: -1 is less than"),
        ("metrics", {"bleu": float("inf")}, "episodes.jsonl line 2: metrics.bleu: NaN"),
    ],
)
def test_a_bad_episode_is_refused_before_anything_is_written(store, field, value, message):
    record, rows = made_up.run()
    rows[1][field] = value
    with pytest.raises(RecordError) as caught:
        store.write(record, rows)
    assert message in str(caught.value)
    assert not store.path.exists()


def test_a_half_written_folder_is_no_record(store):
    id = write(store)
    shutil.copytree(store.path / id, store.path / ".writing-abc")
    assert store.ids() == [id]
    assert len(store.records()) == 1


@pytest.mark.parametrize("call", ["os.fsync", "os.rename"])
@pytest.mark.parametrize("how", ["raise OSError('disk full')", "os._exit(9)"])
def test_a_crash_while_writing_leaves_no_record(store, call, how):
    code = f"""
import os, sys
import made_up
from llm_benchmarks.records.store import RecordStore
real, calls = {call}, 0
def dying(*arguments):
    global calls
    calls += 1
    if calls == (3 if {call!r} == "os.fsync" else 1):
        {how}
    return real(*arguments)
{call} = dying
RecordStore(sys.argv[1]).write(*made_up.run())
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(store.path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["", *sys.path])},
        capture_output=True,
        check=False,
    )
    assert done.returncode == (9 if "_exit" in how else 1), done.stderr
    assert store.ids() == []
    left = list(store.path.iterdir())
    assert len(left) == (1 if "_exit" in how else 0)
    assert write(store) in store.ids()


def write_all(path: str) -> list[str]:
    store = RecordStore(path)
    return [write(store, seed=seed) for seed in range(4)]


def test_two_processes_may_write_the_same_records(store):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        first, second = pool.map(write_all, [str(store.path)] * 2)
    assert first == second
    assert store.ids() == sorted(first)
    problems = {}
    assert len(store.records(problems)) == 4
    assert problems == {}
    assert {path.name for path in store.path.iterdir()} == set(first)


def test_find_by_cell(store):
    record, _ = made_up.run(seed=2)
    key = record["cell_key"]
    assert store.find(key) == []
    failed = store.write(made_up.failure(seed=2, n=4))
    write(store, seed=1)
    assert store.find(key) == []
    assert [found.id for found in store.find(key, status=None)] == [failed]
    done = RecordStore(store.path).write(*made_up.run(seed=2))
    assert [found.id for found in store.find(key)] == [done]


def test_a_leaderboard_leaves_out_results_that_the_episodes_do_not_bear_out(store):
    """Of several seeds, too: no row of theirs is asked for."""
    for seed in (1, 2):
        store.write(*made_up.run(seed=seed))
    folder = store.path / store.ids()[0]
    told = (folder / "record.json").read_bytes()
    said = json.loads(told)["results"]["mean_reward"]
    better = told.replace(f'"mean_reward": {said}'.encode(), b'"mean_reward": 0.9')
    forged = forge(folder, "record.json", better)
    board = read_leaderboard(store)
    assert list(board.problems) == [forged.name]
    assert "results.mean_reward: 0.9, but episodes.jsonl gives" in board.problems[forged.name]
    assert [row.seeds for table in board.tables for row in table.rows] == [1]
