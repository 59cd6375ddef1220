"""Values that were looked up, exchanged for others: consistently, and nothing else."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from llm_baselines.algorithms.supervised.disguise import database_values, disguised
from llm_baselines.play.trajectory import demonstration
from llm_baselines.training.demonstrations import demonstrations

USER, DATABASE, AGENT, END = 0, 1, 2, 3
MARKERS = {"user": (USER,), "database": (DATABASE,), "agent": (AGENT,)}


def dialogue(asked: int, name: int) -> list[int]:
    """The user asks, the agent queries, a row names something, the agent repeats it."""
    return [USER, asked, AGENT, asked, END, DATABASE, name, 9, AGENT, name, END]


@pytest.fixture
def shown():
    tokens = [dialogue(4 + i % 2, 10 + i) for i in range(8)]
    return [demonstration(t, [3, 4, 9, 10]) for t in tokens]


def test_values_enter_through_the_database_and_are_repeated(shown):
    values = database_values(shown, MARKERS, 20)
    assert values.tolist() == list(range(10, 18)), "not the user's words, not the form of the rows (9)"
    assert not len(database_values(shown, {"user": (0,), "agent": (2,)}, 20)), "no database, no values"
    assert not len(database_values([], MARKERS, 20))


def test_a_value_is_exchanged_for_the_same_other_throughout(shown):
    values = database_values(shown, MARKERS, 20)
    rng = np.random.default_rng(0)
    changed = 0
    for one in shown * 5:
        other = disguised(one, values, rng)
        assert other.tokens[6] == other.tokens[9]
        assert other.tokens[6] in values
        kept = ~np.isin(one.tokens, values)
        np.testing.assert_array_equal(other.tokens[kept], one.tokens[kept])
        np.testing.assert_array_equal(other.actions, one.actions)
        changed += other.tokens[6] != one.tokens[6]
    assert changed > 25, "of 40, one in eight is drawn for itself"


def test_values_of_the_booking_database_are_disguised():
    env = gym.make("Dialogue-v0")
    task = env.unwrapped.task
    shown = demonstrations(env, np.arange(120))
    words = {
        task.tokenizer.token(int(i))
        for i in database_values(shown, task.tokenizer.markers, task.vocabulary_size)
    }
    assert {"velvet", "falcon"} & words
    assert any(word.isdigit() and len(word) == 4 for word in words), "phone numbers"
    assert not words & {"nothing", "found", "phone", "french", "cheap", "monday", "north", "yes"}
