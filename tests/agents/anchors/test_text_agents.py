"""The agents that do not learn a network: reference, constant, unigram, scripted."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import llm_envs
from llm_baselines.anchors.fixed_text import ConstantAgent
from llm_baselines.anchors.reference import ReferenceAgent, ScriptedAgent
from llm_baselines.anchors.unigram import UnigramAgent
from llm_baselines.registry import make_agent


@pytest.mark.parametrize("env_id", [i for i in llm_envs.list_envs() if i != "Dialogue-v0"])
def test_the_reference_agent_plays_the_references(env_id):
    env = gym.make(env_id, split="test")
    for row in llm_envs.evaluate(ReferenceAgent(env, 0), env, 20).rows:
        assert row.text == env.unwrapped.task.examples[row.example].references[0]


def test_the_expert_succeeds_without_seeing_the_goal():
    env = gym.make("Dialogue-v0", split="test")
    result = llm_envs.evaluate(ReferenceAgent(env, 3), "Dialogue-v0", 60, seed=4)
    assert result.metrics["success"] >= 0.95
    for row in result.rows:
        assert row.reward == pytest.approx(row.metrics["progress"] * (1 - row.length / 200))


def test_prompts_without_references_have_no_reference_agent(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(f'{{"prompt": "write {i}"}}\n' for i in range(60)))
    env = gym.make("TextGen-v0", dataset=f"file:{path}", reward="sentiment")
    with pytest.raises(ValueError, match="has none"):
        ReferenceAgent(env, 0)


def test_a_prompt_of_another_data_set_is_refused():
    agent = ReferenceAgent(gym.make("TextGen-Tiny-v0"), 0)
    with pytest.raises(ValueError, match="no prompt of the agent's data set"):
        agent.predict(np.full((1, 9), 1, np.int32))


def test_the_search_finds_the_best_constant_letter_and_keeps_to_its_budget():
    env = gym.make("TextGen-Tiny-v0")
    agent = ConstantAgent(env, 0).learn(60_000)
    scores = [row["train/mean_reward"] for row in agent.report.curve]
    assert scores == sorted(scores)
    assert scores[-1] >= max(
        llm_envs.evaluate(ConstantAgent(env, 0, text=letter), env).mean_reward for letter in "abcdef"
    )
    assert 60_000 <= agent.report.environment_steps < 70_000


def test_a_fixed_text_is_written_in_every_turn():
    env = gym.make("Dialogue-v0", split="test")
    agent = ConstantAgent(env, 0, text="what area would you like ?")
    row = llm_envs.evaluate(agent, env, 1).rows[0]
    assert set(row.text.split("\n")) == {"what area would you like ?"}


def test_unigram_draws_tokens_by_their_frequency():
    env = gym.make("TextGen-Tiny-v0")
    agent = UnigramAgent(env, 0).learn(0)
    observations = np.random.default_rng(0).integers(-1, 8, size=(6000, 9)).astype(np.int32)
    shares = np.bincount(agent.predict(observations)[0], minlength=8) / 6000
    assert shares[0] == pytest.approx(0.25, abs=0.03)  # one end to three letters
    assert shares[1] == 0.0
    assert shares[2:].sum() == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize("name", ["constant", "unigram"])
def test_saved_and_loaded_they_write_the_same(name, tmp_path):
    env = gym.make("TextGen-Tiny-v0")
    agent = make_agent(name, env, seed=1)
    agent.learn(2000)
    agent.save(tmp_path / "agent")
    again = make_agent(str(tmp_path / "agent"), env, seed=1)
    assert llm_envs.evaluate(again, env, 20).rows == llm_envs.evaluate(agent, env, 20).rows


def test_a_script_answers_each_turn():
    env = gym.make("Dialogue-v0", split="test")
    heard = []

    def speaker(rng):
        def say(who, text):
            heard.append((who, text))
            return "query : type hotel" if len(heard) == 1 else "goodbye ."

        return say

    row = llm_envs.evaluate(ScriptedAgent(env, 0, write=str, speaker=speaker), env, 1).rows[0]
    assert [who for who, _ in heard[:2]] == ["user", "database"]
    assert row.text.split("\n")[0] == "query : type hotel"
