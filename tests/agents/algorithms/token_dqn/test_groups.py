"""Groups: an example's texts as each other's baseline, tapers, and the scale of rewards."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from llm_baselines.algorithms.rloo import leave_one_out
from llm_baselines.algorithms.token_dqn import targets as t
from llm_baselines.algorithms.token_dqn.episode_replay import EpisodeReplay
from llm_baselines.algorithms.token_dqn.reward_scale import RewardScale
from llm_baselines.play.trajectory import micro_batch_indices
from tests.support.token_worlds import random_trajectory


def test_the_others_mean_is_rloo_s_baseline():
    scores = np.random.default_rng(0).normal(size=(3, 4))
    groups = torch.tensor([5, 5, 5, 5, 9, 9, 9, 9, 2, 2, 2, 2])
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    values = torch.tensor(scores.reshape(12, 1))[order]
    mean, there = t.others_mean(values, torch.ones_like(values, dtype=torch.bool), groups[order])
    assert there.all()
    np.testing.assert_allclose(
        (values - mean)[order.argsort()].numpy().reshape(3, 4), leave_one_out(scores), atol=1e-12
    )


def test_a_text_alone_has_no_others():
    mean, there = t.others_mean(torch.ones(3, 1), torch.ones(3, 1, dtype=torch.bool), torch.tensor([0, 0, 1]))
    assert there[:, 0].tolist() == [True, True, False]
    assert mean[:, 0].tolist() == [1.0, 1.0, 0.0]


def test_only_rests_of_texts_that_go_on_are_compared():
    mask = torch.tensor([[True, True, True], [True, False, False], [True, True, False]])
    gains = torch.tensor([[1.0, 2.0, 4.0], [8.0, 0.0, 0.0], [16.0, 32.0, 0.0]])
    rest = t.rests(gains, mask)
    assert rest.tolist() == [[7.0, 6.0, 4.0], [8.0, 0.0, 0.0], [48.0, 32.0, 0.0]]
    mean, there = t.others_mean(rest, mask, torch.zeros(3, dtype=torch.int64))
    assert mean[:, 0].tolist() == [28.0, 27.5, 7.5]
    assert mean[0, 1] == 32.0
    assert mean[2, 1] == 6.0
    assert there.tolist() == [[True, True, False], [True, False, False], [True, True, False]]


def test_rests_stop_at_the_end_of_a_segment():
    mask, ends = torch.ones(1, 4, dtype=torch.bool), torch.tensor([[False, True, False, True]])
    assert t.rests(torch.tensor([[1.0, 2.0, 4.0, 8.0]]), mask, ends).tolist() == [[3.0, 2.0, 12.0, 8.0]]


def test_only_poor_texts_that_became_unlikely_are_tapered():
    weights = t.off_policy_weights(torch.tensor([-1.0, -1.0, 1.0, 1.0]), torch.tensor([-2.0, 2.0, -2.0, 2.0]))
    np.testing.assert_allclose(weights.numpy(), [np.exp(-2.0), 1.0, 1.0, 1.0], rtol=1e-6)


def test_the_replay_gives_all_episodes_of_an_example_and_none_that_is_alone():
    rng, replay = np.random.default_rng(0), EpisodeReplay(10_000)
    for example in (3, 1, 3, 7, 1, 3):
        replay.add([random_trajectory(rng, example=example)])
    seen = set()
    for seed in range(20):
        drawn, keys = replay.sample_groups(2, np.random.default_rng(seed))
        examples = sorted(t.example for t in drawn)
        seen.add(tuple(examples))
        assert len(keys) == len(drawn)
    assert seen == {(1, 1), (3, 3, 3)}
    assert len(replay.sample_groups(4, rng)[0]) == 5
    assert len(replay.sample_groups(100, rng)[0]) == 5
    alone = EpisodeReplay(10_000)
    alone.add([random_trajectory(rng, example=1), random_trajectory(rng, example=2)])
    assert alone.sample_groups(2, rng)[0] == []


def test_a_group_stays_in_one_part():
    rng = np.random.default_rng(1)
    trajectories = [random_trajectory(rng, example=i % 5) for i in range(23)]
    parts = list(micro_batch_indices(trajectories, 40, grouped=True))
    assert sorted(i for part in parts for i in part) == list(range(23))
    assert len(parts) > 1
    where = {i: number for number, part in enumerate(parts) for i in part}
    assert all(len({where[i] for i in range(23) if i % 5 == example}) == 1 for example in range(5))


def test_the_scale_is_the_spread_of_scores_and_never_falls():
    rng, scale = np.random.default_rng(0), RewardScale()
    assert scale.value == 1.0
    scale.update([0.5, 0.5, 0.5])
    assert scale.value == 1.0
    for _ in range(200):
        scale.update(rng.normal(3.0, 0.2, size=64).tolist())
    assert scale.value == pytest.approx(0.2, rel=0.15)
    highest = scale.value
    for _ in range(200):
        scale.update([1.0] * 64)
    assert scale.value == highest
    again = RewardScale()
    again.restore(scale.state())
    assert again.value == highest


def test_a_fixed_scale_stays():
    scale = RewardScale(2.5)
    scale.update([0.0, 100.0])
    assert scale.value == 2.5
