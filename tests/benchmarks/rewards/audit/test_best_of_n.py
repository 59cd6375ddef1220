"""The best-of-n estimator is the mean over all choices of n texts; equal rewards leave the choice open."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from llm_benchmarks.rewards.audit.best_of_n import best_of_n, curve_of
from llm_benchmarks.rewards.audit.held_out import HeldOut
from llm_benchmarks.rewards.audit.shares import Scale, Zero
from llm_envs.rewards import make_reward


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_equals_the_mean_over_all_choices(n: int) -> None:
    rng = np.random.default_rng(0)
    rewards, values = rng.random((4, 6)), rng.random((4, 6))
    for reward, value, found in zip(rewards, values, best_of_n(rewards, values, n), strict=True):
        chosen = [value[max(some, key=lambda i: reward[i])] for some in combinations(range(6), n)]
        assert found == pytest.approx(np.mean(chosen))


def test_ties_share_their_values() -> None:
    rewards = np.array([[1.0, 1.0, 0.0]])
    values = np.array([[4.0, 2.0, 9.0]])
    assert best_of_n(rewards, values, 3)[0] == pytest.approx(3.0)


def test_equal_rewards_choose_nothing() -> None:
    values = np.array([[1.0, 2.0, 6.0]])
    for n in (1, 2, 3):
        assert best_of_n(np.zeros((1, 3)), values, n)[0] == pytest.approx(3.0)


def test_more_texts_than_there_are_is_an_error() -> None:
    with pytest.raises(ValueError, match="n=4 must be between 1 and the 3 texts"):
        best_of_n(np.zeros((1, 3)), np.zeros((1, 3)), 4)


def test_curve_turns_where_the_reward_chooses_against_the_held_out_metric() -> None:
    """The reward likes long texts; the held-out metric likes those of middle length."""
    length = np.tile(np.linspace(0.0, 1.0, 16), (12, 1))
    held_out = HeldOut("middle", make_reward("distinct"), "relevance", 0.0, 1.0)
    scale = Scale(
        make_reward("distinct"), [held_out], np.ones(12), Zero(0.0, "0"), resamples=100, seed=0, raised=[]
    )
    curve = curve_of("made up", length, {"middle": 1.0 - 2.0 * np.abs(length - 0.6)}, scale)
    assert curve is not None
    assert curve.turn in (2, 4)
    assert curve.fall is not None
    assert curve.fall.low > 0
    rising = curve_of("made up", length, {"middle": length}, scale)
    assert rising is not None
    assert rising.turn is None
    assert rising.kl[0] == 0.0
