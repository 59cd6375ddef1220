"""The booking expert, and its dialogues as data."""

from __future__ import annotations

import numpy as np
from booking_worlds import Agent, episode, mean_measures

from llm_envs.simulators.booking.dialogues import Turns, expert_dialogues, play
from llm_envs.simulators.booking.expert import BookingExpert


def test_expert_succeeds_on_test_goals():
    rows = []
    for index in range(300):
        user, rng = episode(index)
        turns = play(user, BookingExpert(rng))
        rows.append((user.measures(), turns))
    assert np.mean([row["success"] for row, _ in rows]) >= 0.95
    assert np.mean([row["progress"] for row, _ in rows]) >= 0.95
    assert np.mean([row["turns"] for row, _ in rows]) <= 8
    words = [sum(len(text.split()) for _, text in turns) for _, turns in rows]
    assert 130 <= np.mean(words) <= 220
    assert max(words) <= 320


def test_expert_recovers_from_turns_that_were_not_understood():
    def make_agent(rng: np.random.Generator) -> Agent:
        expert = BookingExpert(rng)

        def act(speaker: str, heard: str) -> str:
            text = expert.act(speaker, heard)
            return "nonsense" if rng.random() < 0.1 else text

        return act

    assert mean_measures(make_agent)["success"] >= 0.9


def test_same_seeds_give_the_same_dialogues(train_dialogues: list[Turns]):
    assert expert_dialogues("train", 20, seed=0) == train_dialogues[:20]
    assert expert_dialogues("train", 20, seed=1) != train_dialogues[:20]


def test_vocabulary_of_train_covers_test(train_dialogues: list[Turns]):
    def words(dialogues: list[Turns]) -> list[str]:
        return [word for turns in dialogues for _, text in turns for word in text.split()]

    known = set(words(train_dialogues))
    assert 350 <= len(known) <= 500
    seen = words(expert_dialogues("test", 200, seed=0))
    assert sum(word not in known for word in seen) / len(seen) < 1e-3


def test_texts_are_lower_case_words_with_single_spaces(train_dialogues: list[Turns]):
    for _, text in (turn for turns in train_dialogues[:200] for turn in turns):
        assert text == " ".join(text.lower().split())
        assert not any(mark in word for word in text.split() if len(word) > 1 for mark in ",.?!;:")
