"""Agents on disk: what is kept of a training reward, which environments they fit, what is not overwritten."""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from functools import partial

import gymnasium as gym
import pytest
from tiny_agents import make

import llm_envs
from llm_baselines import TokenDQN
from llm_baselines.agent_folder import AgentFolderError


def tiny():
    return gym.make("TextGen-Tiny-v0")


def length(episode, k=1.0):
    return k * len(episode.action_ids)


@dataclass
class Weighed:
    """A reward that looks like a table of rewards once it is a mapping."""

    weight: float = 1.0

    def __call__(self, episode):
        return self.weight * len(episode.action_ids)


class Locked(Weighed):
    """A reward that cannot be copied."""

    def __init__(self):
        self.weight, self.lock = 1.0, threading.Lock()


@pytest.mark.parametrize(
    "reward",
    [Weighed(), Locked(), partial(length, k=2.0), [{"id": length, "weight": 2.0}]],
    ids=["dataclass", "lock", "partial", "in a list"],
)
def test_a_reward_that_is_an_object_is_not_kept_and_that_is_said(reward, tmp_path):
    make("logits", reward=reward, warm_start=False).learn(40).save(tmp_path / "agent")
    with pytest.warns(UserWarning, match="not saved with it"):
        loaded = TokenDQN.load(tmp_path / "agent", tiny(), device="cpu")
    assert loaded.config.reward is None
    assert loaded.learn(120).num_timesteps >= 120


@pytest.mark.parametrize("reward", ["length_penalty", [{"id": "length_penalty", "weight": -1.0}]])
def test_a_reward_that_has_a_name_is_kept(reward, tmp_path):
    make("logits", reward=reward, warm_start=False).learn(40).save(tmp_path / "agent")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = TokenDQN.load(tmp_path / "agent", tiny(), device="cpu")
    assert loaded.config.reward == reward


@pytest.mark.parametrize(
    "env",
    [
        lambda: gym.make_vec("TextGen-Tiny-v0", num_envs=4),
        lambda: gym.wrappers.RecordEpisodeStatistics(tiny()),
        lambda: gym.make("TextGen-Tiny-v0", max_episode_steps=50),
    ],
    ids=["rows", "wrapped", "time limit"],
)
def test_an_agent_fits_rows_and_wrappers_of_what_it_was_trained_on(env, tmp_path):
    make("logits", warm_start=False).learn(40).save(tmp_path / "agent")
    assert TokenDQN.load(tmp_path / "agent", env(), device="cpu").num_timesteps >= 40


def test_another_vocabulary_is_refused_behind_wrappers_too(tmp_path):
    def of(words):
        env = gym.make("TextGen-Tiny-v0")
        env.unwrapped.task.tokenizer.content_hash = words  # as another vocabulary of the same size has
        return gym.wrappers.RecordEpisodeStatistics(env)

    agent = make("logits", env=of("a"), warm_start=False).learn(20)
    agent.save(tmp_path / "agent")
    with pytest.raises(AgentFolderError, match="tokenizer_hash"):
        TokenDQN.load(tmp_path / "agent", of("b"), device="cpu")


def test_an_agent_is_not_written_over_a_run(tmp_path):
    agent = make("logits", warm_start=False)
    agent.save(tmp_path)
    agent.learn(60, run_folder=tmp_path)
    with pytest.raises(AgentFolderError, match="something other than an agent, 'logs'"):
        agent.save(tmp_path)
    assert (tmp_path / "resume").is_dir()


def test_llm_envs_evaluates_what_was_loaded(tmp_path):
    make("logits", warm_start=False).learn(40).save(tmp_path / "agent")
    loaded = TokenDQN.load(tmp_path / "agent", tiny(), device="cpu")
    assert len(llm_envs.evaluate(loaded, tiny(), 5).rows) == 5
