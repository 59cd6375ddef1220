"""What people are asked: pairs of a store and of a file, and the report of what they said."""

from __future__ import annotations

import json
import random
from collections import Counter

import made_up
import pytest
from rated import asked

from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.rewards.rating.items import Item, items_of_file, items_of_store
from llm_benchmarks.rewards.rating.judgements import Said, judgement_of
from llm_benchmarks.rewards.rating.report import make_report

ENV = "Translation-v0"


@pytest.fixture
def store(tmp_path):
    """Three agents, one with two seeds, on twelve prompts; "same" writes half of the texts of "beta"."""
    records = RecordStore(tmp_path / "store")
    for agent, seed in (("alpha", 1), ("alpha", 2), ("beta", 1), ("same", 1)):
        record, rows = made_up.run(agent, seed, [0.5] * 12)
        for k, row in enumerate(rows):
            own = agent if agent != "same" or k % 2 else "beta"
            row["text"] = f"{own}{seed if own == 'alpha' else ''} writes {k}"
        records.write(record, rows)
    return records.path


def test_every_two_agents_are_compared_equally_often(store):
    items = items_of_store(store, ENV, "pairs", 0, 18)
    assert Counter(item.agents for item in items) == {
        ("alpha", "beta"): 6,
        ("alpha", "same"): 6,
        ("beta", "same"): 6,
    }
    for item in items:
        assert item.texts[0] != item.texts[1]
        number = item.prompt.split()[1]
        assert all(text.endswith(f"writes {number}") for text in item.texts)
        assert item.texts[0].startswith(item.agents[0])


def test_all_seeds_of_a_row_have_their_turn(store):
    items = items_of_store(store, ENV, "pairs", 0, None)
    assert len(items) == 12 + 12 + 6  # half of the texts of "beta" and "same" are the same
    assert {item.texts[0].split()[0] for item in items if item.agents[0] == "alpha"} == {"alpha1", "alpha2"}


def test_the_seed_decides_and_leaves_other_randomness_alone(store):
    random.seed(5)
    expected = random.random()
    random.seed(5)
    first = items_of_store(store, ENV, "pairs", 3, None)
    assert random.random() == expected
    assert first == items_of_store(store, ENV, "pairs", 3, None)
    other = items_of_store(store, ENV, "pairs", 4, None)
    assert first != other
    assert len(first) == len(other)


def test_single_texts_are_of_all_agents(store):
    items = items_of_store(store, ENV, "absolute", 0, 9)
    assert Counter(item.agents for item in items) == {("alpha",): 3, ("beta",): 3, ("same",): 3}


def test_agents_can_be_chosen(store):
    items = items_of_store(store, ENV, "pairs", 0, None, agents=["alpha", "beta"])
    assert {item.agents for item in items} == {("alpha", "beta")}
    with pytest.raises(ValueError, match=r"no record of agent 'alpa' .* did you mean 'alpha'"):
        items_of_store(store, ENV, "pairs", 0, None, agents=["alpa"])
    with pytest.raises(ValueError, match=r"rows with texts on .*: alpha; pairs need two"):
        items_of_store(store, ENV, "pairs", 0, None, agents=["alpha"])
    with pytest.raises(ValueError, match=r"rows with texts on TextGen-v0 .*: none"):
        items_of_store(store, "TextGen-v0", "pairs", 0, None)


def written(tmp_path, *rows):
    file = tmp_path / "texts.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_a_file_has_pairs_with_or_without_agents(tmp_path):
    rows = [{"prompt": f"p{k}", "a": "one", "b": "other"} for k in range(5)]
    rows += [rows[0], {"prompt": "same", "a": "x", "b": "x"}]
    rows += [{"prompt": "named", "a": "x", "b": "y", "agent_a": "A", "agent_b": "B"}]
    items = items_of_file(written(tmp_path, *rows), "pairs", 0, None)
    assert len(items) == 6
    assert Item("named", ("x", "y"), ("A", "B")) in items
    assert Item("p0", ("one", "other"), ("", "")) in items
    assert [item.prompt for item in items] != sorted(item.prompt for item in items)
    single = items_of_file(written(tmp_path, *rows[:1], {"prompt": "q", "text": "t"}), "absolute", 0, None)
    assert sorted((item.prompt, *item.texts) for item in single) == [
        ("p0", "one"),
        ("p0", "other"),
        ("q", "t"),
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"prompt": "p", "a": "x"}, "row 1 has no 'b'; it has prompt, a"),
        ({"prompt": 3, "a": "x", "b": "y"}, "row 1: 'prompt' is 3, which is no text"),
        ({"prompt": "p", "a": "x", "b": ["y"]}, "row 1: 'b' is"),
        ({"prompt": "p", "a": "x", "b": "x"}, "there is nothing to judge"),
    ],
)
def test_rows_that_cannot_be_judged_are_named(tmp_path, row, said):
    with pytest.raises(ValueError, match=said):
        items_of_file(written(tmp_path, row), "pairs", 0, None)


def said_of(answers, scale="pairs", agents=("A", "B")):
    """`answers`: (rater, prompt, choice, left)."""
    judgements = {}
    for rater, prompt, choice, left in answers:
        texts = ("one", "other")[: len(agents)]
        made = judgement_of(Item(prompt, texts, agents), rater, choice, left, 2.0, "now")
        judgements.setdefault(rater, {})[made.item] = made
    return Said(asked([], scale), judgements, 0, 0)


def test_the_report_counts_wins_with_intervals_over_prompts():
    answers = [("Ana", f"p{k}", "a" if k < 15 else "b", "ab"[k % 2]) for k in range(20)]
    answers += [("Ben", f"p{k}", "a" if k < 15 else "tie", "ab"[k % 2]) for k in range(20)]
    report = make_report(said_of([*answers, ("Ben", "p20", "skip", "a")]))
    a, b = report.agents
    assert (a.name, a.judged, a.wins, a.ties) == ("A", 40, 30, 5)
    assert a.score.estimate == pytest.approx(32.5 / 40)
    assert b.score.estimate == pytest.approx(7.5 / 40)
    assert 0.5 < a.score.low < 32.5 / 40 < a.score.high < 1.0
    assert a.score.n == 20
    assert report.pairs == ()
    assert [(row.name, row.judged, row.skipped, row.ties) for row in report.raters] == [
        ("Ana", 20, 0, 0),
        ("Ben", 20, 1, 5),
    ]
    assert report.agreement.items == 20
    assert 0.7 < report.agreement.alpha < 1.0
    assert json.dumps(report.to_dict())


def test_twice_the_raters_of_the_same_prompts_do_not_halve_the_interval():
    def width(raters):
        rng = random.Random(0)
        choices = [rng.choice("ab") for _ in range(30)]
        answers = [(f"r{r}", f"p{k}", choices[k], "a") for r in range(raters) for k in range(30)]
        score = make_report(said_of(answers)).agents[0].score
        return score.high - score.low

    assert width(4) == pytest.approx(width(1), rel=0.05)


def test_a_rater_who_always_takes_the_first_text_is_seen():
    report = make_report(said_of([("Ana", f"p{k}", "ab"[k % 2], "ab"[k % 2]) for k in range(40)]))
    assert report.left.estimate == 1.0
    assert report.left.side_of(0.5) == "above"
    assert report.agents[0].score.estimate == 0.5
    fair = make_report(said_of([("Ana", f"p{k}", "a", "ab"[k % 2]) for k in range(40)]))
    assert fair.left.side_of(0.5) == "unclear"


def test_ratings_have_means():
    answers = [("Ana", f"p{k}", 1 + k % 5, "") for k in range(20)]
    report = make_report(said_of(answers, "absolute", ("A",)))
    (row,) = report.agents
    assert row.score.estimate == 3.0
    assert 2.0 < row.score.low < 3.0 < row.score.high < 4.0
    assert report.left is None


def test_three_agents_are_compared_two_by_two():
    judgements = {}
    for k, agents in enumerate([("A", "B"), ("A", "C"), ("B", "C")] * 4):
        made = judgement_of(Item(f"p{k}", ("one", "other"), agents), "Ana", "a", "a", 1.0, "now")
        judgements.setdefault("Ana", {})[made.item] = made
    report = make_report(Said(asked([]), judgements, 0, 0))
    assert [(row.name, row.score.estimate) for row in report.agents] == [("A", 1.0), ("B", 0.5), ("C", 0.0)]
    assert {(row.name, row.against, row.wins) for row in report.pairs} == {
        ("A", "B", 4),
        ("A", "C", 4),
        ("B", "C", 4),
    }
