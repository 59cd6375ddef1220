"""No agent that does not listen earns anything to speak of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from booking_worlds import Agent, mean_measures

from llm_envs.simulators.booking.expert import BookingExpert
from llm_envs.simulators.booking.understanding import understand
from llm_envs.simulators.booking.venues import (
    AREAS,
    FOODS,
    PRICES,
    make_database,
)

SLOT_WORDS = [
    "area",
    "price",
    "food",
    "style",
    "theme",
    "people",
    "day",
    "time",
    "nights",
    "type",
    "phone",
    "address",
    "postcode",
]
VALUE_WORDS = [*SLOT_WORDS, *AREAS, *PRICES, *FOODS]


def _constant(text: str) -> Callable[[np.random.Generator], Agent]:
    return lambda rng: lambda speaker, heard: text


def _random_slot_words(rng: np.random.Generator) -> Agent:
    return lambda speaker, heard: " ".join(rng.choice(VALUE_WORDS, size=10))


def _everything_at_once(rng: np.random.Generator) -> Agent:
    venues = make_database("test").venues

    def act(speaker: str, heard: str) -> str:
        venue = venues[int(rng.integers(len(venues)))]
        return (
            f"query : type {venue.type} . {venue.name} is a {venue.type} in the {venue.area} . "
            f"i have booked {venue.name} for 2 people on friday at 7pm ."
        )

    return act


def _random_offers(rng: np.random.Generator) -> Agent:
    venues = make_database("test").venues
    return lambda speaker, heard: f"how about {venues[int(rng.integers(len(venues)))].name} ?"


SOUPS: dict[str, Callable[[np.random.Generator], Agent]] = {
    "empty": _constant(""),
    "all slots": _constant(f"what {' '.join(SLOT_WORDS)} ?"),
    "random slot words": _random_slot_words,
    "query, offer and book at once": _everything_at_once,
    "random offers": _random_offers,
    "echo": lambda rng: lambda speaker, heard: heard,
    "constant area question": _constant("what area would you like ?"),
    "constant price question": _constant("what price range would you like ?"),
    "constant query": _constant("query : type restaurant"),
    "constant offer": _constant(f"how about {make_database('test').venues[0].name} ?"),
    "constant goodbye": _constant("thank you , goodbye ."),
}


@pytest.mark.parametrize("name", SOUPS)
def test_keyword_soups_fail(name: str):
    means = mean_measures(SOUPS[name])
    assert means["success"] <= 0.05
    assert means["progress"] <= 0.12


@pytest.mark.parametrize("shuffled", [False, True])
def test_pasted_expert_turns_fail(expert_turns: list[str], shuffled: bool):
    def make_agent(rng: np.random.Generator) -> Agent:
        def act(speaker: str, heard: str) -> str:
            text = expert_turns[int(rng.integers(len(expert_turns)))]
            return " ".join(rng.permutation(text.split())) if shuffled else text

        return act

    means = mean_measures(make_agent)
    assert means["success"] <= 0.05
    assert means["progress"] <= 0.12


def test_the_most_frequent_expert_turns_earn_little(expert_turns: list[str]):
    texts, counts = np.unique(expert_turns, return_counts=True)
    for index in np.argsort(-counts)[:15]:
        assert mean_measures(_constant(str(texts[index])), episodes=40)["progress"] <= 0.15


def test_progress_rises_with_what_an_agent_can_do():
    """An expert that breaks off at a stage earns more the later the stage."""
    stages = ("query", "offer", "answer", "book", "never")
    earned = []
    for stage in stages:

        def make_agent(rng: np.random.Generator, stage: str = stage) -> Agent:
            expert = BookingExpert(rng)

            def act(speaker: str, heard: str) -> str:
                text = expert.act(speaker, heard)
                kind = understand(text)[0].kind
                return "nonsense" if kind == stage else text

            return act

        earned.append(mean_measures(make_agent, episodes=60)["progress"])
    assert earned[0] > 0.02
    assert earned[0] < earned[1] < earned[2] < earned[-1] == 1.0
    assert earned[1] < earned[3] < earned[-1]
