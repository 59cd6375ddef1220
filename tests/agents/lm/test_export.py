"""What is exported is everyone's: it loads without this package and writes the same tokens."""

from __future__ import annotations

import json
import subprocess
import sys

import gymnasium as gym
import pytest
import torch
from hf_folders import save_model
from huggingface_hub import ModelCard
from token_worlds import World
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

import llm_envs
from llm_baselines import TokenDQN
from llm_baselines.algorithms.rloo import RLOO

GENERATE = """
import json, sys
from transformers import AutoModelForCausalLM, AutoTokenizer

assert not any(name.startswith("llm_") for name in sys.modules)
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
for prompt in json.load(sys.stdin):
    inputs = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
    ids = model.generate(**inputs, max_new_tokens=8, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    print(json.dumps(ids.tolist()))
"""
OPTIONS = {"n_envs": 8, "learning_rate": 2e-2, "eval_freq": 100, "n_eval_episodes": 4}
DQN = {**OPTIONS, "batch_size": 8, "value_warmup": 1}


def environment(folder, tmp_path):
    texts = tmp_path / "openings.csv"
    nouns = ("dog", "cat", "bird", "dog sees")
    texts.write_text("source\n" + "".join(f"{d} {n}\n" for d in ("the", "a") for n in nouns))
    return gym.make(
        "TextGen-v0",
        dataset=f"file:{texts}",
        tokenizer={"id": f"hf:{folder}", "separator": ""},
        reward="sentiment",
        max_prompt_tokens=4,
        max_new_tokens=8,
    )


@pytest.mark.parametrize(
    ("cls", "family", "options"),
    [
        (TokenDQN, "llama", {**DQN, "adapter": "lora"}),
        (TokenDQN, "gpt2", {**DQN, "adapter": "lora", "dtype": "bfloat16"}),
        (TokenDQN, "llama", DQN),
        (RLOO, "llama", {**OPTIONS, "adapter": "lora", "dtype": "float32"}),
    ],
)
def test_another_process_loads_it_and_writes_the_same_greedy_tokens(cls, family, options, tmp_path):
    dtype = torch.bfloat16 if options.get("dtype") == "bfloat16" else None
    folder = save_model(tmp_path / "base", family, wider_by=3, dtype=dtype)
    env = environment(folder, tmp_path)
    agent = cls(folder, env, seed=0, device="cpu", **options).learn(200)
    result = llm_envs.evaluate(agent, llm_envs.vectorize(env, 1, metrics=["distinct"]), 5)
    agent.export(tmp_path / "out" / "exported", result, split="train")
    sources = [row.source for row in result.rows]
    ran = subprocess.run(
        [sys.executable, "-I", "-c", GENERATE, str(tmp_path / "out" / "exported")],
        input=json.dumps(sources),
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert [json.loads(line) for line in ran.stdout.splitlines()] == [list(r.action_ids) for r in result.rows]

    card = ModelCard.load(tmp_path / "out" / "exported" / "README.md")
    scores = {r.metric_type: r.metric_value for r in card.data.eval_results}
    assert scores["mean_reward"] == pytest.approx(result.mean_reward, abs=1e-6)
    assert scores.keys() == {"mean_reward", *result.metrics}
    assert {r.dataset_split for r in card.data.eval_results} == {"train"}
    assert card.data.to_dict()["library_name"] == "transformers"
    with pytest.raises(ValueError, match="is not empty; export into a new folder"):
        agent.export(tmp_path / "out" / "exported")


def test_export_lists_the_vocabulary_and_the_training_evaluation(tmp_path):
    env = gym.make("TextGen-Tiny-v0")
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    agent = TokenDQN(small, env, device="cpu", warm_start=False, **DQN).learn(150)
    agent.export(tmp_path / "exported")
    words = json.loads((tmp_path / "exported" / "vocabulary.json").read_text())
    assert words == [env.unwrapped.task.tokenizer.token(i) for i in range(8)]
    card = ModelCard.load(tmp_path / "exported" / "README.md")
    found = {r.metric_type: r.metric_value for r in card.data.eval_results}
    scores = {row["timesteps"]: row["eval/mean_reward"] for row in agent.report.curve}
    kept = agent.report.kept_timesteps
    assert found["mean_reward"] == pytest.approx(scores[max(scores) if kept is None else kept], abs=1e-6)
    assert {r.dataset_split for r in card.data.eval_results} == {"validation"}


def test_the_card_has_the_score_of_the_weights_that_are_exported(tmp_path):
    env = gym.make("TextGen-Tiny-v0")
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    agent = TokenDQN(small, env, device="cpu", warm_start=False, **DQN).learn(50)
    row = agent.report.curve[-1]
    scores = {10: 0.25, 20: 0.75, 30: 0.5}
    agent.report.curve[:] = [
        {**row, "timesteps": t, "eval/mean_reward": score} for t, score in scores.items()
    ]
    for kept in (20, None):
        agent.report.kept_timesteps = kept
        agent.export(tmp_path / str(kept))
        card = ModelCard.load(tmp_path / str(kept) / "README.md")
        found = {r.metric_type: r.metric_value for r in card.data.eval_results}
        assert found["mean_reward"] == scores[kept or 30]


def test_a_q_head_is_no_language_model(tmp_path):
    agent = TokenDQN({"hidden_size": 16, "num_attention_heads": 2}, World(), device="cpu", q="head")
    with pytest.raises(ValueError, match="the policy is a Q head's"):
        agent.export(tmp_path / "exported")
    assert not (tmp_path / "exported").exists()


def test_what_a_folder_holds_besides_is_written_too(tmp_path):
    """Several chat templates lie in a folder of their own; sampling values need no sampling."""
    folder = save_model(tmp_path / "base")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = {"default": "{{ messages[0].content }}", "tool_use": "tools"}
    tokenizer.save_pretrained(folder)
    GenerationConfig(temperature=0.6, top_p=0.9, do_sample=True).save_pretrained(folder)
    settings = json.loads((tmp_path / "base" / "generation_config.json").read_text())
    (tmp_path / "base" / "generation_config.json").write_text(json.dumps({**settings, "do_sample": False}))
    agent = RLOO(folder, environment(folder, tmp_path), **OPTIONS)
    agent.export(tmp_path / "exported")
    again = AutoTokenizer.from_pretrained(tmp_path / "exported")
    assert set(again.chat_template) == {"default", "tool_use"}
    AutoModelForCausalLM.from_pretrained(tmp_path / "exported")


def test_the_tokenizer_of_a_vector_environment_comes_along(tmp_path):
    folder = save_model(tmp_path / "base")
    envs = llm_envs.vectorize(environment(folder, tmp_path), 2, autoreset_mode="Disabled")
    RLOO(folder, envs, **{**OPTIONS, "eval_freq": 0}).export(tmp_path / "exported")
    assert AutoTokenizer.from_pretrained(tmp_path / "exported").eos_token == "<|end|>"
    ends = json.loads((tmp_path / "exported" / "generation_config.json").read_text())["eos_token_id"]
    assert ends == list(envs.unwrapped.task.tokenizer.end_token_ids)
