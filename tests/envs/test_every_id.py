"""What holds for every id of the table."""

from __future__ import annotations

import pickle
import random
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as sb3_check_env

import llm_envs
from llm_envs.registration import TABLE

IDS = llm_envs.list_envs()


def play(env, actions, seed=7, options=None):
    """All that an episode (or several) gives back, for comparison."""
    seen = [env.reset(seed=seed, options=options)]
    for action in actions:
        seen.append(env.step(action))
        if seen[-1][2]:
            seen.append(env.reset())
    return seen


def assert_same(left, right):
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        assert a[1:] == b[1:]


def some_actions(env, n=60, seed=3):
    return np.random.default_rng(seed).integers(env.action_space.n, size=n).tolist()


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.filterwarnings("error")
def test_checkers_of_gymnasium_and_sb3_find_nothing(env_id, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(env_id, render_mode="ansi").unwrapped)  # and in every other mode that it declares
        for mode in (None, *gym.make(env_id).metadata["render_modes"]):
            sb3_check_env(gym.make(env_id, render_mode=mode))


@pytest.mark.parametrize("env_id", IDS)
def test_spec_survives_json(env_id):
    spec = gym.make(env_id, split="test", max_new_tokens=5).spec
    again = gym.make(type(spec).from_json(spec.to_json()))
    assert again.unwrapped.task.max_new_tokens == 5
    assert again.unwrapped.task.split == "test"


@pytest.mark.parametrize("env_id", IDS)
def test_same_seed_and_actions_give_the_same_transitions(env_id):
    one, two = gym.make(env_id), gym.make(env_id)
    actions = some_actions(one)
    assert_same(play(one, actions), play(two, actions))


@pytest.mark.parametrize("env_id", IDS)
def test_a_pickled_environment_goes_on_where_it_was(env_id):
    env = gym.make(env_id, render_mode="ansi")
    env.reset(seed=5)
    env.step(3)
    copy = pickle.loads(pickle.dumps(env))
    assert copy.render() == env.render()
    for action in some_actions(env, 40):
        ours, theirs = env.step(action), copy.step(action)
        assert_same([ours], [theirs])
        if ours[2]:
            assert_same([env.reset()], [copy.reset()])


@pytest.mark.parametrize("env_id", IDS)
def test_global_random_state_is_untouched(env_id):
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    env = gym.make(env_id)
    play(env, some_actions(env, 30))
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002


@pytest.mark.parametrize("env_id", IDS)
def test_transitions_only_append(env_id):
    """Nothing slides: the old observation, then the action, then tokens of the environment."""
    env = gym.make(env_id)
    observation, _ = env.reset(seed=2)
    assert (observation >= 0).any()
    for action in some_actions(env, 80):
        free = int(np.flatnonzero(observation >= 0)[-1]) + 1
        following, _, terminated, truncated, _ = env.step(action)
        np.testing.assert_array_equal(following[:free], observation[:free])
        assert following[free] == action
        last = int(np.flatnonzero(following >= 0)[-1])
        assert (following[free : last + 1] >= 0).all()
        assert not truncated
        observation = env.reset()[0] if terminated else following


@pytest.mark.parametrize("env_id", IDS)
def test_the_budget_ends_an_episode_and_says_so(env_id):
    env = gym.make(env_id, max_new_tokens=3)
    env.reset(seed=1)
    not_end = next(i for i in range(2, 50) if i not in env.unwrapped.tokenizer.end_token_ids)
    for _ in range(3 * env.unwrapped.task.max_turns):
        *_, terminated, truncated, info = env.step(not_end)
        if terminated:
            break
    assert terminated
    assert not truncated
    assert info["outcome"]["finish_reason"] == ("length" if env.unwrapped.task.max_turns == 1 else "task")


@pytest.mark.parametrize("env_id", IDS)
def test_outcome_says_everything_once(env_id):
    env = gym.make(env_id, metrics="default")
    env.reset(seed=1, options={"example": 0})
    end = env.unwrapped.tokenizer.end_token_ids[0]
    while True:
        *_, reward, terminated, _, info = env.step(end)
        if terminated:
            break
    outcome = info["outcome"]
    assert set(outcome) == {
        "source",
        "references",
        "text",
        "action_ids",
        "reward",
        "reward_components",
        "metrics",
        "finish_reason",
    }
    assert outcome["source"] == env.unwrapped.task.examples[0].source
    assert outcome["reward"] == reward
    assert set(outcome["action_ids"]) == {end}


@pytest.mark.parametrize("env_id", IDS)
def test_every_split_has_examples_and_every_prompt_fits(env_id):
    for split in ("train", "validation", "test"):
        task = gym.make(env_id, split=split).unwrapped.task
        assert len(task.examples) > 0
        if task.max_turns == 1:
            for index in range(len(task.examples)):
                task.start(index)


@pytest.mark.parametrize("env_id", IDS)
def test_references_survive_the_default_tokenizer(env_id):
    task = gym.make(env_id, split="test").unwrapped.task
    for example in task.examples[:50]:
        for reference in example.references:
            assert task.tokenizer.decode(task.tokenizer.encode(reference)) == reference


@pytest.mark.parametrize("env_id", ["TextGen-v0", "Translation-v0", "Dialogue-v0"])
def test_default_ids_have_200_test_examples(env_id):
    assert len(gym.make(env_id, split="test").unwrapped.task.examples) >= 200


@pytest.mark.parametrize("env_id", IDS)
def test_documented_where_users_look(env_id):
    doc = type(gym.make(env_id).unwrapped).__doc__
    for word in ("Observation", "Action", "Reward", "Terminated", "Truncated", "Info", "Version history"):
        assert word in doc
    assert TABLE[env_id]


@pytest.mark.parametrize("env_id", ["TextGen-Tiny-v0", "Translation-v0"])
def test_the_observation_is_markov(env_id):
    """The tokens left and the prompt can be read off the observation alone."""
    env = gym.make(env_id)
    task = env.unwrapped.task
    observation, info = env.reset(seed=4)
    prompt = observation[: task.max_prompt_tokens]
    source = task.tokenizer.decode(prompt[prompt >= 0].tolist())
    assert source == info["source"]
    for written in range(task.max_new_tokens):
        assert int((observation[task.max_prompt_tokens :] >= 0).sum()) == written
        observation, _, terminated, *_ = env.step(2)
    assert terminated
