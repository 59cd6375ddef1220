"""Targets and residuals: numbers worked out by hand, and the definitions written as plain loops."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_baselines.algorithms.token_dqn.targets import (
    bootstrap_values,
    last_actions,
    n_step_targets,
    one_step_residuals,
    one_step_targets,
    regression_loss,
    returns,
    tightened_targets,
    to_the_end_residuals,
    widened_targets,
)

# Three episodes: three actions and terminated, two and truncated, one and terminated.
MASK = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 0, 0]], dtype=torch.bool)
TERMINATED = torch.tensor([True, False, True])
REWARDS = torch.tensor([[1.0, 2.0, 4.0], [0.0, 8.0, 7.0], [3.0, 7.0, 7.0]])  # 7: where there is no action
NEXT = torch.tensor([[10.0, 20.0, 30.0], [40.0, 50.0, 60.0], [70.0, 80.0, 90.0]])
GAMMA = 0.5


def close(found, wanted):
    torch.testing.assert_close(found, torch.as_tensor(wanted, dtype=found.dtype), rtol=0, atol=1e-6)


def test_the_last_action_of_each_episode():
    assert last_actions(MASK).tolist() == [[False, False, True], [False, True, False], [True, False, False]]


def test_only_a_terminated_end_has_no_value():
    close(bootstrap_values(NEXT, MASK, TERMINATED), [[10, 20, 0], [40, 50, 0], [0, 0, 0]])


def test_one_step_mid_episode_terminated_and_truncated():
    found = one_step_targets(REWARDS, NEXT, MASK, TERMINATED, GAMMA)
    # mid-episode r + gamma V; terminated r; truncated r + gamma V of the state it was cut off in
    close(found, [[1 + 5, 2 + 10, 4], [0 + 20, 8 + 25, 0], [3, 0, 0]])


def test_n_steps_sum_through_greedy_actions():
    greedy = torch.ones_like(MASK)
    two = n_step_targets(REWARDS, NEXT, greedy, MASK, TERMINATED, GAMMA, 2)
    close(two[0], [1 + 0.5 * 2 + 0.25 * 20, 2 + 0.5 * 4, 4])
    close(two[1:], [[0 + 0.5 * 8 + 0.25 * 50, 8 + 0.5 * 50, 0], [3, 0, 0]])
    three = n_step_targets(REWARDS, NEXT, greedy, MASK, TERMINATED, GAMMA, 3)
    close(three[0], [1 + 0.5 * 2 + 0.25 * 4, 4, 4])
    many = n_step_targets(REWARDS, NEXT, greedy, MASK, TERMINATED, GAMMA, 50)
    close(many, three)


def test_n_steps_stop_before_an_action_that_is_not_greedy():
    # The third action of the first episode is not greedy: the sum from the first stops after the second.
    greedy = torch.tensor([[0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=torch.bool)
    found = n_step_targets(REWARDS, NEXT, greedy, MASK, TERMINATED, GAMMA, 3)
    close(found, [[1 + 0.5 * 2 + 0.25 * 20, 2 + 0.5 * 20, 4], [0 + 0.5 * 40, 8 + 0.5 * 50, 0], [3, 0, 0]])


def test_whether_the_first_action_is_greedy_does_not_matter():
    greedy = torch.ones_like(MASK)
    other = greedy.clone()
    other[:, 0] = False
    settings = (MASK, TERMINATED, GAMMA, 3)
    first = [n_step_targets(REWARDS, NEXT, g, *settings)[:, 0] for g in (greedy, other)]
    close(*first)


def test_tightened_targets_by_hand():
    found = tightened_targets(REWARDS, NEXT, MASK, TERMINATED, GAMMA)
    # V is above what was earned but for the first action: 2 + 0.5 * 20 two steps later, where V says 10
    close(found, [[1 + 6, 2 + 10, 4], [0 + 20, 8 + 25, 0], [3, 0, 0]])
    found = tightened_targets(REWARDS, NEXT / 100, MASK, TERMINATED, GAMMA)
    # 4 was earned after the second action, where V says 0.2, and 2 + 0.5 * 4 after the first
    close(found, [[1 + 0.5 * 4, 2 + 0.5 * 4, 4], [0.5 * 8.25, 8 + 0.25, 0], [3, 0, 0]])
    # a low end does not pull down what was worth more before it
    low = REWARDS.clone()
    low[0, 2] = -4.0
    found = tightened_targets(low, NEXT / 100, MASK, TERMINATED, GAMMA)
    close(found[0], [1 + 0.5 * 2.1, 2 + 0.5 * 0.2, -4])


def test_widened_targets_by_hand():
    gaps = torch.tensor([[0.0, 4.0, -1.0], [2.0, 0.0, 9.0], [8.0, 9.0, 9.0]])
    found = widened_targets(REWARDS, gaps, MASK, 0.5)
    close(found, [[1, 2 - 2, 4], [0 - 1, 8, 0], [3 - 4, 0, 0]])


def test_one_step_residuals_by_hand():
    values = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    ratios = torch.tensor([[0.5, -0.5, 1.0], [2.0, 0.0, 9.0], [-1.0, 9.0, 9.0]])
    found = one_step_residuals(values, ratios, REWARDS, NEXT, MASK, TERMINATED, temperature=0.1, gamma=GAMMA)
    wanted = [
        [1 + 0.05 - 6, 2 - 0.05 - 12, 3 + 0.1 - 4],
        [4 + 0.2 - 20, 5 + 0.0 - 33, 0],
        [7 - 0.1 - 3, 0, 0],
    ]
    close(found, wanted)


VALUES = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
RATIOS = torch.tensor([[0.5, -0.5, 1.0], [2.0, 0.0, 9.0], [-1.0, 9.0, 9.0]])
ONE_SPEAKER = torch.zeros_like(MASK)


def to_the_end(turn_ends):
    return to_the_end_residuals(
        VALUES, RATIOS, REWARDS, NEXT, turn_ends, MASK, TERMINATED, temperature=0.1, gamma=GAMMA
    )


def test_to_the_end_residuals_by_hand():
    last = 3 + (0.1 - 4)
    middle = 2 + (-0.05 - 2) + 0.5 * (0.1 - 4)
    first = 1 + (0.05 - 1) + 0.5 * (-0.05 - 2) + 0.25 * (0.1 - 4)
    cut_last = 5 + (0.0 - 8) - 0.5 * 50  # truncated: bootstrapped
    cut_first = 4 + (0.2 - 0) + 0.5 * (0.0 - 8) - 0.25 * 50
    close(to_the_end(ONE_SPEAKER), [[first, middle, last], [cut_first, cut_last, 0], [7 - 0.1 - 3, 0, 0]])


def test_a_segment_ends_at_a_users_turn_and_bootstraps_there():
    turns = ONE_SPEAKER.clone()
    turns[0, 0] = True  # the user speaks between the first episode's first and second action
    found = to_the_end(turns)
    close(found[0, 0], 1 + (0.05 - 1) - 0.5 * 10)
    close(found[0, 1:], to_the_end(ONE_SPEAKER)[0, 1:])  # the segment behind is as it was
    turns[0, 2] = True  # and after the last: the end is terminated all the same
    close(to_the_end(turns), found)


@pytest.mark.parametrize(
    ("through_path", "moved"), [(True, [[1, 1, 1], [0, 0, 0]]), (False, [[1, 0, 0], [0, 0, 0]])]
)
def test_a_residual_moves_the_actions_after_it_or_its_own_alone(through_path, moved):
    ratios = RATIOS[:2].clone().requires_grad_()
    found = to_the_end_residuals(
        VALUES[:2], ratios, REWARDS[:2], NEXT[:2], ONE_SPEAKER[:2], MASK[:2], TERMINATED[:2],
        temperature=0.1, gamma=GAMMA, through_path=through_path,
    )  # fmt: skip
    close(found, to_the_end(ONE_SPEAKER)[:2])
    found[0, 0].backward()
    discounts = torch.tensor([1.0, GAMMA, GAMMA**2])
    close(ratios.grad, 0.1 * discounts * torch.tensor(moved))


def test_where_every_action_is_a_segment_it_is_one_step():
    step = one_step_residuals(VALUES, RATIOS, REWARDS, NEXT, MASK, TERMINATED, temperature=0.1, gamma=GAMMA)
    close(to_the_end(torch.ones_like(MASK)), step)


def test_returns_by_hand():
    close(returns(REWARDS, MASK, GAMMA), [[1 + 1 + 1, 2 + 2, 4], [0 + 4, 8, 0], [3, 0, 0]])


def test_losses_by_hand():
    errors = torch.tensor([[0.5, -2.0], [0.0, 4.0]])
    assert regression_loss(errors, "squared").item() == pytest.approx((0.25 + 4 + 16) / 2)
    assert regression_loss(errors, "huber").item() == pytest.approx(0.125 + 1.5 + 3.5)
    with pytest.raises(ValueError, match="unknown loss='cubic'"):
        regression_loss(errors, "cubic")


@st.composite
def batches(draw):
    """Ragged episodes with anything in the places that are masked."""
    n, m = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    lengths = draw(st.lists(st.integers(1, m), min_size=n, max_size=n))
    mask = torch.arange(m)[None] < torch.tensor(lengths)[:, None]
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    numbers = 5 * torch.randn(4, n, m, generator=generator, dtype=torch.float64)
    numbers[:, ~mask] = torch.tensor(draw(st.sampled_from([0.0, 1e6, torch.inf, torch.nan])))
    flags = torch.rand(3, n, m, generator=generator) < 0.5
    return {
        "rewards": numbers[0],
        "next_values": numbers[1],
        "values": numbers[2],
        "log_ratios": torch.where(mask, numbers[3], 0.0),
        "mask": mask,
        "greedy": flags[0],
        "turn_ends": flags[1],
        "terminated": flags[2, :, 0],
        "gamma": draw(st.sampled_from([1.0, 0.9, 0.5])),
    }


def take(batch, *names):
    return [batch[name] for name in names]


@given(batches())
@settings(deadline=None)
def test_one_step_is_n_step_with_one(batch):
    one = one_step_targets(*take(batch, "rewards", "next_values", "mask", "terminated", "gamma"))
    many = n_step_targets(
        *take(batch, "rewards", "next_values", "greedy", "mask", "terminated", "gamma"), n_steps=1
    )
    torch.testing.assert_close(one, many, rtol=0, atol=0)
    assert (one[~batch["mask"]] == 0).all()


@given(batches(), st.integers(1, 5))
@settings(deadline=None)
def test_n_step_is_its_definition(batch, n_steps):
    found = n_step_targets(
        *take(batch, "rewards", "next_values", "greedy", "mask", "terminated", "gamma"), n_steps
    )
    rewards, following, greedy, mask, terminated, gamma = take(
        batch, "rewards", "next_values", "greedy", "mask", "terminated", "gamma"
    )
    for i in range(len(mask)):
        length = int(mask[i].sum())
        for j in range(length):
            target, k = 0.0, 0
            while True:
                target += gamma**k * float(rewards[i, j + k])
                k += 1
                if k == n_steps or j + k == length or not greedy[i, j + k]:
                    break
            if j + k < length or not terminated[i]:
                target += gamma**k * float(following[i, j + k - 1])
            assert float(found[i, j]) == pytest.approx(target, abs=1e-9)


@given(batches())
@settings(deadline=None)
def test_tightened_is_the_best_over_all_horizons(batch):
    names = ("rewards", "next_values", "mask", "terminated", "gamma")
    found = tightened_targets(*take(batch, *names))
    rewards, following, mask, terminated, gamma = take(batch, *names)
    assert (found[~mask] == 0).all()
    for i in range(len(mask)):
        length = int(mask[i].sum())
        for j in range(length):
            horizons, earned = [], 0.0
            for k in range(j, length):
                earned += gamma ** (k - j) * float(rewards[i, k])
                over = k + 1 == length and terminated[i]
                horizons.append(earned + (0.0 if over else gamma ** (k - j + 1) * float(following[i, k])))
            assert float(found[i, j]) == pytest.approx(max(horizons), abs=1e-9)


@given(batches(), st.sampled_from([0.05, 1.0]))
@settings(deadline=None)
def test_to_the_end_is_its_definition(batch, tau):
    names = ("values", "log_ratios", "rewards", "next_values", "turn_ends", "mask", "terminated")
    values, ratios, rewards, following, turn_ends, mask, terminated = take(batch, *names)
    gamma = batch["gamma"]
    found = to_the_end_residuals(*take(batch, *names), temperature=tau, gamma=gamma)
    assert (found[~mask] == 0).all()
    for i in range(len(mask)):
        length = int(mask[i].sum())
        for j in range(length):
            residual = float(values[i, j])
            for k in range(j, length):
                residual += gamma ** (k - j) * (tau * float(ratios[i, k]) - float(rewards[i, k]))
                if turn_ends[i, k] or k == length - 1:
                    if k < length - 1 or not terminated[i]:
                        residual -= gamma ** (k - j + 1) * float(following[i, k])
                    break
            assert float(found[i, j]) == pytest.approx(residual, abs=1e-9)
