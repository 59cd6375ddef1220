"""Dialogues in TRL's GRPOTrainer: by rollouts of the environment's own tokens, and by a tool."""

from __future__ import annotations

import inspect

import gymnasium as gym
import numpy as np
import pytest
from byte_models import TURNS, save_byte_model
from trl_training import letters, trained

import llm_envs
from llm_envs.adapters.dialogue_tool import DialogueTool

pytest.importorskip("trl")
LIMITS = {"max_prompt_tokens": 140, "max_new_tokens": 12}


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    model = save_byte_model(tmp_path_factory.mktemp("model"), chat_template=TURNS)
    tokenizer = {"id": f"hf:{model}", "chat_template": True}
    return llm_envs.adapters.trl(
        "Dialogue-v0", tokenizer=tokenizer, examples=range(4), reward=letters, **LIMITS
    )


def test_prompts_are_the_openings_of_users(task):
    for row in task.rows:
        task.env.reset(seed=row["seed"], options={"example": row["example"]})
        (message,) = row["prompt"]
        assert message["role"] == "user"
        assert message["content"] == task.env.episode.turns[0].text
    assert task.config["max_completion_length"] == task.task.context_length - 140


def test_grpo_trains_on_the_tokens_and_rewards_of_the_environment(task, tmp_path):
    from trl import GRPOConfig, GRPOTrainer

    rounds = []

    def spy(prompts, trainer):
        rounds.append((prompts, task.rollout_func(prompts, trainer)))
        return rounds[-1][1]

    running, moved = trained(
        GRPOTrainer, GRPOConfig, task, tmp_path, reward_funcs=task.reward_funcs, rollout_func=spy
    )
    assert moved > 1e-3
    assert len(rounds) == 3
    for prompts, found in rounds:
        for row, prompt in enumerate(prompts):
            place = prompt[-1]
            observation, _ = task.env.reset(seed=place["seed"], options={"example": place["example"]})
            assert found["prompt_ids"][row] == observation[observation >= 0].tolist()
            tokens, mask = found["completion_ids"][row], found["env_mask"][row]
            for token, own in zip(tokens, mask, strict=True):
                if own:
                    observation, reward, terminated, _, _ = task.env.step(token)
            assert terminated
            assert reward == found["dialogue_reward"][row]
            assert observation[observation >= 0].tolist() == [*found["prompt_ids"][row], *tokens]
            assert 0 < sum(mask) < len(mask)
    means = [entry["reward"] for entry in running.state.log_history if "reward" in entry]
    assert means == pytest.approx(
        [sum(found["dialogue_reward"]) / len(prompts) for prompts, found in rounds], abs=1e-6
    )


def test_a_dialogue_by_a_tool_earns_what_its_turns_earn():
    env = gym.make("Dialogue-v0").unwrapped
    other = gym.make("Dialogue-v0").unwrapped
    tool = DialogueTool(other)
    env.reset(seed=5, options={"example": 3})
    tool.reset(example=3, seed=5, prompt=[])
    expert = env.task.expert(np.random.default_rng(0))
    said = []
    while env.outcome is None:
        turn = env.episode.turns[-1]
        text = expert(turn.speaker, turn.text)
        before = len(env.episode.turns)
        for token in [*env.tokenizer.encode(text), env.tokenizer.end_token_ids[0]]:
            env.step(token)
        said.append(tool.say(text))
        assert said[-1].startswith(env.episode.turns[before + 1].text)
        assert tool.get_reward() == env.task.score([env.episode])[0].reward
    assert said[-1].endswith("(The dialogue is over.)")
    assert tool.get_reward() == env.outcome.reward > 0.5
    with pytest.raises(ValueError, match="the dialogue is over"):
        tool.say("hello")


def test_a_turn_beyond_its_budget_ends_there():
    tool = DialogueTool(gym.make("Dialogue-v0", max_new_tokens=2).unwrapped)
    tool.reset(example=0, seed=0)
    assert tool.say("what area would you like ?")
    assert tool.get_reward() >= 0


def test_the_tool_has_the_form_that_trl_reads(tmp_path):
    from transformers.utils import get_json_schema
    from trl import GRPOConfig, GRPOTrainer
    from trl.chat_template_utils import qwen3_chat_template

    public = [name for name, _ in inspect.getmembers(DialogueTool, inspect.isfunction) if name[0] != "_"]
    assert public == ["get_reward", "reset", "say"]
    model = save_byte_model(tmp_path, positions=4096, chat_template=qwen3_chat_template, end="<|im_end|>")
    task = llm_envs.adapters.trl(
        "Dialogue-v0",
        tokenizer={"id": f"hf:{model}", "chat_template": False},
        examples=range(4),
        **LIMITS,
    )
    schema = get_json_schema(task.environment_factory().say)
    assert schema["function"]["parameters"]["required"] == ["text"]
    running, _ = trained(
        GRPOTrainer, GRPOConfig, task, tmp_path, environment_factory=task.environment_factory
    )
    silent = task.environment_factory()
    silent.reset(example=0, seed=0)
    assert [e["reward"] for e in running.state.log_history if "reward" in e] == [silent.get_reward()] * 3


def test_a_dialogue_that_nobody_played_is_not_scored(task):
    with pytest.raises(ValueError, match="rollout_func"):
        task.reward_funcs(completions=["hello"], example=[0])
    one_turn = llm_envs.adapters.trl(
        "Translation-v0", tokenizer=f"hf:{task.model}", examples=[0], max_prompt_tokens=99
    )
    assert one_turn.rollout_func is None
    assert one_turn.environment_factory is None
