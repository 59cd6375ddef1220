"""The venues and what the database says of them."""

from __future__ import annotations

import pytest
from booking_worlds import LOTUS, TOWN

from llm_envs.simulators.booking.venues import (
    KIND_SLOT,
    NAME_ADJECTIVES,
    NAME_NOUNS,
    make_database,
)


def test_splits_have_other_venues_named_from_the_same_words():
    names = {s: {v.name for v in make_database(s)} for s in ("train", "validation", "test")}
    assert not names["train"] & names["test"]
    assert not names["train"] & names["validation"]
    assert not names["validation"] & names["test"]
    assert all(len(names[split]) == len(make_database(split)) >= 100 for split in names)
    words = {word for name in names["train"] for word in name.split()}
    assert words == {*NAME_ADJECTIVES, *NAME_NOUNS}


def test_database_is_deterministic_and_refuses_an_unknown_split():
    first = make_database("test").venues
    make_database.cache_clear()
    assert make_database("test").venues == first
    with pytest.raises(ValueError, match=r"unknown split 'dev'.*train, validation, test"):
        make_database("dev")


def test_rows_show_what_requests_need_and_at_most_two_venues():
    assert TOWN.answer({"area": "north"}) == (
        "1 found : golden lotus , thai , north , cheap , 12 mill street , code nb2 , phone 1009 1146 ."
    )
    assert TOWN.answer({"area": "west"}) == "nothing found ."
    assert make_database("train").answer({"type": "restaurant"}).count(" ; ") == 1


def test_unconstrained_slots_of_another_type_do_not_exist():
    assert LOTUS.value("style") is None
    assert LOTUS.value(KIND_SLOT["restaurant"]) == "thai"
