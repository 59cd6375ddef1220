"""The index makes `show` quick and is never the truth: whatever it says, numbers are those of records."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import former_records
import made_up
import pytest
from hostile import forge, plant_bytes

from llm_benchmarks.leaderboard.tables import leaderboard_tables
from llm_benchmarks.leaderboard.view import read_leaderboard
from llm_benchmarks.records.checkpoint import checkpoint_hash
from llm_benchmarks.records.index import LEAST, index_path, summaries
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import RecordError

COMMITTED = Path(__file__).parents[3] / "benchmarks" / "results"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A cache of the test's own."""
    monkeypatch.setenv("LLM_ENVS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def filled(store):
    """Two agents with three seeds, one that is not trained, one run that failed."""
    for seed in (1, 2, 3):
        store.write(*made_up.run("good", seed, [0.5, 0.6, 0.7, 0.8 + seed / 10]))
        store.write(*made_up.run("poor", seed, [0.1, 0.2, 0.3, 0.4 + seed / 10]))
    store.write(*made_up.run("random", None, [0.0, 0.1, 0.25, 0.1]))
    store.write(made_up.failure("poor", 4))
    return store


@pytest.fixture
def unread(monkeypatch):
    """Call it, and from then on no record's file may be read."""

    def refuse(store, id, rows=True):
        raise AssertionError(f"{id} was read")

    return lambda: monkeypatch.setattr(RecordStore, "load", refuse)


def tables(records):
    return [table.to_dict() for table in leaderboard_tables(records)]


def indexed(store, problems=None):
    return summaries(store, problems, least=0)


def test_the_committed_store_has_the_same_tables_with_an_index_to_the_last_digit(unread):
    store = RecordStore(COMMITTED)
    assert len(store.ids()) >= LEAST, "it is large enough for `show` to use its index"
    expected = tables(store.records())
    assert tables(summaries(store)) == expected
    unread()
    assert tables(summaries(store)) == expected


def test_an_index_holds_what_tables_and_comparisons_need(filled, unread):
    expected = tables(filled.records())
    indexed(filled)
    unread()
    records = indexed(filled)
    assert tables(records) == expected
    by_agent = {record.spec.agent.name: record for record in records if record.status == "completed"}
    assert by_agent["random"].outcomes() == ([0.0, 0.1, 0.25, 0.1], [0, 1, 2, 3])


def test_records_from_an_index_are_those_of_the_files(filled):
    indexed(filled)
    for summary, record in zip(indexed(filled), filled.records(), strict=True):
        assert summary.id == record.id
        assert summary.spec == record.spec
        assert (summary.status, summary.results, summary.facts) == (
            record.status,
            record.results,
            record.facts,
        )
        assert summary.cost == record.cost
        assert summary.episodes() == record.episodes()
        assert summary.outcomes() == record.outcomes()


def test_a_small_store_has_no_index(filled, home):
    assert len(summaries(filled)) == 8
    assert not home.exists()


def test_new_records_appear_and_removed_ones_leave(filled):
    before = indexed(filled)
    new = filled.write(*made_up.run("new", 1))
    (filled.path / f"{before[0].id}.jsonl.gz").unlink()
    ids = {record.id for record in before[1:]} | {new}
    for _ in range(2):
        assert {record.id for record in indexed(filled)} == ids == set(filled.ids())


def test_a_record_that_is_damaged_after_it_was_indexed_is_named_and_hides_no_other(filled):
    ids = [record.id for record in indexed(filled)]
    path = filled.path / f"{ids[2]}.jsonl.gz"
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=times)  # the same size and time of change
    problems: dict[str, str] = {}
    assert [record.id for record in indexed(filled, problems)] == ids[:2] + ids[3:]
    assert list(problems) == [ids[2]]
    assert "altered" in problems[ids[2]]


@pytest.mark.parametrize("how", ["altered", "more", "missing", "all missing", "link"])
def test_a_checkpoint_that_changed_after_it_was_indexed_is_noticed(store, how):
    record, rows = made_up.run()
    files = {"checkpoint/a/model.json": b'{"layers": 2}'}
    record["facts"]["checkpoint_hash"] = checkpoint_hash(files)
    id = store.write(record, rows, files)
    folder = store.path / f"{id}.checkpoint"
    assert [found.id for found in indexed(store)] == [id]
    path = folder / "a" / "model.json"
    if how == "altered":
        path.write_bytes(b'{"layers": 3}')
    elif how == "more":
        (folder / "a" / "more.json").write_bytes(b"{}")
    elif how == "missing":
        path.unlink()
    elif how == "all missing":
        shutil.rmtree(folder)
    else:
        folder.rename(store.path / "elsewhere")
        os.symlink(store.path / "elsewhere", folder)
    problems: dict[str, str] = {}
    assert indexed(store, problems) == []
    assert list(problems) == [id]


def test_links_and_records_of_schema_1_are_read_each_time(filled, tmp_path):
    first = indexed(filled)[0].id
    former = former_records.plant(filled.path, former_records.files_of(*former_records.run("former", 1)))
    path = filled.path / f"{first}.jsonl.gz"
    os.symlink(path.rename(tmp_path / "moved"), path)
    for _ in range(2):
        problems: dict[str, str] = {}
        assert former in {record.id for record in indexed(filled, problems)}
        assert "is a link" in problems[first]


def test_an_index_that_lies_in_a_handed_in_store_is_not_read(filled, tmp_path):
    """The forger's own index says 0.9 for everything; his records do not."""
    indexed(filled)
    forged = index_path(filled)
    with sqlite3.connect(forged) as connection:
        connection.execute("UPDATE records SET content = replace(content, '0.', '0.9')")
    connection.close()
    for name in (forged.name, "index.sqlite", ".index.sqlite"):
        shutil.copy(forged, filled.path / name)
    forged.unlink()
    assert tables(indexed(filled)) == tables(filled.records())


def altered_content(path):
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE records SET content = replace(content, '0.', '0.9')")
    connection.close()


def altered_parts(path):
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE parts SET content = replace(content, 'good', 'best')")
    connection.close()


def altered_outcomes(path):
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE outcomes SET rewards = zeroblob(length(rewards))")
    connection.close()


def without_parts(path):
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM parts")
    connection.close()


def other_release(path):
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE about SET value = 'x' WHERE key = 'code'")
    connection.close()


def other_store(path):
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE about SET value = '/elsewhere' WHERE key = 'store'")
    connection.close()


def linked(path):
    os.symlink(path.rename(path.with_suffix(".moved")), path)


def a_folder(path):
    path.unlink()
    path.mkdir()


BREAKAGES = {
    "altered content": altered_content,
    "altered parts": altered_parts,
    "altered outcomes": altered_outcomes,
    "parts are gone": without_parts,
    "another release": other_release,
    "another store": other_store,
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-5000]),
    "empty": lambda path: path.write_bytes(b""),
    "not SQLite": lambda path: path.write_bytes(b"x" * 20_000),
    "a link": linked,
    "a folder": a_folder,
    "others may write it": lambda path: path.chmod(0o666),
}


@pytest.mark.parametrize("how", BREAKAGES)
def test_a_broken_or_foreign_index_is_not_believed(filled, how):
    expected = tables(filled.records())
    indexed(filled)
    if how == "others may write it":
        altered_content(index_path(filled))
    BREAKAGES[how](index_path(filled))
    for _ in range(2):
        assert tables(indexed(filled)) == expected


def test_no_altered_byte_of_an_index_changes_a_number(filled):
    expected = tables(filled.records())
    indexed(filled)
    whole, rng = index_path(filled).read_bytes(), random.Random(0)
    used = [place for place in range(len(whole)) if whole[place]]
    for place in rng.sample(used, 80):
        data = bytearray(whole)
        data[place] ^= rng.randrange(1, 256)
        index_path(filled).write_bytes(data)
        assert tables(indexed(filled)) == expected


def test_a_broken_index_is_made_anew(filled, unread):
    indexed(filled)
    index_path(filled).write_bytes(b"broken")
    indexed(filled)
    unread()
    assert len(indexed(filled)) == 8


@pytest.mark.parametrize("kind", ["a file in place of the cache", "no home at all"])
def test_without_a_cache_the_records_are_read(filled, home, monkeypatch, kind):
    if kind == "no home at all":
        monkeypatch.delenv("LLM_ENVS_HOME")
        monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)
    else:
        home.write_text("a file")
    expected = tables(filled.records())
    for _ in range(2):
        assert tables(indexed(filled)) == expected


def test_a_large_store_whose_index_cannot_be_kept_says_so(filled, home, monkeypatch):
    home.write_text("a file")
    monkeypatch.setattr("llm_benchmarks.records.index.TOLD_FROM", 5)
    with pytest.warns(UserWarning, match="no index of .* could be kept, so 8 records are read each time"):
        indexed(filled)


def test_a_store_that_nobody_can_write_to_has_an_index_all_the_same(filled, unread):
    filled.path.chmod(0o555)
    indexed(filled)
    unread()
    assert len(indexed(filled)) == 8
    filled.path.chmod(0o755)


def test_reading_that_is_interrupted_goes_on_where_it_was(filled, monkeypatch):
    load, calls = RecordStore.load, []

    def interrupted(store, id, rows=True):
        calls.append(id)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return load(store, id, rows)

    monkeypatch.setattr(RecordStore, "load", interrupted)
    with pytest.raises(KeyboardInterrupt):
        indexed(filled)
    assert len(indexed(filled)) == 8
    assert len(calls) == 5 + 4, "the four that were read are not read again"


def write_and_index(path: str, number: int) -> int:
    store = RecordStore(path)
    for seed in range(8):
        store.write(*made_up.run(f"agent {number}", seed))
        indexed(store)
    return len(indexed(store))


def test_several_processes_use_one_index_at_once(filled):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        counts = list(pool.map(write_and_index, [str(filled.path)] * 2, range(2)))
    assert max(counts) == len(filled.ids()) == 8 + 16
    assert tables(indexed(filled)) == tables(filled.records())
    assert [path.suffix for path in index_path(filled).parent.iterdir()] == [".sqlite"]


def test_an_index_that_another_process_replaces_meanwhile_is_not_mixed_up(filled, monkeypatch):
    indexed(filled)
    filled.write(*made_up.run("first", 1, [0.3] * 4, config={"lr": 1.0}))
    load = RecordStore.load

    def overtaken(store, id, rows=True):
        monkeypatch.setattr(RecordStore, "load", load)
        filled.write(*made_up.run("second", 1, [0.7] * 4, config={"lr": 2.0}))
        filled.write(*made_up.run("0", 1, [0.2] * 4, config={"lr": 3.0}))
        indexed(filled)
        return load(store, id, rows)

    monkeypatch.setattr(RecordStore, "load", overtaken)
    assert len(indexed(filled)) == 9
    for _ in range(2):
        assert tables(indexed(filled)) == tables(filled.records())


def test_a_store_of_another_path_has_an_index_of_its_own(filled, tmp_path):
    indexed(filled)
    copy = RecordStore(shutil.copytree(filled.path, tmp_path / "copy"))
    forge(copy.path, copy.ids()[0], b'"status": "completed"', b'"status": "great"')
    assert index_path(copy) != index_path(filled)
    problems: dict[str, str] = {}
    assert len(indexed(copy, problems)) == 7
    assert len(problems) == 1
    os.symlink(filled.path, tmp_path / "link")
    assert index_path(RecordStore(tmp_path / "link")) == index_path(filled)


def test_a_text_with_half_a_surrogate_pair_is_indexed(store):
    record, rows = made_up.run(config={"prompt": "broken \ud83d"})
    store.write(record, rows)
    indexed(store)
    assert indexed(store)[0].spec == store.records()[0].spec


def test_a_record_that_vanishes_while_it_is_summarised_is_an_error_of_records(filled):
    record = indexed(filled)[0]
    (filled.path / f"{record.id}.jsonl.gz").unlink()
    with pytest.raises(RecordError):
        record.episodes()


def test_show_names_a_damaged_record_of_an_indexed_store(filled, monkeypatch):
    monkeypatch.setattr("llm_benchmarks.leaderboard.view.summaries", indexed)
    read_leaderboard(filled)
    bad = plant_bytes(filled.path, b"{}\n")
    board = read_leaderboard(filled)
    assert list(board.problems) == [bad]
    assert [row.agent for table in board.tables for row in table.rows] == ["good", "poor", "random"]
