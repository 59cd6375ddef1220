import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tracemalloc
import zlib
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import made_up
import pytest
from hostile import content_of, forge, plant_bytes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_benchmarks.leaderboard.view import read_leaderboard
from llm_benchmarks.records.checkpoint import checkpoint_files, checkpoint_hash
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import RecordError

CURVE = [{"timesteps": 10, "seconds": 0.5, "rollout/ep_rew_mean": 0.25}]
FILE, KEPT = "{}.jsonl.gz", "{}.checkpoint/a/model.json"
NAMES = [FILE, KEPT]


def write(store, *arguments, files=None, **options):
    record, rows = made_up.run(*arguments, curve=CURVE, **options)
    if files:
        record["facts"]["checkpoint_hash"] = checkpoint_hash(files)
    return store.write(record, rows, files=files)


def write_with_checkpoint(store):
    return write(store, files={"checkpoint/a/model.json": b'{"layers": 2}'})


def test_round_trip(store, tmp_path):
    (tmp_path / "trained" / "a").mkdir(parents=True)
    (tmp_path / "trained" / "a" / "model.safetensors").write_bytes(b"\x00\x01")
    files = checkpoint_files(tmp_path / "trained")
    assert list(files) == ["checkpoint/a/model.safetensors"]
    record, rows = made_up.run(curve=CURVE)
    record["facts"]["checkpoint_hash"] = checkpoint_hash(files)
    id = store.write(record, rows, files=files)
    found = store.read(id)
    assert found.id == id
    listed = {"sha256": hashlib.sha256(b"\x00\x01").hexdigest(), "size": 2}
    assert found.data == {**record, "files": {"checkpoint/a/model.safetensors": listed}}
    assert found.spec == made_up.spec()
    assert found.facts == record["facts"]
    assert (found.status, found.results, found.cost) == ("completed", record["results"], record["cost"])
    assert (found.provenance, found.training_seed) == (record["provenance"], 1)
    assert found.episodes() == rows
    assert found.curve() == CURVE
    assert found.files()["checkpoint/a/model.safetensors"].read_bytes() == b"\x00\x01"
    assert store.read(id[:8]) == found
    assert store.ids() == [id]


def test_the_id_is_the_hash_of_the_uncompressed_content(store):
    id = write(store)
    content = content_of(store.path, id)
    assert hashlib.sha256(content).hexdigest() == id
    lines = [json.loads(line) for line in content.splitlines()]
    assert lines[0]["schema_version"] == 2
    assert [line["index"] for line in lines[1:]] == [0, 1, 2, 3]
    assert [path.name for path in store.path.iterdir()] == [FILE.format(id)]


def test_the_bytes_of_a_file_do_not_depend_on_the_time(store, tmp_path):
    id = write(store)
    other = RecordStore(tmp_path / "other")
    assert write(other) == id
    assert (store.path / FILE.format(id)).read_bytes() == (other.path / FILE.format(id)).read_bytes()
    assert (store.path / FILE.format(id)).read_bytes()[4:8] == bytes(4)


def test_an_empty_store(store):
    assert store.ids() == []
    assert store.records() == []
    with pytest.raises(KeyError, match="no record"):
        store.read("abc")


def test_failed_runs_are_kept_too(store):
    id = store.write(made_up.failure())
    assert store.read(id).error["type"] == "MemoryError"


def test_a_text_with_half_a_surrogate_pair_is_kept(store):
    record, rows = made_up.run()
    rows[0]["text"] = "broken \ud83d"
    assert store.read(store.write(record, rows)).episodes() == rows


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "byte", "more", "link", "folder"])
def test_every_corruption_is_refused_by_file_name(store, name, damage):
    broken = write_with_checkpoint(store)
    path = store.path / name.format(broken)
    good = write(store, seed=2)
    data = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(data[:-7])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "byte":
        path.write_bytes(data[:11] + bytes([data[11] ^ 1]) + data[12:])
    elif damage == "more":
        path.write_bytes(data + data)
    elif damage == "link":
        os.symlink(__file__, path)
    elif damage == "folder":
        path.mkdir()
    problems = {}
    assert [record.id for record in store.records(problems)] == [good]
    if damage == "missing" and name == FILE:
        assert problems == {}
        return
    [(id, problem)] = problems.items()
    expected = {"missing": "missing", "folder": "missing", "link": "is a link"}.get(damage, "altered")
    assert problem.startswith(FILE.format(broken) if name == FILE else "checkpoint/a/model.json: ")
    assert expected in problem
    with pytest.raises(RecordError, match=expected):
        store.read(id)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_altered_byte_changes_what_is_read(store, data):
    shutil.rmtree(store.path, ignore_errors=True)
    id = write_with_checkpoint(store)
    before = content_of(store.path, id)
    path = store.path / data.draw(st.sampled_from(NAMES)).format(id)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    problems = {}
    if store.records(problems):  # such as another time in the head of the compressed file
        assert path.suffix == ".gz"
        assert content_of(store.path, id) == before
    else:
        assert list(problems) == [id]


def test_a_compression_bomb_is_refused_before_it_fills_the_memory(store):
    stream = zlib.compressobj(9, wbits=31)
    pieces = [stream.compress(bytes(1 << 24)) for _ in range(32)]
    store.path.mkdir()
    path = store.path / FILE.format("0" * 64)
    path.write_bytes(b"".join([*pieces, stream.flush()]))
    assert path.stat().st_size < 1 << 20
    tracemalloc.start()
    with pytest.raises(RecordError, match=r"has more than 268,435,456 bytes when unpacked"):
        store.read("0" * 64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300 << 20


def test_a_file_too_large_to_read_is_refused_unread(store):
    store.path.mkdir()
    with (store.path / FILE.format("0" * 64)).open("wb") as file:
        file.truncate((256 << 20) + 1)
    with pytest.raises(RecordError, match=r"has 268,435,457 bytes; at most 268,435,456 are read"):
        store.read("0" * 64)


@pytest.mark.parametrize("place", ["record", "checkpoint"])
def test_links_in_place_of_files_and_folders_are_refused(store, tmp_path, place):
    id = write_with_checkpoint(store)
    name = FILE.format(id) if place == "record" else f"{id}.checkpoint"
    moved = (store.path / name).rename(tmp_path / "elsewhere")
    os.symlink(moved, store.path / name)
    with pytest.raises(RecordError, match="is a link"):
        store.read(id)


def test_an_extra_file_in_a_checkpoint_is_refused(store):
    id = write_with_checkpoint(store)
    (store.path / f"{id}.checkpoint" / "notes.txt").write_text("hello")
    with pytest.raises(RecordError, match=r"checkpoint/notes.txt: extra file"):
        store.read(id)


def test_an_altered_record_is_not_found(store):
    record, _ = made_up.run()
    id = write(store)
    assert [found.id for found in store.find(record["identity"])] == [id]
    path = store.path / FILE.format(id)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1]))
    assert RecordStore(store.path).find(record["identity"]) == []
    assert store.find(record["identity"]) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"status": "completed"', b'"status": "great"', "record: status: "),
        (b'"schema_version": 2', b'"schema_version": 7', "schema_version: 7 is unk"),
        (b'"mean_length": 3.0', b'"mean_length": NaN', "results.mean_length: NaN"),
        (b'"mean_length": 3.0', b'"mean_length": 4.0', "results.mean_length: 4.0"),
        (b'"total_timesteps": 1000', b'"total_timesteps": 999', "identity: does not follow"),
        (b'"files": {}}\n', b'"files": {}\n', "record: not valid JSON, perhaps cut short"),
        (b'"reward": 0.3', b'"reward": "x"', "episode 2: reward: 'x'"),
        (b'"reward": 0.3', b'"reward": NaN', "episode 2: reward: NaN"),
        (b'"reward": 0.3', b'"reward": 0.9', "results.mean_reward"),
        (b'"stop"}\n{', b'"stop"}{', "episode 1: not valid JSON"),
        (b'"timesteps": 10', b'"timesteps": -1', "record: curve.0.timesteps: -1"),
        (b'"stop"}\n', b'"stop"}', ""),
    ],
)
def test_a_forged_record_is_refused_by_field(store, old, new, message):
    forged = forge(store.path, write(store), old, new)
    with pytest.raises(RecordError) as caught:
        store.read(forged)
    assert message in str(caught.value)


def test_content_without_a_final_newline_is_refused(store):
    content = content_of(store.path, write(store))
    with pytest.raises(RecordError, match="cut short: the last line has no end"):
        store.read(plant_bytes(store.path, content[:-1]))
    with pytest.raises(RecordError, match="cut short"):
        store.read(plant_bytes(store.path, b""))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("checkpoint/policy.pkl", "may run code"),
        ("checkpoint/model.zip", "may run code"),
        ("../outside.json", "not a plain name"),
        ("checkpoint/../record.json", "not a plain name"),
        ("/etc/hosts", "not a plain name"),
        ("record.json", "not a plain name"),
        ("checkpoint", "not a plain name"),
    ],
)
def test_checkpoint_files_that_may_run_code_or_escape_are_refused(store, name, message):
    with pytest.raises(RecordError, match=message):
        write(store, files={name: b"x"})
    assert store.ids() == []


def test_a_checkpoint_with_another_hash_is_refused(store):
    record, rows = made_up.run()
    with pytest.raises(RecordError, match=r"facts.checkpoint_hash: None is not that of the files"):
        store.write(record, rows, files={"checkpoint/model.json": b"{}"})
    record["facts"]["checkpoint_hash"] = checkpoint_hash({"checkpoint/model.json": b"[]"})
    with pytest.raises(RecordError, match=r"facts.checkpoint_hash: .* is not that of the files"):
        store.write(record, rows, files={"checkpoint/model.json": b"{}"})
    assert store.ids() == []


def test_a_checkpoint_listed_under_a_bad_name_is_refused(store):
    listed = b'"files": {"checkpoint/../x.json": {"sha256": "' + b"0" * 64 + b'", "size": 1}}'
    forged = forge(store.path, write(store), b'"files": {}', listed)
    with pytest.raises(RecordError, match="not a plain name under checkpoint/"):
        store.read(forged)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("reward", float("nan"), "episode 1: reward: NaN"),
        ("colour", "red", "episode 1: top level: Additional properties"),
        ("action_ids", [-1], "episode 1: action_ids.0: -1 is less than"),
        ("metrics", {"bleu": float("inf")}, "episode 1: metrics.bleu: NaN"),
    ],
)
def test_a_bad_episode_is_refused_before_anything_is_written(store, field, value, message):
    record, rows = made_up.run()
    rows[1][field] = value
    with pytest.raises(RecordError) as caught:
        store.write(record, rows)
    assert message in str(caught.value)
    assert not store.path.exists()


def test_a_half_written_record_is_ignored(store):
    id = write(store)
    (store.path / ".writing-abc").mkdir()
    shutil.copy(store.path / FILE.format(id), store.path / ".writing-abc")
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
    if calls == 1:
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


@pytest.mark.parametrize("how", ["raise OSError('disk full')", "os._exit(9)"])
def test_tidy_removes_the_checkpoint_that_a_crash_left(store, how):
    code = f"""
import os, sys
import made_up
from llm_benchmarks.records.checkpoint import checkpoint_hash
from llm_benchmarks.records.store import RecordStore
real = os.rename
def dying(source, target):
    if str(target).endswith(".gz"):
        {how}
    return real(source, target)
os.rename = dying
record, rows = made_up.run()
files = {{"checkpoint/model.json": b"[]"}}
record["facts"]["checkpoint_hash"] = checkpoint_hash(files)
RecordStore(sys.argv[1]).write(record, rows, files)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(store.path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["", *sys.path])},
        capture_output=True,
        check=False,
    )
    assert done.returncode == (9 if "_exit" in how else 1), done.stderr
    assert store.ids() == []
    kept = write_with_checkpoint(store)
    store.tidy()
    assert {path.name for path in store.path.iterdir()} == {FILE.format(kept), f"{kept}.checkpoint"}
    assert store.read(kept).files()


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
    assert {path.name for path in store.path.iterdir()} == {FILE.format(id) for id in first}


def test_records_of_a_run_are_found_by_its_identity(store):
    record, _ = made_up.run(seed=2)
    key = record["identity"]
    assert store.find(key) == []
    failed = store.write(made_up.failure(seed=2, n=4))
    write(store, seed=1)
    assert store.find(key) == []
    assert [found.id for found in store.find(key, status=None)] == [failed]
    done = RecordStore(store.path).write(*made_up.run(seed=2))
    assert [found.id for found in store.find(key)] == [done]


def test_a_leaderboard_leaves_out_results_that_contradict_the_episodes(store):
    """Of several seeds, too: no row of theirs is asked for."""
    for seed in (1, 2):
        store.write(*made_up.run(seed=seed))
    id = store.ids()[0]
    mean = store.read(id).results["mean_reward"]
    forged = forge(store.path, id, f'"mean_reward": {mean}'.encode(), b'"mean_reward": 0.9')
    board = read_leaderboard(store)
    assert list(board.problems) == [forged]
    assert "results.mean_reward: 0.9, but the episodes give" in board.problems[forged]
    assert [row.seeds for table in board.tables for row in table.rows] == [1]


def test_a_folder_of_the_same_name_does_not_hide_a_record(store):
    id = write(store)
    (store.path / id).mkdir()
    problems = {}
    assert [record.id for record in store.records(problems)] == [id]
    assert problems == {}
