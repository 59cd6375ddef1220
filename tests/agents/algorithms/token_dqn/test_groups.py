"""Groups: an example's texts as each other's baseline, tapers, and the scale of rewards."""

from __future__ import annotations

import itertools
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch
from token_worlds import World, random_trajectory

from llm_baselines import TokenDQN
from llm_baselines.algorithms.reward_scale import RewardScale
from llm_baselines.algorithms.rloo import RLOO, leave_one_out
from llm_baselines.algorithms.token_dqn import targets as t
from llm_baselines.algorithms.token_dqn.episode_replay import EpisodeReplay
from llm_baselines.algorithms.token_dqn.group import GroupObjective
from llm_baselines.algorithms.token_dqn.value import ValueObjective
from llm_baselines.lm.teacher_forcing import log_probs_under, state_features, with_reference
from llm_baselines.play.trajectory import collate, micro_batch_indices


def test_the_others_mean_is_rloo_s_baseline():
    scores = np.random.default_rng(0).normal(size=(3, 4))
    groups = torch.tensor([5, 5, 5, 5, 9, 9, 9, 9, 2, 2, 2, 2])
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    values = torch.tensor(scores.reshape(12, 1))[order]
    mean, there = t.others_mean(values, torch.ones_like(values), groups[order])
    assert there.all()
    np.testing.assert_allclose(
        (values - mean)[order.argsort()].numpy().reshape(3, 4), leave_one_out(scores), atol=1e-12
    )


def test_a_text_alone_has_no_others():
    mean, there = t.others_mean(torch.ones(3, 1), torch.ones(3, 1), torch.tensor([0, 0, 1]))
    assert there[:, 0].tolist() == [True, True, False]
    assert mean[:, 0].tolist() == [1.0, 1.0, 0.0]


def test_only_rests_of_texts_that_go_on_are_compared():
    mask = torch.tensor([[True, True, True], [True, False, False], [True, True, False]])
    gains = torch.tensor([[1.0, 2.0, 4.0], [8.0, 0.0, 0.0], [16.0, 32.0, 0.0]])
    rest = t.returns(gains, mask)
    assert rest.tolist() == [[7.0, 6.0, 4.0], [8.0, 0.0, 0.0], [48.0, 32.0, 0.0]]
    mean, there = t.others_mean(rest, mask.float(), torch.zeros(3, dtype=torch.int64))
    assert mean.tolist() == [[28.0, 32.0, 0.0], [27.5, 19.0, 4.0], [7.5, 6.0, 4.0]]
    assert there.tolist() == [[True, True, False], [True, True, True], [True, True, True]]


def test_rests_stop_at_the_end_of_a_segment():
    mask, ends = torch.ones(1, 4, dtype=torch.bool), torch.tensor([[False, True, False, True]])
    assert t.returns(torch.tensor([[1.0, 2.0, 4.0, 8.0]]), mask, ends=ends).tolist() == [
        [3.0, 2.0, 12.0, 8.0]
    ]


def test_what_the_policy_has_left_counts_less_and_what_it_favours_no_more():
    found = t.presence(torch.tensor([-2.0, 0.0, 2.0]))
    np.testing.assert_allclose(found.numpy(), [np.exp(-2.0), 1.0, 1.0], rtol=1e-6)
    values, weights = torch.tensor([[1.0], [3.0], [100.0]]), torch.tensor([[1.0], [1.0], [0.0]])
    mean, there = t.others_mean(values, weights, torch.zeros(3, dtype=torch.int64))
    assert mean[:, 0].tolist() == [3.0, 1.0, 2.0]
    assert there.all()


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


def gradients(agent, update):
    """The gradients of one update on a round of four examples with four texts each."""
    found = {}

    def catch(run, *, frozen=()):
        found.update({n: p.grad.clone() for n, p in agent.lm.named_parameters() if p.grad is not None})
        agent.network.zero_grad()
        return {}

    agent.optimizer_step = catch

    class Run:
        progress, round = 0.0, 0

        def log(self, name, value):
            pass

        def check_finite(self, value, what):
            assert np.isfinite(value)

    rng = np.random.default_rng(0)
    played = [random_trajectory(rng, vocabulary=4, example=i // 4) for i in range(16)]
    played = with_reference(agent.network.reference, played, 4096)
    now = log_probs_under(agent.lm, played, 4096)
    update([replace(t, behaviour_log_probs=p) for t, p in zip(played, now, strict=True)], Run())
    return found


def small_agent(kind, **options):
    shared = {"warm_start": False, "n_envs": 16, "group_size": 4, "eval_freq": 0, "device": "cpu"}
    model = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    return kind(model, "TextGen-Tiny-v0", **shared, **options)


def in_groups(**options):
    agent = small_agent(TokenDQN, reward_scale=1.0, batch_size=16, **options)
    agent.tokens_per_episode = 1.0  # the loss is then divided by texts, as RLOO's is
    return agent


def test_on_fresh_texts_the_gradient_of_the_rewards_is_rloo_s():
    rloo = small_agent(RLOO, kl_coef=0.0, guard_rounds=0)
    wanted = gradients(rloo, rloo.update)
    agent = in_groups(tau=1e-9)
    agent.lm.load_state_dict(rloo.lm.state_dict())
    agent.build_learner()
    found = gradients(agent, agent.update)
    assert wanted.keys() == found.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-6, msg=name)


def test_the_kl_pulls_back_in_every_state_also_where_all_texts_earn_the_same():
    """What the texts of a group share moves none of their advantages."""
    agent = in_groups(tau=0.5, taper=False)
    with torch.no_grad():
        for parameter in agent.lm.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    rng = np.random.default_rng(0)
    text = random_trajectory(rng, vocabulary=4, example=0)
    played = with_reference(agent.network.reference, [text] * 4, 4096)
    batch = collate(played)
    part = agent.objective.begin_update(0).part(batch, None)
    part.loss.backward()
    found = {n: p.grad.clone() for n, p in agent.lm.named_parameters() if p.grad is not None}
    agent.network.zero_grad()
    now, before = (
        torch.log_softmax(lm.logits(state_features(lm, batch)[:, :-1][batch.mask]), dim=1)
        for lm in (agent.lm, agent.network.reference)
    )
    kl = torch.nn.functional.kl_div(before, now, reduction="sum", log_target=True)
    assert kl > 1e-3
    (0.5 * kl).backward()
    for name, gradient in found.items():
        wanted = dict(agent.lm.named_parameters())[name].grad
        torch.testing.assert_close(gradient, wanted, rtol=1e-3, atol=1e-6, msg=name)


def test_an_example_is_played_for_as_many_rounds_as_asked():
    agent = TokenDQN(
        "nano", "TextGen-Tiny-v0", warm_start=False, n_envs=16, group_size=4, visits=2, max_age=2, eval_freq=0
    )
    seen = []
    learn_round = agent.learn_round

    def watched(run):
        learn_round(run)
        newest = agent.replay.newest(10**6)
        seen.append([t.example for t in newest if t.round == run.round])

    agent.learn_round = watched
    agent.learn(400)
    assert len(seen) > 3
    for earlier, later in itertools.pairwise(seen):
        assert len(later) == 16
        assert later[8:] == earlier[:8], "the second half is what was new in the round before"
        assert all(len(set(later[i : i + 4])) == 1 for i in range(0, 16, 4))


def test_baseline_group_needs_examples():
    with pytest.raises(ValueError, match="baseline='group' compares texts of one example"):
        TokenDQN("nano", World(), baseline="group")
    assert isinstance(TokenDQN("nano", World()).objective, ValueObjective)


@pytest.mark.parametrize(("timing", "by_token"), [("terminal", False), ("dense", True)])
def test_credit_follows_the_timing_of_the_reward(timing, by_token):
    env = gym.make("TextGen-Tiny-v0", reward_timing=timing)
    agent = TokenDQN("nano", env, warm_start=False)
    assert isinstance(agent.objective, GroupObjective)
    assert agent.objective.by_token == by_token
    other = "dense" if timing == "terminal" else "terminal"
    assert TokenDQN("nano", env, reward_timing=other, warm_start=False).objective.by_token != by_token
