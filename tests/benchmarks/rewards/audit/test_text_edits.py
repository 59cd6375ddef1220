"""Edits change words and leave the rest of a text as it is written."""

from __future__ import annotations

from random import Random

import pytest

from llm_benchmarks.rewards.audit import edits
from llm_benchmarks.rewards.audit.pieces import pieces_of, shuffled, text_of, truncated, words_in

TEXTS = (
    "Heute sehen wir ein Buch",
    "The sea, he said,\ntook my shoes.\n\nAnd left.",
    'return "".join(\n    part for part in parts)',
    "她不想吃苹果",
)
EDITS = (edits.drop, edits.swap, edits.repeat, edits.truncate, edits.replaced_by(("x",)))


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_give_the_text_back(text: str) -> None:
    assert text_of(pieces_of(text)) == text


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("edit", EDITS)
def test_no_edits_change_nothing_and_one_changes_something(text: str, edit: edits.Edit) -> None:
    assert edit(text, 0, Random(0)) == text
    assert edit(text, 1, Random(0)) != text


@pytest.mark.parametrize("edit", EDITS)
def test_short_texts_bear_many_edits(edit: edits.Edit) -> None:
    for text in ("", "word", "two words"):
        assert isinstance(edit(text, 8, Random(1)), str)


def test_shuffling_keeps_the_words_and_the_lines() -> None:
    text = shuffled(TEXTS[1], Random(3))
    assert sorted(words_in(text)) == sorted(words_in(TEXTS[1]))
    assert text.count("\n") == TEXTS[1].count("\n")
    assert text != TEXTS[1]


def test_truncation_keeps_at_least_one_word() -> None:
    assert truncated("one two three four", 0.5) == "one two"
    assert truncated("one two", 0.01) == "one"


def test_negation_follows_the_language() -> None:
    german = edits.negated_in("de")
    assert german is not None
    assert any("nicht" in german("Wir sehen das Buch", 1, Random(i)) for i in range(3))
    assert any(german("Wir sehen das Buch nicht", 1, Random(i)) == "Wir sehen das Buch" for i in range(9))
    assert edits.negated_in("xx") is None
