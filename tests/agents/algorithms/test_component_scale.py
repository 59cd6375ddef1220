"""Normalise, then sum: components count by their weights, whatever their scale; off, nothing changes."""

from __future__ import annotations

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from made_up_outcomes import outcome
from tiny_agents import equal, weights

from llm_baselines import TokenDQN
from llm_baselines.algorithms.component_scale import ComponentScale, ComponentsMissing
from llm_baselines.algorithms.rloo import RLOO
from llm_baselines.algorithms.token_dqn.episode_replay import EpisodeReplay
from llm_baselines.play.trajectory import Trajectory

REWARD = [{"id": "bleu", "weight": 1.0}, {"id": "length_penalty", "weight": -0.5}]
QUICK = {"warm_start": False, "n_envs": 8, "eval_freq": 0, "reward": REWARD, "reward_warnings": False}
KINDS = {
    "group": (TokenDQN, {"q": "logits", "baseline": "group", "group_size": 4, "batch_size": 8}),
    "value": (TokenDQN, {"q": "logits", "baseline": "value", "value_steps": 2, "batch_size": 8}),
    "head": (TokenDQN, {"q": "head", "batch_size": 8}),
    "rloo": (RLOO, {}),
}


def make(kind, **changes):
    cls, options = KINDS[kind]
    return cls("nano", "Translation-v0", seed=1, **{**QUICK, **options, **changes})


def episode(example=0, length=3, **components):
    zeros = np.zeros(length, np.float32)
    rewards = zeros.copy()
    rewards[-1] = sum(components.values())
    return Trajectory(
        np.arange(length + 1, dtype=np.int32),
        np.arange(1, length + 1, dtype=np.int32),
        rewards,
        zeros,
        zeros,
        example=example,
        outcome=outcome(**components),
    )


def played(rng, scale=1000.0, count=64, per_example=1):
    values = rng.random((count, 2))
    return [
        episode(index // per_example, a=float(a), b=float(b) * scale) for index, (a, b) in enumerate(values)
    ]


def test_after_scaling_components_of_equal_weight_spread_equally():
    episodes = played(np.random.default_rng(0))
    scale = ComponentScale({"a": 1.0, "b": 1.0})
    scale.update(episodes)
    effective = scale.effective_weights
    raw = np.array([[t.outcome.reward_components[name] for name in "ab"] for t in episodes])
    assert (raw * [effective["a"], effective["b"]]).std(axis=0, ddof=1) == pytest.approx([1.0, 1.0])


def test_a_component_of_a_thousand_times_the_scale_no_longer_swamps_the_other():
    episodes = played(np.random.default_rng(1))
    scale = ComponentScale({"a": 1.0, "b": 1.0})
    scale.update(episodes)
    a = [t.outcome.reward_components["a"] for t in episodes]
    summed = np.corrcoef(a, [t.score for t in episodes])[0, 1]
    normalised = np.corrcoef(a, [scale.recombined(t).score for t in episodes])[0, 1]
    assert abs(summed) < 0.3
    assert normalised > 0.6


def test_the_sum_is_that_of_the_equation():
    scale = ComponentScale({"a": 2.0, "b": -3.0})
    episodes = [episode(i, a=x, b=y) for i, (x, y) in enumerate([(0.0, 10.0), (1.0, 30.0), (2.0, 50.0)])]
    scale.update(episodes)
    assert scale.spreads == pytest.approx({"a": 1.0, "b": 20.0})
    scores = [scale.recombined(t).score for t in episodes]
    assert scores == pytest.approx([2.0 * x - 3.0 * x for x in (-1.0, 0.0, 1.0)])


def test_spreads_are_those_within_examples_where_there_are_groups():
    rng = np.random.default_rng(2)
    offsets = np.repeat(rng.random(16) * 100, 4)  # between examples, where no group can learn
    episodes = [
        episode(i // 4, a=float(offset + x))
        for i, (offset, x) in enumerate(zip(offsets, rng.normal(size=64), strict=True))
    ]
    scale = ComponentScale({"a": 1.0})
    scale.update(episodes)
    assert 0.7 < scale.spreads["a"] < 1.3


def test_a_spread_never_falls_so_that_a_component_that_dies_out_is_not_blown_up():
    scale = ComponentScale({"a": 1.0, "b": 1.0})
    scale.update(played(np.random.default_rng(3)))
    before = scale.spreads
    for _ in range(20):
        scale.update([episode(i, a=0.5, b=1.0) for i in range(8)])
    assert scale.spreads == before


def test_an_episode_without_components_is_named():
    bare = replace(episode(a=1.0), outcome=None)
    with pytest.raises(ComponentsMissing, match="one has no 'a'"):
        ComponentScale({"a": 1.0}).update([bare])


def test_the_replay_keeps_components_and_recombines_them_with_the_present_spreads(tmp_path):
    rng = np.random.default_rng(4)
    scale = ComponentScale({"a": 1.0, "b": 1.0})
    replay = EpisodeReplay(40, components=2)  # room for ten episodes
    replay.recombine = scale.recombined
    for _ in range(3):
        episodes = played(rng, count=6)
        scale.update(episodes)
        replay.add([scale.recombined(t) for t in episodes])
    replay.save(tmp_path / "replay")
    again = EpisodeReplay.load(tmp_path / "replay", 40, components=2)
    again.recombine = scale.recombined
    last = [scale.recombined(t).score for t in episodes]  # with the spreads of now
    assert [t.score for t in replay.newest(6)] == last
    for one, two in zip(replay.newest(10), again.newest(10), strict=True):
        assert np.array_equal(one.components, two.components)
        assert np.array_equal(one.rewards, two.rewards)
    _, keys = replay.sample(2, np.random.default_rng(0))
    replay.remove(keys)
    assert all(t.score == scale.recombined(t).score for t in replay.newest(10))


def test_a_replay_of_other_components_is_refused(tmp_path):
    replay = EpisodeReplay(40)
    replay.add([episode(a=1.0)])
    replay.save(tmp_path / "replay")
    with pytest.raises(ValueError, match="does not hold 2 reward components"):
        EpisodeReplay.load(tmp_path / "replay", 40, components=2)
    with pytest.raises(ValueError, match="has not the 2 reward components"):
        EpisodeReplay(40, components=2).add([episode(a=1.0)])


class Interrupt:
    def __init__(self, calls):
        self.calls = calls

    def __call__(self, *_):
        self.calls -= 1
        if self.calls == 0:
            raise KeyboardInterrupt
        return True


@pytest.mark.parametrize("kind", KINDS)
def test_interrupted_and_resumed_it_ends_with_the_same_weights(kind, tmp_path):
    options = {"component_scaling": "normalize", "checkpoint_freq": 100}
    whole = make(kind, **options).learn(300, run_folder=tmp_path / "whole")
    interrupted = make(kind, **options)
    with pytest.raises(KeyboardInterrupt):
        interrupted.learn(300, run_folder=tmp_path / "parts", callback=Interrupt(30))
    resumed = make(kind, **options).learn(300, run_folder=tmp_path / "parts", resume=True)
    assert equal(weights(resumed), weights(whole))
    assert resumed.component_scale.state() == whole.component_scale.state()
    assert not equal(weights(whole), weights(make(kind).learn(300)))


@pytest.mark.parametrize("kind", KINDS)
def test_off_stores_nothing_and_asks_for_nothing(kind, tmp_path):
    agent = make(kind).learn(200, run_folder=tmp_path)
    assert agent.component_scale is None
    if kind != "rloo":
        assert all(t.components is None for t in agent.replay.newest(4))


@pytest.mark.parametrize("kind", ["group", "rloo"])
def test_the_scale_of_a_component_changes_no_training(kind):
    def scaled(by):  # by a power of two, so that floating-point numbers scale exactly
        part = {"id": "sum", "name": "length", "weight": -0.5, "rewards": {"length_penalty": by}}
        return make(kind, component_scaling="normalize", reward=[REWARD[0], part])

    small, large = scaled(1.0).learn(200), scaled(1024.0).learn(200)
    assert equal(weights(small), weights(large))
    ratio = small.component_weights["length"] / large.component_weights["length"]
    assert ratio == 1024.0


def test_a_saved_agent_keeps_the_spreads(tmp_path):
    agent = make("rloo", component_scaling="normalize").learn(200)
    agent.save(tmp_path / "agent")
    loaded = RLOO.load(tmp_path / "agent", env="Translation-v0")
    assert loaded.component_scale.state() == agent.component_scale.state()


def test_dense_rewards_and_environments_of_others_are_refused():
    with pytest.raises(ValueError, match="is for rewards paid at the end, and reward_timing is 'dense'"):
        make("head", component_scaling="normalize", reward_timing="dense")
    options = {name: value for name, value in QUICK.items() if name != "reward"}
    foreign = TokenDQN(
        "nano", gym.Wrapper(gym.make("Translation-v0")), seed=1, component_scaling="normalize", **options
    )
    with pytest.raises(ValueError, match="component_scaling='normalize' is for environments that"):
        foreign.learn(60)
    with pytest.raises(ValueError, match="unknown component_scaling='norm'; there are 'sum' and 'normalize'"):
        make("rloo", component_scaling="norm")
