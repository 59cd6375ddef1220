"""Records of schema 1 are read as those of schema 2, and checked as before."""

import json
import os

import former_records
import made_up
import pytest
from former_records import files_of, forge, plant

from llm_benchmarks.records.values import RecordError

NAMES = ["manifest.json", "record.json", "episodes.jsonl", "curve.jsonl", "checkpoint/a/model.json"]


def write(store, **options):
    return plant(store.path, files_of(*former_records.run(**options)))


def with_checkpoint(store):
    return plant(store.path, files_of(*former_records.run(), **{"checkpoint/a/model.json": b'{"layers": 2}'}))


def changed(store, path, value):
    """The spec of a former record of which one field was changed."""
    record, rows = former_records.run()
    *steps, last = path.split(".")
    place = record
    for step in steps:
        place = place[step]
    place[last] = value
    return store.read(plant(store.path, files_of(record, rows))).spec


def test_an_upgraded_record_equals_a_new_one(store):
    former, rows = former_records.run()
    id = plant(store.path, files_of(former, rows))
    record, _ = made_up.run(curve=former_records.CURVE)
    found = store.read(id)
    assert found.data == record
    assert found.spec == made_up.spec()
    assert found.data["identity"] == made_up.spec().identity()
    assert found.episodes() == rows
    assert found.curve() == former_records.CURVE
    assert [one.id for one in store.find(made_up.spec().identity())] == [id]


def test_a_former_record_of_an_untrained_agent_has_no_training(store):
    found = store.read(write(store, agent="random", seed=None))
    assert found.spec == made_up.spec("random", None)
    assert found.training_seed is None


def test_files_of_a_former_checkpoint_are_found(store):
    found = store.read(with_checkpoint(store))
    assert found.files()["checkpoint/a/model.json"].read_bytes() == b'{"layers": 2}'
    assert found.data["files"]["checkpoint/a/model.json"]["size"] == 13


def test_options_without_effect_become_settings(store):
    spec = changed(store, "agent.config", {"lr": 0.001, "warm_start_folder": "w", "checkpoint_freq": 5})
    assert spec.agent.config == {"lr": 0.001}
    assert spec.agent.settings == {"warm_start_folder": "w", "checkpoint_freq": 5}
    assert spec.identity() == made_up.spec().identity()


def test_an_asset_in_the_configuration_is_the_base_model(store):
    spec = changed(store, "agent.config", {"model": "smollm2-135m"})
    assert spec.agent.base_model == {"name": "smollm2-135m", "hash": None, "source": "asset"}
    assert changed(store, "agent.config", {"model": "tiny"}).agent.base_model is None


def test_options_of_sampling_become_the_decoding(store):
    record, rows = former_records.run(config={"temperature": 0.7, "top_k": 5, "lr": 1.0})
    record["decoding"]["deterministic"] = False
    spec = store.read(plant(store.path, files_of(record, rows))).spec
    assert spec.evaluation.decoding == {"temperature": 0.7, "top_k": 5}
    assert changed(store, "agent.config", {"temperature": 0.7}).evaluation.decoding == {}


def test_a_users_own_data_is_identified_by_its_hash(store):
    spec = changed(store, "env.kwargs", {"dataset": "file:a.jsonl", "tokenizer": "my-tokenizer"})
    assert spec.environment.contents == {"dataset": made_up.SHA, "tokenizer": made_up.SHA}
    other = changed(store, "env.kwargs", {"dataset": "file:b.jsonl", "tokenizer": "moved"})
    assert other.identity() == spec.identity()
    assert changed(store, "env.kwargs", {"tokenizer": "word"}).environment.contents == {}


def test_the_reward_timing_comes_from_the_agent_or_the_environment(store):
    assert changed(store, "env.kwargs", {"reward_timing": "dense"}).training.reward_timing == "dense"
    assert changed(store, "agent.config", {"reward_timing": "dense"}).training.reward_timing == "dense"


def test_every_metric_gets_its_own_signature(store):
    record, rows = former_records.run()
    whole = "1*chrf|nc:6|v1 + 1*exact_match|lowercase:no|v1"
    record["reward"]["metrics"] = [
        {"name": "success", "signature": None},
        {"name": "chrf", "signature": whole},
        {"name": "exact_match", "signature": whole},
    ]
    assert store.read(plant(store.path, files_of(record, rows))).facts["metrics"] == [
        {"name": "success", "signature": None},
        {"name": "chrf", "signature": "chrf|nc:6|v1"},
        {"name": "exact_match", "signature": "exact_match|lowercase:no|v1"},
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "byte", "link", "folder"])
def test_every_corruption_is_refused_by_file_name(store, name, damage):
    path = store.path / with_checkpoint(store) / name
    good = write(store, seed=2)
    data = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(data[:-7])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "byte":
        path.write_bytes(data[:10] + bytes([data[10] ^ 1]) + data[11:])
    elif damage == "link":
        os.symlink(__file__, path)
    elif damage == "folder":
        path.mkdir()
    expected = {"missing": "missing", "folder": "missing", "link": "is a link"}.get(damage)
    problems = {}
    assert [record.id for record in store.records(problems)] == [good]
    [problem] = problems.values()
    assert problem.startswith(f"{name}: ")
    assert (expected or "altered") in problem


def test_an_extra_file_is_refused(store):
    id = write(store)
    (store.path / id / "notes.txt").write_text("hello")
    with pytest.raises(RecordError, match=r"notes.txt: extra file"):
        store.read(id)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("record.json", b'"status": "completed"', b'"status": "great"', "record.json: status: "),
        ("record.json", b'"schema_version": 1', b'"schema_version": 7', "schema_version: 7 is unk"),
        ("record.json", b'"schema_version": 1', b'"schema_version": true', "schema_version: True is unk"),
        ("record.json", b'"mean_length": 3.0', b'"mean_length": NaN', "results.mean_length: NaN"),
        ("record.json", b'"mean_length": 3.0', b'"mean_length": 4.0', "results.mean_length: 4.0"),
        ("record.json", b'"evaluation": 777', b'"evaluation": 778', "episode 0: seed"),
        ("record.json", b"}\n", b"\n", "record.json: not valid JSON, perhaps cut short"),
        ("episodes.jsonl", b'"reward": 0.3', b'"reward": "x"', "episodes.jsonl line 3: reward: 'x'"),
        ("episodes.jsonl", b'"reward": 0.3', b'"reward": NaN', "episodes.jsonl line 3: reward: NaN"),
        ("episodes.jsonl", b'"reward": 0.3', b'"reward": 0.9', "results.mean_reward"),
        ("episodes.jsonl", b"}\n{", b"}{", "episodes.jsonl line 1: not valid JSON"),
        ("curve.jsonl", b"}\n", b"}", "curve.jsonl: cut short"),
        ("curve.jsonl", b'"timesteps": 10', b'"timesteps": -1', "curve.jsonl line 1: timesteps: -1"),
    ],
)
def test_a_forged_record_is_refused_by_field(store, name, old, new, message):
    folder = store.path / write(store)
    data = (folder / name).read_bytes()
    assert old in data
    forged = forge(folder, name, data.replace(old, new))
    with pytest.raises(RecordError) as caught:
        store.read(forged.name)
    assert message in str(caught.value)


def test_every_invalid_manifest_is_named(store):
    good = write(store, agent="good-agent")
    files = files_of(*former_records.run("hostile", 2))
    listed = {"sha256": "0" * 64, "size": 1}
    manifests = [
        lambda m: {**m, "files": []},
        lambda m: {**m, "files": {**m["files"], "checkpoint/x": {"sha256": "0" * 64, "size": 10**400}}},
        lambda m: {**m, "files": {**m["files"], "checkpoint/../../x": listed}},
        lambda m: {**m, "files": {**m["files"], "checkpoint/\0": listed}},
        lambda m: {**m, "files": {**m["files"], "checkpoint/\ud800": listed}},
        lambda m: {**m, "files": {**m["files"], "checkpoint/" + "x" * 400: listed}},
        lambda m: {"manifest_version": 1},
        lambda m: [m],
        lambda m: b"\xff",
        lambda m: b"[" * 100_000,
        lambda m: float("nan"),
    ]
    planted = {plant(store.path, files, manifest) for manifest in manifests}
    problems: dict[str, str] = {}
    assert [record.id for record in store.records(problems)] == [good]
    assert problems.keys() == planted


def test_a_former_record_with_wrong_sections_is_refused_by_field(store):
    record, rows = former_records.run()
    for path, value in (("env.kwargs", []), ("agent.config", 3), ("seeds.training", "one"), ("reward", None)):
        odd = json.loads(json.dumps(record))
        *steps, last = path.split(".")
        place = odd
        for step in steps:
            place = place[step]
        place[last] = value
        with pytest.raises(RecordError, match=f"record.json: {path}"):
            store.read(plant(store.path, files_of(odd, rows)))
