"""Records are copied from store to store, and those of earlier releases arrive in the present schema."""

import former_records
import made_up
from former_records import files_of, plant
from hostile import forge

from llm_benchmarks.commands.app import main
from llm_benchmarks.records.checkpoint import checkpoint_hash
from llm_benchmarks.records.merging import merge
from llm_benchmarks.records.store import RecordStore


def test_an_unchanged_copy_keeps_its_id(store, tmp_path):
    other = RecordStore(tmp_path / "other")
    id = store.write(*made_up.run(experiment="text"))
    assert merge([store], other, "parts").copied == [id]
    assert other.read(id).data == store.read(id).data


def test_a_copy_of_a_former_record_has_the_current_schema(store, tmp_path):
    other = RecordStore(tmp_path / "other")
    kept = {"checkpoint/a/model.json": b"[]"}
    record, rows = former_records.run()
    record["agent"]["checkpoint_hash"] = checkpoint_hash(kept)
    id = plant(store.path, files_of(record, rows, **kept))
    [copied] = merge([store], other, "text").copied
    assert [path.name for path in sorted(other.path.iterdir())] == [
        f"{copied}.checkpoint",
        f"{copied}.jsonl.gz",
    ]
    before, after = store.read(id), other.read(copied)
    assert after.spec.experiment == "text"
    assert after.data["identity"] == before.data["identity"]
    assert after.episodes() == before.episodes()
    assert after.files()["checkpoint/a/model.json"].read_bytes() == b"[]"


def test_a_run_that_the_store_has_is_left_out(store, tmp_path):
    other = RecordStore(tmp_path / "other")
    id = plant(store.path, files_of(*former_records.run()))
    other.write(*made_up.run(experiment="text"))
    merged = merge([store], other)
    assert (merged.copied, merged.present) == ([], [id])
    record, rows = made_up.run(rewards=[0.5, 0.6, 0.7, 0.8])
    again = store.write(record, rows)
    assert merge([store], other).copied == [again], "another evaluation of the same run is another record"


def test_merge_copies_records_and_names_unreadable_ones(store, tmp_path, capsys):
    files = {"checkpoint/model.json": b"[]"}
    record, rows = made_up.run()
    record["facts"]["checkpoint_hash"] = checkpoint_hash(files)
    store.write(record, rows, files)
    bad = forge(store.path, store.write(*made_up.run(seed=2)), b'"mean_reward": 0.25', b'"mean_reward": 0.9')
    words = ["leaderboard", "merge", str(store.path), "--store", str(tmp_path / "new")]
    assert main([*words, "--experiment", "text"]) == 1
    output = capsys.readouterr()
    assert "1 copied to" in output.out
    assert f"unreadable record {bad[:12]}: record: results.mean_reward" in output.err
    [copied] = RecordStore(tmp_path / "new").records()
    assert copied.spec.experiment == "text"
    assert main(words) == 1
    assert "0 copied to" in capsys.readouterr().out
    assert main(["leaderboard", "merge", str(tmp_path / "none"), "--store", str(tmp_path / "new")]) == 2


def test_an_unchanged_record_is_copied_byte_for_byte_with_its_checkpoint(store, tmp_path):
    other = RecordStore(tmp_path / "other")
    files = {"checkpoint/a/model.json": b"[]"}
    record, rows = made_up.run(experiment="text")
    record["facts"]["checkpoint_hash"] = checkpoint_hash(files)
    id = store.write(record, rows, files)
    assert merge([store], other).copied == [id]
    names = [f"{id}.jsonl.gz", f"{id}.checkpoint/a/model.json"]
    assert [(other.path / name).read_bytes() for name in names] == [
        (store.path / name).read_bytes() for name in names
    ]
    assert other.read(id) == store.read(id)


def test_a_damaged_copy_in_the_target_is_named_and_the_rest_is_merged(store, tmp_path):
    other = RecordStore(tmp_path / "other")
    first, second = (store.write(*made_up.run(seed=seed)) for seed in (1, 2))
    merge([store], other)
    path = other.path / f"{first}.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-3])
    third = store.write(*made_up.run(seed=3))
    merged = merge([store], other)
    assert (merged.copied, merged.present) == ([third], [second])
    assert list(merged.problems) == [first]
    assert "altered" in merged.problems[first]
