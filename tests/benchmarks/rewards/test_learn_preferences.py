"""The study of benchmarks/learn_preferences.py: its parts, and the table that is published."""

from __future__ import annotations

import importlib.util
import json
from random import Random
from types import SimpleNamespace

import pytest
from pages import ROOT, read

SCRIPT = ROOT / "benchmarks" / "learn_preferences.py"


@pytest.fixture(scope="module")
def study():
    spec = importlib.util.spec_from_file_location("learn_preferences", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_complaints_of_the_test_split_are_in_no_other_part(study):
    train, test = study.complaints("train"), study.complaints("test")
    assert not set(train) & set(test)
    assert len(train) > 400
    assert len(test) > 100


def test_the_hidden_score_likes_friendly_answers_of_a_middle_length(study):
    kind = "thank you for telling us about the lamp . we will gladly send you a new lamp today ."
    rude = "it is not our fault that the lamp is too loud . read the rules first . this is our last word ."
    assert study.hidden_score(kind) > study.hidden_score(rude)
    assert study.hidden_score(kind) > study.hidden_score(kind * 4)
    assert study.hidden_score(kind) > study.hidden_score("thank you")


def rows(study, count):
    rng = Random(7)
    return [
        [SimpleNamespace(source=c, text=study.answer(rng, c)) for c in study.complaints("train")[:count]]
        for _ in range(2)
    ]


def test_the_person_says_the_opposite_in_20_percent(study):
    first, second = rows(study, 400)
    said = list(study.comparisons_of(first, second, study.NOISE, 1))
    as_thought = [c.share == (study.hidden_score(c.a) > study.hidden_score(c.b)) for c in said]
    assert 0.74 < sum(as_thought) / len(said) < 0.86
    exact = list(study.comparisons_of(first, second, 0.0, 1))
    assert all(c.share == (study.hidden_score(c.a) > study.hidden_score(c.b)) for c in exact)


def test_300_noisy_comparisons_of_answers_tell_75_percent_of_noiseless_ones(study):
    first, second = rows(study, 451)
    said = list(study.comparisons_of(first, second, study.NOISE, 1))[: study.COMPARISONS]
    fitted = study.fit_preferences(said, seed=1)
    rng = Random(9)
    others = [
        [SimpleNamespace(source=c, text=study.answer(rng, c)) for c in study.complaints("test")]
        for _ in range(2)
    ]
    unseen = list(study.comparisons_of(*others, 0.0, 1))
    assert len(unseen) > 100
    assert study.accuracy(fitted, unseen) >= 0.75


def test_the_page_shows_the_table_of_the_data(study):
    data = json.loads((ROOT / "docs" / "rewards" / "preferences.json").read_text(encoding="utf-8"))
    assert [row["seed"] for row in data] == list(study.SEEDS)
    page = read("docs/rewards/preferences.md")
    for line in study.table(data).splitlines():
        assert line in page
    assert all(row["comparisons"] == study.COMPARISONS for row in data)
