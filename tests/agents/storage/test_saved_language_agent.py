"""Agents on disk: what is kept, which environments they fit, what is refused and not overwritten."""

from __future__ import annotations

import threading
import warnings
import zipfile
from dataclasses import dataclass
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from small_models import small_model
from tiny_agents import AGENTS, equal, make, observations, weights
from token_worlds import World

import llm_envs
from llm_baselines import TokenDQN
from llm_baselines.registry import make_agent
from llm_baselines.storage.agent_folder import AgentFolderError

NAMES = list(AGENTS)


@pytest.mark.parametrize("place", ["agent", "agent.zip"])
@pytest.mark.parametrize("name", NAMES)
def test_saved_and_loaded_it_is_the_same(name, place, env, trained, tmp_path):
    agent = trained[name]
    agent.save(tmp_path / place)
    assert (tmp_path / place).is_dir()
    loaded = make_agent(str(tmp_path / place), env, seed=agent.seed, device="cpu")
    assert type(loaded) is type(agent)
    assert equal(weights(loaded), weights(agent))
    assert loaded.config == agent.config
    assert loaded.report == agent.report
    assert loaded.num_timesteps == agent.num_timesteps
    for deterministic in (True, False):
        acts = [a.predict(observations(env), deterministic=deterministic)[0] for a in (agent, loaded)]
        np.testing.assert_array_equal(*acts)
    loaded.save(tmp_path / place)  # over itself
    assert equal(weights(type(agent).load(tmp_path / place, env)), weights(agent))


def test_nothing_is_pickled_and_what_was_altered_is_refused(env, trained, tmp_path):
    folder = tmp_path / "agent"
    trained["logits"].save(folder)
    assert sorted(p.name for p in folder.iterdir()) == ["agent.json", "manifest.json", "weights.safetensors"]
    for path in folder.iterdir():
        assert not zipfile.is_zipfile(path)
        whole = path.read_bytes()
        assert b"cbuiltins" not in whole
        for damaged in (whole[: len(whole) // 2], whole[:-2] + b"!!"):
            path.write_bytes(damaged)
            with pytest.raises(AgentFolderError, match=path.name):
                make_agent(str(folder), env, seed=0)
        path.write_bytes(whole)
    (folder / "weights.safetensors").unlink()
    with pytest.raises(AgentFolderError, match=r"weights\.safetensors.*missing"):
        make_agent(str(folder), env, seed=0)


def test_another_agents_folder_and_another_environment_are_refused(env, trained, tmp_path):
    trained["rloo"].save(tmp_path / "agent")
    with pytest.raises(AgentFolderError, match="holds a 'rloo', not a 'token_dqn'"):
        TokenDQN.load(tmp_path / "agent", env)
    with pytest.raises(AgentFolderError, match="context_length 9, the environment 10"):
        make_agent(str(tmp_path / "agent"), gym.make("TextGen-Tiny-v0", max_new_tokens=6), seed=0)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "important.txt").write_text("keep me")
    with pytest.raises(AgentFolderError, match="holds something other than an agent"):
        trained["rloo"].save(tmp_path / "notes")
    assert (tmp_path / "notes" / "important.txt").read_text() == "keep me"


@pytest.mark.parametrize("q", ["logits", "head"])
@pytest.mark.parametrize("family", ["gpt2", "qwen2"])
def test_a_users_model_and_environment_are_trained_saved_and_loaded(family, q, tmp_path):
    agent = TokenDQN(small_model(family, 4), World(), seed=0, device="cpu", q=q, n_envs=4).learn(30)
    agent.save(tmp_path / "agent")
    loaded = TokenDQN.load(tmp_path / "agent", World())
    assert equal(weights(loaded), weights(agent))
    assert loaded.lm.identity() == agent.lm.identity()
    observation, _ = World().reset(seed=0)
    assert (
        loaded.predict(observation, deterministic=True)[0]
        == agent.predict(observation, deterministic=True)[0]
    )


def test_a_loaded_agent_learns_on(env, tmp_path):
    for name in ("logits", "head"):
        agent = make(name, env, keep_best=False).learn(60)
        agent.save(tmp_path / name)
        loaded = TokenDQN.load(tmp_path / name, env)
        before = weights(loaded)
        loaded.learn(loaded.num_timesteps + 60)
        assert loaded.num_timesteps > agent.num_timesteps
        assert not equal(weights(loaded), before)


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


def test_another_vocabulary_is_refused_behind_wrappers_too(tmp_path, monkeypatch):
    def of(words):
        env = tiny()
        monkeypatch.setattr(env.unwrapped.task.tokenizer, "content_hash", words)  # another of the same size
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
