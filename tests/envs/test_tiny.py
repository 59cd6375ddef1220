"""TextGen-Tiny-v0: its optimal Q against play, and against arithmetic."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest


@pytest.fixture
def env():
    return gym.make("TextGen-Tiny-v0")


def follow(env, q, example):
    """Plays greedily with respect to q; returns the return."""
    observation, _ = env.reset(options={"example": example})
    total, terminated = 0.0, False
    while not terminated:
        key = env.unwrapped.written(observation)
        observation, reward, terminated, _, _ = env.step(int(q[key].argmax()))
        total += reward
    return total


@pytest.mark.parametrize("timing", ["terminal", "dense"])
def test_greedy_play_of_the_optimal_q_earns_its_value(timing):
    env = gym.make("TextGen-Tiny-v0", reward_timing=timing)
    for example in range(3):
        q = env.unwrapped.optimal_q(example)
        assert q[()].max() == pytest.approx(1.0)
        assert follow(env, q, example) == pytest.approx(1.0)


def test_values_worked_out_by_hand(env):
    task = env.unwrapped.task
    a, b, c = task.tokenizer.encode(task.examples[0].references[0])
    wrong = next(i for i in range(2, 8) if i not in (a, b, c))
    q = env.unwrapped.optimal_q(0)
    assert len(q) == 1 + 7 + 7**2 + 7**3 + 7**4
    assert q[()][0] == 0.0  # the empty text
    assert q[()][wrong] == 0.0  # a wrong beginning can earn nothing
    assert q[(a, b)][0] == pytest.approx(2 / 3)
    assert q[(a, b)][c] == pytest.approx(1.0)
    assert q[(a, b, c)][wrong] == pytest.approx(3 / 4)  # one letter too many
    assert q[(a, 1, b, c)][0] == pytest.approx(1.0)  # the separator spells nothing


def test_a_discount_counts_the_steps_to_the_end(env):
    task = env.unwrapped.task
    first = task.tokenizer.encode(task.examples[0].references[0])[0]
    assert env.unwrapped.optimal_q(0, gamma=0.9)[()][first] == pytest.approx(0.9**3)
    # An impatient agent stops after one letter: 0.5 * 1/3 is more than 0.5**3.
    assert env.unwrapped.optimal_q(0, gamma=0.5)[()][first] == pytest.approx(0.5 / 3)


def test_needs_an_episode_or_an_example(env):
    with pytest.raises(ValueError, match="reset"):
        env.unwrapped.optimal_q()
    env.reset(seed=0)
    assert np.isfinite(env.unwrapped.optimal_q()[()]).all()


def test_it_has_one_data_set_and_one_tokenizer():
    for wrong in ({"dataset": "poems"}, {"tokenizer": "byte"}):
        with pytest.raises(ValueError, match="TextGen-Tiny-v0 has one"):
            gym.make("TextGen-Tiny-v0", **wrong)
