"""Episodes go to Minari and come back whole; what does not repeat is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

import llm_envs
from llm_baselines.registry import make_agent

minari = pytest.importorskip("minari")
IDS = ["Translation-v0", "TextGen-Tiny-v0", "Dialogue-v0"]


@pytest.fixture(autouse=True)
def datasets_here(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))


def played(env, agent="reference", n=4):
    return llm_envs.evaluate(make_agent(agent, env, seed=0), env, n_eval_episodes=n, seed=3).rows


@pytest.mark.parametrize("timing", ["terminal", "dense"])
@pytest.mark.parametrize("env_id", IDS)
def test_episodes_come_back_as_they_went(env_id, timing):
    env = gym.make(env_id, reward_timing=timing)
    rows = played(env)
    llm_envs.adapters.to_minari("ours/played-v0", rows, env, algorithm_name="reference")
    dataset = minari.load_dataset("ours/played-v0")
    assert dataset.total_episodes == 4
    assert dataset.observation_space == env.observation_space
    for row, recorded in zip(rows, dataset.iterate_episodes(), strict=True):
        assert recorded.actions.tolist() == list(row.action_ids)
        assert recorded.rewards.sum() == pytest.approx(row.reward)
        assert recorded.observations.shape == (len(row.action_ids) + 1, *env.observation_space.shape)
        assert recorded.terminations.tolist() == [False] * (row.length - 1) + [True]
    assert llm_envs.adapters.from_minari(dataset, env) == list(rows)
    assert llm_envs.adapters.from_minari("ours/played-v0", env) == list(rows)


def test_rows_of_a_record_are_taken_as_they_stand_there():
    env = gym.make("Translation-v0", split="test")
    rows = played(env, "random")
    llm_envs.adapters.to_minari("rows-v0", [row.to_dict() for row in rows], env)
    assert llm_envs.adapters.from_minari("rows-v0", env) == list(rows)


def test_a_reward_that_is_a_function_is_written_without_the_spec():
    env = gym.make("TextGen-Tiny-v0", reward=lambda episode: float(len(episode.action_ids)))
    rows = played(env, "random")
    dataset = llm_envs.adapters.to_minari("function-v0", rows, env)
    assert dataset.spec.env_spec is None
    assert llm_envs.adapters.from_minari("function-v0", env) == list(rows)


def test_data_sets_that_name_no_examples_are_recognised_by_their_prompts():
    from minari.data_collector import EpisodeBuffer

    env = gym.make("Translation-v0")
    observation, info = env.reset(seed=0)
    buffer = EpisodeBuffer(observations=[observation], actions=[])
    terminated = False
    while not terminated:
        action = int(env.action_space.sample())
        observation, reward, terminated, truncated, _ = env.step(action)
        buffer.observations.append(observation)
        buffer.actions.append(action)
        buffer.rewards.append(reward)
        buffer.terminations.append(terminated)
        buffer.truncations.append(truncated)
    dataset = minari.create_dataset_from_buffers("plain-v0", [buffer], env=env)
    (row,) = llm_envs.adapters.from_minari(dataset, env)
    assert row.source == info["source"]
    assert row == replace(row, action_ids=tuple(buffer.actions), reward=buffer.rewards[-1])


def test_episodes_of_another_environment_are_refused():
    env, other = gym.make("Translation-v0"), gym.make("Translation-v0", split="test")
    rows = played(env)
    with pytest.raises(ValueError, match=r"episode 0 has text .* played again it has"):
        llm_envs.adapters.to_minari("wrong-v0", [replace(row, text="else") for row in rows], env)
    with pytest.raises(ValueError, match=r"episode 0 has reward 0.25"):
        llm_envs.adapters.to_minari("wrong-v0", [replace(rows[0], reward=0.25)], env)
    with pytest.raises(ValueError, match="does not end there"):
        llm_envs.adapters.to_minari("wrong-v0", [replace(rows[0], action_ids=rows[0].action_ids[:1])], env)
    with pytest.raises(ValueError, match="episode 0 has no 'seed'"):
        llm_envs.adapters.to_minari("wrong-v0", [{"example": 0, "action_ids": [0]}], env)
    for hostile in ({"example": 10**6}, {"action_ids": [10**9]}, {"action_ids": [*rows[0].action_ids, 0]}):
        with pytest.raises(ValueError, match="episode 0"):
            llm_envs.adapters.to_minari("wrong-v0", [{**rows[0].to_dict(), **hostile}], env)
    with pytest.raises(ValueError, match="no episodes"):
        llm_envs.adapters.to_minari("wrong-v0", [], env)
    dataset = llm_envs.adapters.to_minari("train-v0", rows, env)
    with pytest.raises(ValueError, match=r"another environment"):
        llm_envs.adapters.from_minari(dataset, other)
    with pytest.raises(ValueError, match="its rewards do not repeat"):
        llm_envs.adapters.from_minari(dataset, gym.make("Translation-v0", reward={"bleu": 0.5}))
    with pytest.raises(ValueError, match="not an environment of this package"):
        llm_envs.adapters.from_minari(dataset, gym.make("CartPole-v1"))


def test_a_learner_imitates_recorded_episodes(tmp_path):
    pairs = [{"source": f"word {k}", "references": [f"{k} answers {k}"]} for k in range(20)]
    data = tmp_path / "pairs.jsonl"
    data.write_text("\n".join(map(json.dumps, pairs)))
    env = gym.make(
        "Translation-v0", dataset=f"file:{data}", tokenizer="byte", max_prompt_tokens=16, max_new_tokens=16
    )
    size = len(env.unwrapped.task.examples)
    rows = [*played(env, n=size), *played(env, "random", n=size)]
    dataset = llm_envs.adapters.to_minari("found-v0", rows, env)
    path = tmp_path / "found.jsonl"
    found = llm_envs.adapters.from_minari(dataset, env)
    assert llm_envs.adapters.write_demonstrations(path, found, env) == size
    taught = gym.make(
        "Translation-v0", dataset=f"file:{path}", tokenizer="byte", max_prompt_tokens=16, max_new_tokens=16
    )
    for example in taught.unwrapped.task.examples:
        texts = {row.text: row.reward for row in rows if row.source == example.source}
        assert set(example.references) == set(texts)
        assert texts[example.references[0]] == max(texts.values()) == 1.0
    assert llm_envs.adapters.write_demonstrations(path, found, env, min_reward=0.9) == size
    taught = gym.make(
        "Translation-v0", dataset=f"file:{path}", tokenizer="byte", max_prompt_tokens=16, max_new_tokens=16
    )
    assert all(len(example.references) == 1 for example in taught.unwrapped.task.examples)
    options = {"copy_steps": 0, "eval_freq": 0, "warmup_steps": 10}
    agent = make_agent("supervised", taught, seed=0, config=options)
    agent.learn(20_000)
    assert llm_envs.evaluate(agent, taught, seed=1).mean_reward > 0.6 > np.mean([row.reward for row in rows])


def test_what_cannot_be_written_as_demonstrations_is_said(tmp_path):
    env = gym.make("Dialogue-v0")
    with pytest.raises(ValueError, match="many turns"):
        llm_envs.adapters.write_demonstrations(tmp_path / "a.jsonl", [], env)
    env = gym.make("TextGen-Tiny-v0")
    with pytest.raises(ValueError, match="at least 2"):
        llm_envs.adapters.write_demonstrations(tmp_path / "a.jsonl", played(env), env, min_reward=2)
