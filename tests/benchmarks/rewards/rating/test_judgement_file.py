"""The file of judgements: nothing that was confirmed is lost, and a damaged file is named."""

from __future__ import annotations

import errno
import json
import os

import pytest
from rated import asked, pairs

from llm_benchmarks.rewards.rating.items import Item
from llm_benchmarks.rewards.rating.judgements import JudgementFile, judgement_of, read_judgements
from llm_benchmarks.rewards.rating.session import BadAnswer, Session, StaleAnswer

ITEMS = pairs(4)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "said.jsonl"


def made(item=0, rater="Ana", choice="a"):
    return judgement_of(ITEMS[item], rater, choice, "a", 1.5, "2026-01-02T03:04:05+00:00")


def filled(path, *judgements):
    file = JudgementFile(path, asked(ITEMS))
    for judgement in judgements:
        file.add(judgement)
    file.close()
    return path.read_bytes()


def test_what_was_added_is_read_again(path):
    filled(path, made(0), made(1, choice="tie"), made(0, "Ben", "skip"))
    said = read_judgements(path)
    assert said.all() == [made(0), made(1, choice="tie"), made(0, "Ben", "skip")]
    assert said.asked == asked(ITEMS)


def test_each_judgement_is_on_the_disk_before_the_next(path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(path.read_bytes().count(b"\n")))
    file = JudgementFile(path, asked(ITEMS))
    file.add(made(0))
    file.add(made(1))
    file.close()
    assert synced == [1, 1, 2, 3]  # the first line, its folder, two judgements


def test_every_cut_of_the_file_keeps_the_judgements_before_it(path):
    whole = filled(path, made(0), made(1), made(2))
    ends = [i + 1 for i, byte in enumerate(whole) if byte == 10]
    for cut in (ends[0], ends[1] - 1, ends[1], ends[1] + 1, ends[2] - 30, ends[2] - 1, ends[2]):
        path.write_bytes(whole[:cut])
        kept = sum(cut >= end - 1 for end in ends[1:])  # a line is whole without its line end
        assert len(read_judgements(path).all()) == kept
        file = JudgementFile(path, asked(ITEMS))
        file.add(made(3))
        file.close()
        assert read_judgements(path).all() == [*[made(0), made(1), made(2)][:kept], made(3)]


def test_undo_takes_the_last_judgement_of_that_rater_back_also_later(path):
    filled(path, made(0), made(1), made(0, "Ben"))
    file = JudgementFile(path, asked(ITEMS))
    assert file.undo("Ana") == made(1)
    assert file.undo("Ana") == made(0)
    assert file.undo("Ana") is None
    assert file.undo("nobody") is None
    file.close()
    assert read_judgements(path).all() == [made(0, "Ben")]


def test_a_full_disk_leaves_the_file_as_it_was(path, monkeypatch):
    file = JudgementFile(path, asked(ITEMS))
    file.add(made(0))
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            file.add(made(1))
    assert path.read_bytes() == before
    file.add(made(1))
    file.close()
    assert read_judgements(path).all() == [made(0), made(1)]


def test_two_processes_cannot_write_one_file(path):
    file = JudgementFile(path, asked(ITEMS))
    with pytest.raises(ValueError, match="in use by another"):
        JudgementFile(path, asked(ITEMS))
    file.close()
    JudgementFile(path, asked(ITEMS)).close()


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (asked(pairs(3)), "items, items_hash"),
        (asked(ITEMS, seed=1), "seed"),
        (asked(ITEMS[::-1]), "items_hash"),
    ],
)
def test_a_file_goes_on_with_the_same_questions_only(path, other, named):
    before = filled(path, made(0))
    with pytest.raises(ValueError, match=rf"asks something else \(different: {named}\).*--out"):
        JudgementFile(path, other)
    assert path.read_bytes() == before


def lines(change):
    first = {"kind": "llm-envs judgements", "format": 1, **vars(asked(ITEMS))}
    row = {**vars(made(0)), "texts": list(ITEMS[0].texts), "agents": list(ITEMS[0].agents)}
    change(first, row)
    return f"{json.dumps(first)}\n{json.dumps(row)}\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda first, row: first.update(kind="x"), "line 1: this is no file"),
        (lambda first, row: first.update(scale="stars"), "line 1: scale is"),
        (lambda first, row: first.pop("seed"), "line 1: has no 'seed'"),
        (lambda first, row: row.update(choice="c"), "line 2: a judgement of the scale pairs"),
        (lambda first, row: row.update(choice=3), "line 2: a judgement of the scale pairs"),
        (lambda first, row: row.update(left=""), "line 2: left is"),
        (lambda first, row: row.update(texts=["one"]), "line 2: a judgement of the scale pairs"),
        (lambda first, row: row.update(seconds="soon"), "line 2: a judgement of the scale pairs"),
        (lambda first, row: row.pop("prompt"), "line 2: a judgement needs 'prompt'"),
        (lambda first, row: row.pop("rater"), "line 2: a judgement is an object with a rater"),
        (lambda first, row: row.update(undo="x"), "line 2: takes a judgement back that is not there"),
    ],
)
def test_a_line_that_is_no_judgement_is_named(path, change, said):
    path.write_text(lines(change))
    with pytest.raises(ValueError, match=said):
        read_judgements(path)


def test_a_damaged_line_in_the_middle_is_named(path):
    whole = filled(path, made(0), made(1))
    path.write_bytes(whole.replace(b'"rater": "Ana"', b'"rater": Ana', 1))
    with pytest.raises(ValueError, match="line 2: not valid JSON"):
        read_judgements(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="holds no judgements"):
        read_judgements(path)


@pytest.fixture
def running(path):
    file = JudgementFile(path, asked(ITEMS))
    yield Session(ITEMS, file)
    file.close()


def test_raters_get_the_same_order_and_sides_of_their_own(running):
    def all_of(rater):
        question, seen = running.question(rater), []
        while question["item"] is not None:
            seen.append((question["item"], question["texts"][0]))
            question = running.answer(rater, question["item"], "left", 1.0)
        return seen

    raters = [all_of(f"rater {k}") for k in range(12)]
    assert all([item for item, _ in seen] == [item.id for item in ITEMS] for seen in raters)
    firsts = [text.split()[0] for seen in raters for _, text in seen]
    assert 12 < firsts.count("alpha") < 36
    assert running.raters() == sorted(f"rater {k}" for k in range(12))


def test_sides_are_the_same_after_a_restart(path, running):
    before = [running.question(name)["texts"] for name in "abcdef"]
    again = Session(ITEMS, JudgementFile(path.with_name("other.jsonl"), asked(ITEMS)))
    assert [again.question(name)["texts"] for name in "abcdef"] == before


def test_the_chosen_side_is_stored_as_the_text(path, running):
    for rater in ("Ana", "Ben", "Cem", "Dev"):
        question = running.question(rater)
        running.answer(rater, question["item"], "right", 2.0)
        stored = read_judgements(path).judgements[rater][question["item"]]
        assert stored.texts["ab".index(stored.choice)] == question["texts"][1]
        assert stored.texts["ab".index(stored.left)] == question["texts"][0]


@pytest.mark.parametrize("name", ["", "  ", "x" * 41, "a\nb", "\u202e", 3, None, ["Ana"]])
def test_names_that_cannot_be_shown_are_refused(running, name):
    with pytest.raises(BadAnswer, match="a name has 1 to 40"):
        running.question(name)


@pytest.mark.parametrize("choice", ["a", "b", "middle", 3, None, True, ["left"], {}])
def test_answers_of_another_kind_are_refused(running, path, choice):
    item = running.question("Ana")["item"]
    with pytest.raises(BadAnswer):
        running.answer("Ana", item, choice, 1.0)
    assert read_judgements(path).all() == []


def test_an_answer_to_another_question_is_refused(running, path):
    first = running.question("Ana")["item"]
    running.answer("Ana", first, "tie", 1.0)
    for item in (first, ITEMS[3].id, "x", None, []):
        with pytest.raises(StaleAnswer):
            running.answer("Ana", item, "tie", 1.0)
    assert len(read_judgements(path).all()) == 1


def test_texts_of_any_content_are_kept(tmp_path):
    items = [Item("\ud800 half", ("\u2028 line\x00", "你好 \u202e"), ("", ""))]
    file = JudgementFile(tmp_path / "odd.jsonl", asked(items))
    session = Session(items, file)
    question = session.question("Zoë")
    assert "\\ud800" in question["prompt"]
    session.answer("Zoë", question["item"], "left", float("inf"))
    file.close()
    (stored,) = read_judgements(tmp_path / "odd.jsonl").all()
    assert (stored.texts, stored.prompt) == (items[0].texts, items[0].prompt)
