"""TRL's trainers on our environments: the same prompts, texts and rewards; weights that move."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from byte_models import TURNS, save_byte_model
from transformers import AutoModelForCausalLM
from trl_training import letters, trained

import llm_envs
from llm_baselines.registry import make_agent

pytest.importorskip("trl")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_byte_model(tmp_path_factory.mktemp("model"), chat_template=TURNS)


CASES = {
    "openings": ("TextGen-v0", {"dataset": "openings", "separator": "\n", "max_prompt_tokens": 60}),
    "code": ("TextGen-Code-v0", {"separator": "\n", "reward": "bleu", "max_prompt_tokens": 1000}),
    "translation": ("Translation-v0", {"chat_template": True, "max_prompt_tokens": 120}),
    "chat": ("Dialogue-Chat-v0", {"chat_template": True, "max_prompt_tokens": 400}),
}


def adapted(model, case, **more):
    env_id, options = CASES[case]
    keys = ("separator", "chat_template")
    tokenizer = {"id": f"hf:{model}", **{key: options[key] for key in keys if key in options}}
    arguments = {key: value for key, value in options.items() if key not in keys}
    return llm_envs.adapters.trl(
        env_id, **{"tokenizer": tokenizer, "max_new_tokens": 12, "examples": range(6), **arguments, **more}
    )


def played(env, example, ids, seed=0):
    """The outcome of an episode in which an agent takes these tokens, as long as the episode lasts."""
    env.reset(seed=seed, options={"example": example})
    for token in ids:
        _, reward, terminated, _, info = env.step(token)
        if terminated:
            assert reward == info["outcome"]["reward"]
            return info["outcome"]
    raise AssertionError("the text did not end")


@pytest.mark.parametrize("case", CASES)
def test_a_model_reads_the_prompt_tokens_of_the_environment(model, case):
    task = adapted(model, case)
    for row in task.rows:
        observation, info = task.env.reset(seed=0, options={"example": row["example"]})
        assert (
            task.processing_class(text=row["prompt"])["input_ids"] == observation[observation >= 0].tolist()
        )
        assert info["source"] in row["prompt"]
    assert task.train_dataset.column_names == ["prompt", "example"]


def test_a_start_token_that_the_tokenizer_writes_itself_is_not_written_twice(tmp_path):
    task = adapted(save_byte_model(tmp_path, bos=True), "openings")
    observation, _ = task.env.reset(options={"example": 0})
    assert (
        task.processing_class(text=task.rows[0]["prompt"])["input_ids"]
        == observation[observation >= 0].tolist()
    )
    assert "<|bos|>" not in task.rows[0]["prompt"]


def test_a_prompt_that_the_model_reads_as_other_tokens_is_an_error(tmp_path):
    model = save_byte_model(tmp_path, merges=(("t", "Ċ"),))
    with pytest.raises(ValueError, match=r"reads 'The movie felt\\n' as other tokens .*'separator'"):
        adapted(model, "openings").rows  # noqa: B018
    assert len(adapted(model, "openings", tokenizer={"id": f"hf:{model}", "separator": ""}).rows) == 6


@pytest.mark.parametrize("case", CASES)
def test_a_completion_earns_what_the_environment_pays(model, case):
    task = adapted(model, case)
    encode, (end,) = task.env.tokenizer.encode, task.env.tokenizer.end_token_ids
    examples = task.task.examples
    texts = ["good dog", "", *(example.references[0] for example in examples[:3] if example.references)]
    completions = [[*encode(text), end] for text in texts]
    completions += [encode("a long good happy sentence")[:12], [*encode("good"), end, *encode("bad"), end]]
    rewards = task.reward_funcs(completion_ids=completions, example=list(range(len(completions))), prompts=[])
    assert rewards == [
        played(task.env, index, [*ids, end])["reward"] for index, ids in enumerate(completions)
    ]
    assert len(set(rewards)) > 1


def test_texts_and_messages_earn_what_their_tokens_earn(model):
    task = adapted(model, "openings")
    end = task.env.tokenizer.end_token_ids[0]
    texts = ["good", "awful", "a long good happy sentence"]
    by_ids = task.reward_funcs(
        completion_ids=[[*task.env.tokenizer.encode(text), end] for text in texts], example=[0, 1, 2]
    )
    assert task.reward_funcs(completions=texts, example=[0, 1, 2]) == by_ids
    messages = [[{"role": "assistant", "content": text}] for text in texts]
    assert task.reward_funcs(completions=messages, example=[0, 1, 2]) == by_ids


@pytest.mark.parametrize("name", ["RLOO", "GRPO"])
def test_trainers_of_one_turn_pay_the_rewards_of_the_environment(model, name, tmp_path):
    import trl

    task = adapted(model, "openings", reward=letters)
    seen = []

    def spy(completion_ids, example, **columns):
        rewards = task.reward_funcs(completion_ids=completion_ids, example=example, **columns)
        seen.extend(zip(completion_ids, example, rewards, strict=True))
        return rewards

    running, moved = trained(
        getattr(trl, f"{name}Trainer"), getattr(trl, f"{name}Config"), task, tmp_path, reward_funcs=spy
    )
    assert moved > 1e-3
    assert len(seen) == 24
    assert max(len(ids) for ids, _, _ in seen) == 12
    for ids, example, reward in seen:
        assert reward == played(task.env, example, ids)["reward"]
    means = [entry["reward"] for entry in running.state.log_history if "reward" in entry]
    assert means == pytest.approx(
        [np.mean([reward for *_, reward in seen[k : k + 8]]) for k in (0, 8, 16)], abs=1e-6
    )
    assert [entry["reward_components/letters"] for entry in running.state.log_history if "reward" in entry]


def test_a_trained_model_is_evaluated_by_lm_sample(model, tmp_path):
    from trl import RLOOConfig, RLOOTrainer

    task = adapted(model, "openings", reward=letters)
    running, _ = trained(RLOOTrainer, RLOOConfig, task, tmp_path, reward_funcs=task.reward_funcs)
    running.save_model(str(tmp_path / "out"))
    tokenizer = {"id": f"hf:{tmp_path / 'out'}", "separator": "\n"}
    env = gym.make(
        "TextGen-v0",
        dataset="openings",
        tokenizer=tokenizer,
        max_prompt_tokens=60,
        max_new_tokens=12,
        reward=letters,
        split="test",
    )
    assert env.unwrapped.tokenizer.content_hash == task.env.tokenizer.content_hash
    agent = make_agent("lm_sample", env, seed=0, config={"model": str(tmp_path / "out")})
    result = llm_envs.evaluate(agent, env, n_eval_episodes=4, seed=1)
    assert [row.reward for row in result.rows] == [
        played(env, row.example, row.action_ids)["reward"] for row in result.rows
    ]


def test_a_wider_head_does_not_write_tokens_that_are_not_there(tmp_path):
    model = save_byte_model(tmp_path)
    network = AutoModelForCausalLM.from_pretrained(model)
    network.resize_token_embeddings(network.config.vocab_size + 3)
    network.save_pretrained(model)
    task = adapted(model, "openings")
    size = task.task.vocabulary_size
    assert task.config["generation_kwargs"] == {"suppress_tokens": [size, size + 1, size + 2]}
    with pytest.raises(ValueError, match=r"outside the vocabulary.*processing_class"):
        task.reward_funcs(completion_ids=[[size]], example=[0])


def test_what_cannot_be_trained_is_said(model):
    with pytest.raises(ValueError, match="2 completions and 0 values of the column 'example'"):
        adapted(model, "openings").reward_funcs(completions=["a", "b"])
    with pytest.raises(ValueError, match=r"tokenizer=.*'word'.*pass tokenizer='hf:NAME_OR_FOLDER'"):
        llm_envs.adapters.trl("Translation-v0")
    with pytest.raises(ValueError, match="'CartPole-v1' is not an environment of this package"):
        llm_envs.adapters.trl("CartPole-v1")
    with pytest.raises(gym.error.Error, match="TextGen"):
        llm_envs.adapters.trl("TextGn-v0", tokenizer=f"hf:{model}")
