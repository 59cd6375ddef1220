"""evaluate(): the same rows whatever plays them."""

from __future__ import annotations

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction
from gymnasium.vector import AutoresetMode

import llm_envs
from llm_baselines.anchors.reference import RandomAgent, ReferenceAgent
from llm_envs.evaluation import episode_seed


@pytest.mark.parametrize("env_id", ["TextGen-Tiny-v0", "Dialogue-v0"])
@pytest.mark.parametrize("agent_class", [RandomAgent, ReferenceAgent])
def test_rows_do_not_depend_on_the_number_of_environments(env_id, agent_class):
    env = gym.make(env_id, split="test")
    agent = agent_class(env, seed=1)
    single = llm_envs.evaluate(agent, env, 20, seed=9)
    for num_envs in (1, 4, 16):
        for mode in ("Disabled", "NextStep", "SameStep"):
            rows = llm_envs.vectorize(env, num_envs, autoreset_mode=mode)
            assert llm_envs.evaluate(agent, rows, 20, seed=9).rows == single.rows


def test_every_example_is_visited_before_any_repeats():
    result = llm_envs.evaluate(RandomAgent(gym.make("TextGen-Tiny-v0"), 0), "TextGen-Tiny-v0", 40)
    assert [row.example for row in result.rows] == [k % 29 for k in range(40)]
    assert [row.seed for row in result.rows] == [episode_seed(0, k) for k in range(40)]
    assert len({row.seed for row in result.rows}) == 40


def test_seeds_and_indices_that_have_one_sum_give_episodes_of_their_own():
    seeds = {episode_seed(seed, index) for seed in range(20) for index in range(20)}
    assert len(seeds) == 400


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("num_envs", [None, 2])
def test_whether_to_play_deterministically_is_passed_on_to_the_policy(num_envs, deterministic):
    given = []

    class Listening(RandomAgent):
        def predict(self, observation, state=None, episode_start=None, deterministic=None):
            given.append(deterministic)
            return super().predict(observation, state, episode_start)

    single = gym.make("TextGen-Tiny-v0", split="test")
    env = single if num_envs is None else llm_envs.vectorize(single, num_envs)
    result = llm_envs.evaluate(Listening(single, 0), env, 3, deterministic=deterministic)
    assert set(given) == {deterministic}
    assert result.deterministic is deterministic


def test_a_metric_is_averaged_over_the_episodes_that_have_it():
    result = llm_envs.evaluate(RandomAgent(gym.make("TextGen-Tiny-v0"), 0), "TextGen-Tiny-v0", 3)
    tables = ({"words": 1.0, "asked": 0.5}, {"words": 0.0}, {"words": 0.5, "asked": 1.0})
    rows = [replace(row, metrics=table) for row, table in zip(result.rows, tables, strict=True)]
    assert replace(result, rows=tuple(rows)).metrics == {"words": 0.5, "asked": 0.75}


def test_an_id_is_played_on_its_test_split_with_its_metrics():
    env = gym.make("Translation-v0", split="test")
    result = llm_envs.evaluate(ReferenceAgent(env, 0), "Translation-v0")
    assert len(result.rows) == len(env.unwrapped.task.examples)
    assert result.mean_reward == pytest.approx(1.0)
    assert result.metrics == {"chrf": pytest.approx(1.0), "exact_match": 1.0}
    assert result.rows[0].source == env.unwrapped.task.examples[0].source


def test_rows_hold_what_was_played():
    env = gym.make("TextGen-Tiny-v0", split="test")
    row = llm_envs.evaluate(ReferenceAgent(env, 0), env, 1).rows[0]
    assert row.text == env.unwrapped.task.examples[0].references[0]
    assert row.finish_reason == "stop"
    assert row.length == len(row.action_ids) == 4
    env.reset(seed=row.seed, options={"example": row.example})
    total = 0.0
    for action in row.action_ids:
        _, reward, *_ = env.step(action)
        total += reward
    assert total == row.reward


class Counting:
    """Writes the third token till the budget is spent; counts the rows it is asked for."""

    def __init__(self):
        self.rows = 0

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        self.rows += len(observation)
        return np.full(len(observation), 2), state


@pytest.mark.parametrize("n", [1, 3, 32])
def test_no_more_rows_are_played_than_there_are_episodes(n):
    policy = Counting()
    result = llm_envs.evaluate(policy, "TextGen-Tiny-v0", n)
    assert policy.rows == sum(row.length for row in result.rows) == 5 * n


@pytest.mark.parametrize("wrapper", [lambda envs: envs, gym.wrappers.vector.RecordEpisodeStatistics])
def test_rows_left_without_an_episode_wait(wrapper):
    scored, starts = [], []

    class Watching(RandomAgent):
        def predict(self, observation, state=None, episode_start=None, deterministic=False):
            starts.append(episode_start.sum())
            return super().predict(observation, state, episode_start, deterministic)

    def reward(episode):
        scored.append(episode.text)
        return 0.0

    single = gym.make("TextGen-Tiny-v0", split="test", reward=reward)
    wanted = llm_envs.evaluate(Watching(single, 0), single, 11).rows
    assert len(scored) == sum(starts) == 11
    scored.clear()
    starts.clear()
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4, split="test", reward=reward, autoreset_mode="Disabled")
    assert llm_envs.evaluate(Watching(single, 0), wrapper(envs), 11).rows == wanted
    assert len(scored) == sum(starts) == 11


@pytest.mark.parametrize("given", [3.7, 3.0, True, [1, 2, 3], None])
def test_what_a_broken_policy_gives_is_named_by_environments_of_any_kind(given):
    class Broken:
        def predict(self, observation, **options):
            return np.resize(given, len(observation) if np.ndim(given) == 0 else 3), None

    envs = [gym.make("TextGen-Tiny-v0"), "TextGen-Tiny-v0"]
    envs += [gym.make_vec("TextGen-Tiny-v0", num_envs=2, autoreset_mode=mode) for mode in AutoresetMode]
    for env in envs:
        with pytest.raises(InvalidAction, match=r"predict\(\) gave \d+ actions of dtype"):
            llm_envs.evaluate(Broken(), env, 2)


def test_wrapped_environments_are_played_too():
    env = gym.wrappers.RecordEpisodeStatistics(gym.make("TextGen-Tiny-v0", split="test"))
    agent = RandomAgent(env, 0)
    assert llm_envs.evaluate(agent, env, 5).rows == llm_envs.evaluate(agent, env.unwrapped, 5).rows


def _private(episode):
    return float(len(episode.text))


def test_a_private_reward_has_its_component_in_rows_of_any_kind():
    env = gym.make("TextGen-Tiny-v0", split="test", reward=_private)
    rows = gym.make_vec("TextGen-Tiny-v0", num_envs=2, split="test", reward=_private)
    agent = RandomAgent(env, 0)
    found = llm_envs.evaluate(agent, rows, 4).rows
    assert found == llm_envs.evaluate(agent, env, 4).rows
    assert found[0].reward_components == {"_private": found[0].reward}


def test_a_wrapper_that_truncates_is_named():
    env = gym.make("Translation-v0", max_episode_steps=1)
    with pytest.raises(ValueError, match="truncated it"):
        llm_envs.evaluate(RandomAgent(env, 0), env, 4)


def test_what_cannot_be_played_is_named():
    agent = RandomAgent(gym.make("TextGen-Tiny-v0"), 0)
    with pytest.raises(ValueError, match="has no task"):
        llm_envs.evaluate(agent, gym.make("CartPole-v1"))
    with pytest.raises(ValueError, match="n_eval_episodes=0"):
        llm_envs.evaluate(agent, "TextGen-Tiny-v0", 0)


def test_random_tokens_cover_the_vocabulary_evenly():
    env = gym.make("TextGen-Tiny-v0")
    agent = RandomAgent(env, seed=3)
    observations = np.random.default_rng(0).integers(-1, 8, size=(8000, 9)).astype(np.int32)
    counts = np.bincount(agent.predict(observations)[0], minlength=8)
    assert counts.min() > 850
    assert counts.max() < 1150
    other = RandomAgent(env, seed=4).predict(observations)[0]
    assert (agent.predict(observations)[0] == other).mean() < 0.2


class Acts:
    """An agent with another library's name for its method."""

    def act(self, observation):
        return 0


class Narrow:
    """An agent whose predict takes the observation alone."""

    def predict(self, observation):
        return np.zeros(len(observation), dtype=np.int64), None


class ActionsAlone:
    """An agent that returns no state."""

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.zeros(len(observation), dtype=np.int64)


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (Acts(), r"Acts has no predict\(observation, state=None, episode_start=None, deterministic=False\)"),
        (
            Narrow(),
            r"Narrow.predict\(observation\) cannot be called .*; write it as predict\(observation, state",
        ),
        (ActionsAlone(), r"ActionsAlone.predict\(\) returned ndarray; it returns \(actions, state\)"),
        (ActionsAlone, "got the class ActionsAlone: make one first"),
    ],
)
@pytest.mark.parametrize("env", ["TextGen-Tiny-v0", gym.make("TextGen-Tiny-v0")])
def test_an_agent_without_the_right_predict_is_told_its_form(agent, said, env):
    with pytest.raises(TypeError, match=said):
        llm_envs.evaluate(agent, env, 2)
