"""Batches of trajectories: where everything stands, and how a batch is split."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_worlds import random_trajectory

from llm_baselines.play.trajectory import (
    Trajectory,
    collate,
    demonstration,
    micro_batch_indices,
    micro_batches,
)

# prompt 7 8, actions 1 2, the environment says 9, action 3
TWO_TURNS = Trajectory(
    np.array([7, 8, 1, 2, 9, 3], np.int32),
    np.array([2, 3, 5], np.int32),
    np.array([0.1, 0.2, 0.3], np.float32),
    np.array([-1.0, -2.0, -3.0], np.float32),
    np.array([-4.0, -5.0, -6.0], np.float32),
)
# prompt 5, action 6, truncated after the environment has said 4
CUT = Trajectory(
    np.array([5, 6, 4], np.int32),
    np.array([1], np.int32),
    np.array([0.5], np.float32),
    np.array([-0.5], np.float32),
    np.array([-0.25], np.float32),
    terminated=False,
)


def test_a_batch_by_hand():
    batch = collate([TWO_TURNS, CUT])
    assert batch.tokens.tolist() == [[7, 8, 1, 2, 9, 3], [5, 6, 4, -1, -1, -1]]
    assert batch.actions.tolist() == [[1, 2, 3], [6, 0, 0]]
    assert batch.states[0].tolist() == [1, 2, 4, 5]  # the last token before each action, then the whole text
    assert batch.states[1, :2].tolist() == [0, 2]
    assert batch.mask.tolist() == [[True, True, True], [True, False, False]]
    assert batch.lengths.tolist() == [3, 1]
    assert batch.turn_ends.tolist() == [[False, True, False], [False, False, False]]
    assert batch.terminated.tolist() == [True, False]
    np.testing.assert_allclose(batch.rewards, [[0.1, 0.2, 0.3], [0.5, 0, 0]])
    np.testing.assert_allclose(batch.behaviour_log_probs, [[-1, -2, -3], [-0.5, 0, 0]])
    np.testing.assert_allclose(batch.reference_log_probs, [[-4, -5, -6], [-0.25, 0, 0]])


def test_score_is_the_sum_of_the_rewards():
    assert np.isclose(TWO_TURNS.score, 0.6)
    shown = demonstration([1, 2, 3], range(1, 3))
    assert (shown.score, len(shown)) == (0.0, 2)


@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(1, 100))
@settings(deadline=None)
def test_parts_hold_every_trajectory_once_and_no_more_than_their_tokens(seed, count, tokens):
    rng = np.random.default_rng(seed)
    trajectories = [random_trajectory(rng) for _ in range(count)]
    parts = list(micro_batch_indices(trajectories, tokens))
    assert sorted(i for part in parts for i in part) == list(range(count))
    for part, (same, batch) in zip(parts, micro_batches(trajectories, tokens), strict=True):
        assert same == part
        assert batch.tokens.numel() <= tokens or len(part) == 1
        for row, index in enumerate(part):
            assert batch.actions[row, : len(trajectories[index])].tolist() == (
                trajectories[index].tokens[trajectories[index].actions].tolist()
            )


@pytest.mark.parametrize("episodes", [1, 2, 5])
def test_a_part_has_so_many_episodes_at_most(episodes):
    rng = np.random.default_rng(0)
    trajectories = [random_trajectory(rng) for _ in range(7)]
    parts = list(micro_batch_indices(trajectories, 10_000, episodes))
    assert sorted(i for part in parts for i in part) == list(range(7))
    assert [len(part) for part in parts] == [episodes] * (7 // episodes) + [7 % episodes] * (7 % episodes > 0)
