"""Damaged records are named, moved out of the way with the reason, and never deleted or counted."""

from __future__ import annotations

import json
import os

import former_records
import made_up
import pytest
from hostile import forge, plant_bytes

from llm_benchmarks.commands.app import main
from llm_benchmarks.leaderboard.view import read_leaderboard
from llm_benchmarks.records.checkpoint import checkpoint_hash
from llm_benchmarks.records.merging import merge
from llm_benchmarks.records.quarantine import FOLDER, quarantine, quarantined, restore
from llm_benchmarks.records.store import RecordStore

FILES = {"checkpoint/a/model.json": b"{}"}


def write_with_checkpoint(store):
    record, rows = made_up.run(seed=9)
    record["facts"]["checkpoint_hash"] = checkpoint_hash(FILES)
    return store.write(record, rows, FILES)


def damage(store, kind):
    """Damages a record in one way; returns its id."""
    id = write_with_checkpoint(store)
    path = store.path / f"{id}.jsonl.gz"
    if kind == "bytes":
        data = bytearray(path.read_bytes())
        data[40] ^= 1
        path.write_bytes(data)
    elif kind == "cut short":
        path.write_bytes(path.read_bytes()[:-9])
    elif kind == "another content":
        path.write_bytes((store.path / f"{store.write(*made_up.run(seed=8))}.jsonl.gz").read_bytes())
    elif kind == "checkpoint":
        (store.path / f"{id}.checkpoint" / "a" / "model.json").write_bytes(b"[]")
    elif kind == "a link":
        os.symlink(path.rename(store.path / "elsewhere"), path)
    elif kind == "a folder":
        path.unlink()
        path.mkdir()
    elif kind == "foreign schema":
        return forge(
            store.path, store.write(*made_up.run(seed=8)), b'"schema_version": 2', b'"schema_version": 7'
        )
    elif kind == "schema 1":
        record = former_records.plant(store.path, former_records.files_of(*former_records.run("former", 1)))
        (store.path / record / "record.json").write_bytes(b"{}")
        return record
    else:
        return plant_bytes(store.path, b"{}\n")
    return id


KINDS = (
    *("bytes", "cut short", "another content", "checkpoint", "a link", "a folder", "foreign schema"),
    *("schema 1", "no record at all"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_record_is_moved_with_its_reason_and_hides_no_other(store, kind, capsys):
    good = store.write(*made_up.run(seed=1))
    bad = damage(store, kind)
    before = read_leaderboard(store)
    assert list(before.problems) == [bad]
    good_ids = set(store.ids()) - {bad}
    assert good in good_ids

    words = ["leaderboard", "quarantine", "--store", str(store.path)]
    assert main([*words, "--json"]) == 0
    [moved] = json.loads(capsys.readouterr().out)["moved"]
    assert (moved["record"], moved["reason"]) == (bad, before.problems[bad])

    after = read_leaderboard(store)
    assert after.problems == {}
    assert set(store.ids()) == good_ids
    assert after.tables == before.tables
    place = store.path / FOLDER / bad
    assert json.loads((place / "reason.json").read_text())["reason"] == before.problems[bad]
    kept = {path.name for path in place.iterdir()}
    whole = {f"{bad}.jsonl.gz"} if kind != "schema 1" else {bad}
    checkpoint = (
        {f"{bad}.checkpoint"} if kind not in ("foreign schema", "schema 1", "no record at all") else set()
    )
    assert kept == {"reason.json"} | whole | checkpoint

    assert main([*words, "--list"]) == 0
    assert bad[:12] in capsys.readouterr().out
    assert main(words) == 0
    assert "0 records moved" in capsys.readouterr().out


def test_records_in_quarantine_are_not_merged_found_or_tidied_away(store, tmp_path):
    id = write_with_checkpoint(store)
    identity = store.read(id).data["identity"]
    quarantine(store, id, "the wrong data")
    store.tidy()
    assert merge([store], RecordStore(tmp_path / "other")).copied == []
    assert RecordStore(store.path).find(identity) == []
    assert [(one.record, one.reason) for one in quarantined(store)] == [(id, "the wrong data")]
    assert (store.path / FOLDER / id / f"{id}.checkpoint" / "a" / "model.json").read_bytes() == b"{}"


def test_a_whole_record_is_moved_for_a_reason_and_restored(store, capsys):
    id = write_with_checkpoint(store)
    before = store.read(id)
    words = ["leaderboard", "quarantine", "--store", str(store.path)]
    assert main([*words, id[:10]]) == 2
    assert "--reason" in capsys.readouterr().err
    assert main([*words, id[:10], "--reason", "scored by a wrong metric"]) == 0
    assert store.ids() == []
    assert main([*words, "--restore", id[:10]]) == 0
    assert store.read(id) == before
    assert store.read(id).files()["checkpoint/a/model.json"].read_bytes() == b"{}"
    assert quarantined(store) == []


def test_a_record_that_is_still_damaged_is_not_restored(store, capsys):
    bad = damage(store, "bytes")
    words = ["leaderboard", "quarantine", "--store", str(store.path)]
    assert main(words) == 0
    assert main([*words, "--restore", bad]) == 1
    assert "still damaged" in capsys.readouterr().err
    assert store.ids() == []
    assert [one.record for one in quarantined(store)] == [bad]


def test_restoring_does_not_replace_a_record(store):
    id = write_with_checkpoint(store)
    quarantine(store, id, "by mistake")
    assert write_with_checkpoint(store) == id
    with pytest.raises(FileExistsError, match="has a record"):
        restore(store, id)


def test_restoring_leaves_files_of_others_where_they_are(store):
    id = write_with_checkpoint(store)
    quarantine(store, id, "by mistake")
    note = store.path / FOLDER / id / "note.txt"
    note.write_text("mine")
    assert restore(store, id) == id
    assert note.read_text() == "mine"
    assert quarantined(store) == []


def test_restoring_refuses_where_a_checkpoint_is_in_the_way_and_moves_nothing(store, capsys):
    id = write_with_checkpoint(store)
    quarantine(store, id, "by mistake")
    (store.path / f"{id}.checkpoint").mkdir()
    words = ["leaderboard", "quarantine", "--store", str(store.path), "--restore", id]
    assert main(words) == 2
    assert "is in the way" in capsys.readouterr().err
    (store.path / f"{id}.checkpoint").rmdir()
    assert main(words) == 0


def test_a_record_that_comes_back_damaged_is_kept_beside_the_first(store):
    id = write_with_checkpoint(store)
    quarantine(store, id, "first")
    assert write_with_checkpoint(store) == id
    quarantine(store, id, "second")
    assert [(one.place, one.reason) for one in quarantined(store)] == [(id, "first"), (f"{id}.2", "second")]


@pytest.mark.parametrize("left_after", ["reason", "checkpoint"])
def test_a_move_that_was_cut_off_is_ended_by_the_next(store, left_after, monkeypatch):
    id = write_with_checkpoint(store)
    before = store.read(id)
    calls, rename = [], os.rename

    def dying(source, target):
        calls.append(source)
        if len(calls) > (left_after == "checkpoint"):
            raise RuntimeError("killed")
        rename(source, target)

    monkeypatch.setattr(os, "rename", dying)
    with pytest.raises(RuntimeError):
        quarantine(store, id, "why")
    monkeypatch.undo()
    assert store.ids() == [id]
    assert quarantined(store) == []
    quarantine(store, id, "why")
    assert [one.place for one in quarantined(store)] == [id]
    restore(store, id)
    assert store.read(id) == before


def test_a_record_that_cannot_be_read_now_stays(store, monkeypatch, capsys):
    """A disk that is away, or a missing permission, is no damage."""
    id = write_with_checkpoint(store)
    monkeypatch.setattr(
        "llm_benchmarks.records.record_file.read_content",
        lambda path, id: (_ for _ in ()).throw(OSError(5, "Input/output error", str(path))),
    )
    assert main(["leaderboard", "quarantine", "--store", str(store.path)]) == 1
    assert f"record {id[:12]} cannot be read now and stays" in capsys.readouterr().err
    assert store.ids() == [id]


def test_a_quarantine_that_is_a_link_is_refused(store, tmp_path, capsys):
    bad = damage(store, "bytes")
    (tmp_path / "outside").mkdir()
    os.symlink(tmp_path / "outside", store.path / FOLDER)
    assert main(["leaderboard", "quarantine", "--store", str(store.path)]) == 2
    assert "is a link" in capsys.readouterr().err
    assert store.ids() == [bad]
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_forged_reason_is_told_and_escaped(store, capsys):
    id = write_with_checkpoint(store)
    quarantine(store, id, "\x1b[31mred\nline")
    assert main(["leaderboard", "quarantine", "--store", str(store.path), "--list"]) == 0
    assert "\x1b" not in capsys.readouterr().out
    for forged in ('{"record": 3}', "[]"):
        (store.path / FOLDER / id / "reason.json").write_text(forged)
        assert main(["leaderboard", "quarantine", "--store", str(store.path), "--list"]) == 1
        assert f"quarantine/{id}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--list", "abc"],
        ["--restore"],
        ["--restore", "abc", "--reason", "x"],
        ["abc", "--reason", "x"],
        ["", "--reason", "x"],
    ],
)
def test_contradicting_options_are_bad_input(store, words):
    write_with_checkpoint(store)
    assert main(["leaderboard", "quarantine", "--store", str(store.path), *words]) == 2
    assert len(store.ids()) == 1
