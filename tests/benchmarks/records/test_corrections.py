"""A record that supersedes others takes their place in every table; they stay in the store."""

from __future__ import annotations

import json

import made_up
import pytest
from hostile import refitted

from llm_benchmarks.commands.app import main
from llm_benchmarks.leaderboard.view import read_leaderboard
from llm_benchmarks.records.additions import AddedScores, Addition, write_addition
from llm_benchmarks.records.corrections import supersede, superseded
from llm_benchmarks.records.index import summaries
from llm_benchmarks.records.merging import merge
from llm_benchmarks.records.quarantine import quarantine
from llm_benchmarks.records.store import RecordStore

WRONG, RIGHT = [0.9, 0.9, 0.9, 0.8], [0.2, 0.3, 0.2, 0.3]


@pytest.fixture
def corrected(store):
    """A store, the wrong record, the right one as it was written first, and the correction."""
    old = store.write(*made_up.run("agent", 1, WRONG))
    new = store.write(*made_up.run("agent", 1, RIGHT, config={"lr": 0.1}))
    store.write(*made_up.run("other", 1, [0.5, 0.5, 0.5, 0.6]))
    return store, old, new, supersede(store, [old], new, "scored against the wrong references")


def shown(store, **options):
    return {
        row.agent: (row.score, set(row.records))
        for table in read_leaderboard(store, **options).tables
        for row in table.rows
    }


def ids_in_tables(store):
    return {id for table in read_leaderboard(store).tables for row in table.rows for id in row.records}


def test_the_correction_alone_is_in_the_table_and_nothing_is_deleted(corrected):
    store, old, new, correction = corrected
    score, records = shown(store)["agent"]
    assert score == pytest.approx(0.25)
    assert records == {correction}
    assert {old, new, correction} < set(store.ids())
    assert store.read(old).episodes()[0]["reward"] == 0.9
    [row] = [row for table in read_leaderboard(store).tables for row in table.rows if row.agent == "agent"]
    assert any("correction" in note for note in row.notes)


def test_an_index_knows_corrections_too(corrected, tmp_path, monkeypatch):
    monkeypatch.setenv("LLM_ENVS_HOME", str(tmp_path / "home"))
    store, old, new, correction = corrected
    for _ in range(2):
        assert superseded(summaries(store, least=0)) == {old: correction, new: correction}


def test_what_is_superseded_is_listed_on_request(corrected, capsys):
    store, old, new, correction = corrected
    assert main(["leaderboard", "supersede", "--store", str(store.path), "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["superseded"]
    assert {one["record"] for one in listed} == {old, new}
    assert {(one["by"], one["reason"]) for one in listed} == {
        (correction, "scored against the wrong references")
    }


def test_a_correction_may_be_corrected(corrected):
    store, _, _, correction = corrected
    last = store.write(*made_up.run("agent", 1, [0.4] * 4))
    final = supersede(store, [correction], last, "once more")
    assert shown(store)["agent"][1] == {final}


def test_a_correction_in_quarantine_corrects_nothing(corrected):
    store, old, new, correction = corrected
    quarantine(store, correction, "it was right before")
    assert ids_in_tables(store) >= {old, new}


def on_validation():
    record, rows = made_up.run("agent", 1)
    record["spec"]["evaluation"]["split"] = "validation"
    return refitted(record, rows)


@pytest.mark.parametrize(
    ("victim", "what"),
    [
        (made_up.run("other", 1), "the agent"),
        (made_up.run("agent", 2), "the training seed"),
        (made_up.run("agent", None), "the training seed"),
        (made_up.run("agent", 1, env="TextGen-v0"), "the environment"),
        (on_validation(), "the split"),
    ],
)
def test_a_record_cannot_take_others_off_the_leaderboard(store, victim, what, capsys):
    theirs = store.write(*victim)
    record, rows = made_up.run("agent", 1, RIGHT)
    mine = store.write(record, rows)
    words = ["leaderboard", "supersede", theirs[:12], "--by", mine[:12], "--reason", "x", "--store"]
    assert main([*words, str(store.path)]) == 2
    assert what in capsys.readouterr().err
    # A forger writes the field without asking.
    forged = store.write({**record, "supersedes": {"records": [theirs], "reason": "x"}}, rows)
    assert superseded(store.records()) == {}
    assert ids_in_tables(store) == {theirs, mine, forged}


def test_a_failed_run_corrects_nothing(store):
    old = store.write(*made_up.run("agent", 1, WRONG))
    failed = store.write({**made_up.failure("agent", 1), "supersedes": {"records": [old], "reason": "x"}})
    assert superseded(store.records()) == {}
    with pytest.raises(ValueError, match="is failed; a completed run can correct another"):
        supersede(store, [old], failed, "x")


def test_a_record_cannot_supersede_itself(store):
    id = store.write(*made_up.run())
    with pytest.raises(ValueError, match="itself"):
        supersede(store, [id], id, "x")


def test_added_scores_of_superseded_records_are_not_shown(corrected):
    store, old, _, correction = corrected
    scores = {id: AddedScores("length|v1", (1.0, 2.0, 3.0, 4.0)) for id in store.ids() if id != correction}
    assert old in scores
    write_addition(store, Addition("length", "reward", "length", scores))
    assert set(shown(store, score="length")) == {"other"}


@pytest.mark.parametrize("experiment", ["", "copied"])
def test_merge_carries_corrections_over_also_where_ids_change(corrected, tmp_path, experiment):
    store, *_ = corrected
    target = RecordStore(tmp_path / "target")
    assert len(merge([store], target, experiment).copied) == 4
    score, records = shown(target)["agent"]
    assert score == pytest.approx(0.25)
    assert len(records) == 1
    assert len(target.ids()) == 4
    again = merge([store], target, experiment)
    assert (len(again.copied), len(again.present)) == (0, 4)


def test_a_source_cannot_take_rows_away_that_stood_in_the_store_before(store, tmp_path, capsys):
    target = RecordStore(tmp_path / "target")
    old = store.write(*made_up.run("agent", 1, WRONG))
    new = store.write(*made_up.run("agent", 1, RIGHT))
    merge([store], target)
    correction = supersede(store, [old], new, "wrong")
    words = ["leaderboard", "merge", str(store.path), "--store", str(target.path)]
    assert main(words) == 1
    assert f"correction {correction[:12]} was not copied" in capsys.readouterr().err
    assert shown(target)["agent"][1] == {old, new}
    assert main([*words, "--accept-corrections"]) == 0
    assert f"{correction[:12]} is a correction" in capsys.readouterr().out
    assert shown(target)["agent"][1] == {correction}
    assert main(words) == 0, "it is there, and was accepted"


@pytest.mark.parametrize("brings_the_old_record", [True, False])
def test_a_correction_cannot_wait_for_the_record_that_it_takes_away(store, tmp_path, brings_the_old_record):
    """The old record may be merged later, so its id alone must not be enough."""
    old = store.write(*made_up.run("agent", 1, WRONG))
    correction = supersede(store, [old], store.write(*made_up.run("agent", 1, RIGHT)), "wrong")
    if not brings_the_old_record:
        (store.path / f"{old}.jsonl.gz").unlink()
    merged = merge([store], RecordStore(tmp_path / "target"))
    assert (correction in merged.corrections) == brings_the_old_record
    assert (correction in merged.refused) != brings_the_old_record


def test_a_later_correction_of_a_refused_one_is_refused_too(store, tmp_path):
    target = RecordStore(tmp_path / "target")
    old = store.write(*made_up.run("agent", 1, WRONG))
    merge([store], target)
    first = supersede(store, [old], store.write(*made_up.run("agent", 1, RIGHT)), "wrong")
    last = supersede(store, [first], store.write(*made_up.run("agent", 1, [0.4, 0.4, 0.5])), "once more")
    assert merge([store], target).refused.keys() == {first, last}


@pytest.mark.parametrize(
    "words",
    [["--list", "--by", "a"], ["abc"], ["abc", "--by", "abc"], ["abc", "--by", "abc", "--reason", "x"], []],
)
def test_incomplete_corrections_are_bad_input(corrected, words):
    store, *_ = corrected
    before = store.ids()
    assert main(["leaderboard", "supersede", "--store", str(store.path), *words]) == 2
    assert store.ids() == before
