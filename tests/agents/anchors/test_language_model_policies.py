"""Language models as baselines: greedy, sampling, best of n; on `hf:` tokenizers and wider heads."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch
from hf_folders import TOKENS, save_model
from small_models import small_model

import llm_envs
from llm_baselines import TokenDQN
from llm_baselines.lm.build import build_language_model
from llm_baselines.registry import agent_defaults, make_agent
from llm_envs.lm.model import model_inputs

PADDING = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("model"), wider_by=PADDING)


@pytest.fixture(scope="module")
def env(folder, tmp_path_factory):
    texts = tmp_path_factory.mktemp("data") / "openings.csv"
    said = [f"{noun} {verb}" for noun in ("dog", "cat", "bird") for verb in ("sees", "likes")]
    texts.write_text("source\n" + "".join(f"{article} {rest}\n" for article in ("the", "a") for rest in said))
    return gym.make(
        "TextGen-v0",
        dataset=f"file:{texts}",
        tokenizer={"id": f"hf:{folder}", "separator": "", "end_tokens": ["<|end|>", "<|stop|>"]},
        reward="sentiment",
        metrics=[],
        max_prompt_tokens=4,
        max_new_tokens=8,
    )


def play(name, env, folder, seed=0, rows=3, episodes=9, **options):
    agent = make_agent(name, env, seed=seed, device="cpu", config={"model": folder, **options})
    return llm_envs.evaluate(agent, llm_envs.vectorize(env, rows), episodes, seed=1), agent


def test_greedy_is_what_transformers_generates(env, folder):
    result, agent = play("lm_greedy", env, folder, dtype="float32")
    task = env.unwrapped.task
    for row in result.rows:
        prompt = torch.tensor([task.prompt_tokens(llm_envs.Example(row.source))])
        ends, width = list(task.tokenizer.end_token_ids), len(TOKENS)
        generated = agent.lm.model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=8,
            do_sample=False,
            eos_token_id=ends,
            pad_token_id=ends[0],
            suppress_tokens=list(range(width, width + PADDING)),
        )
        assert generated[0, prompt.shape[1] :].tolist() == list(row.action_ids)


def test_samples_depend_on_the_seed_and_not_on_the_rows(env, folder):
    first, same = (play("lm_sample", env, folder, rows=rows)[0].rows for rows in (1, 5))
    assert first == same
    assert first != play("lm_sample", env, folder, seed=1)[0].rows
    greedy = play("lm_greedy", env, folder)[0].rows
    assert [r.text for r in greedy] == [r.text for r in play("lm_sample", env, folder, top_k=1)[0].rows]


def test_best_of_n_writes_its_best_sample_and_counts_all_tokens(env, folder):
    results = [play("lm_best_of_n", env, folder, n=n) for n in (1, 4, 16)]
    rewards = np.array([[row.reward for row in result.rows] for result, _ in results])
    assert (np.diff(rewards, axis=0) >= 0).all(), "the first samples are among the more"
    assert rewards[2].mean() > rewards[0].mean()
    assert results[2][1].tokens > 8 * results[0][1].tokens
    assert results[0][0].rows == play("lm_best_of_n", env, folder, rows=1, n=1)[0].rows


def test_the_best_of_n_wants_one_turn(folder):
    env = gym.make("Dialogue-v0", tokenizer=f"hf:{folder}")
    model = small_model("llama", len(TOKENS), max_position_embeddings=400)
    with pytest.raises(ValueError, match="writes one text to one prompt"):
        make_agent("lm_best_of_n", env, seed=0, device="cpu", config={"model": model})


def test_any_end_token_ends_a_text(env):
    stop = env.unwrapped.task.tokenizer.end_token_ids[1]
    env.reset(seed=0)
    _, _, terminated, _, info = env.step(stop)
    assert terminated
    assert info["outcome"]["finish_reason"] == "stop"


def test_a_wider_head_is_cut_and_a_narrower_one_is_refused(env, folder):
    lm = build_language_model(folder, vocabulary_size=len(TOKENS), context_length=12)
    observation, _ = env.reset(seed=0)
    features = lm.features(model_inputs(observation[None]))
    assert lm.log_probs(features).shape[-1] == len(TOKENS)
    assert lm.log_probs(features).exp().sum(-1).mean().item() == pytest.approx(1.0, abs=1e-5)
    with pytest.raises(ValueError, match=rf"has {len(TOKENS) - 3} tokens and the environment {len(TOKENS)}"):
        make_agent("lm_greedy", env, seed=0, config={"model": small_model("llama", len(TOKENS) - 3)})


def test_models_that_are_no_causal_lm_are_refused(tmp_path):
    from transformers import BertConfig, BertForMaskedLM, LlamaForSequenceClassification

    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = small_model("llama", 11).config
    LlamaForSequenceClassification(config).save_pretrained(tmp_path / "classifier")
    with pytest.raises(ValueError, match=r"is no causal LM: it has no weights for lm_head\.weight"):
        build_language_model(str(tmp_path / "classifier"), vocabulary_size=11, context_length=8)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        options = BertConfig(vocab_size=11, max_position_embeddings=32, initializer_range=0.5, **sizes)
        bert = BertForMaskedLM(options)
    with pytest.raises(ValueError, match=r"no causal language model|changes its logits"):
        build_language_model(bert, vocabulary_size=11, context_length=8)


def test_unknown_options_are_refused_and_defaults_are_told(env, folder):
    assert agent_defaults("lm_sample", "TextGen-v0")["temperature"] == 1.0
    with pytest.raises(ValueError, match=r"unknown option 'topk'.*did you mean 'top_k'"):
        make_agent("lm_sample", env, seed=0, config={"model": folder, "topk": 3})
    with pytest.raises(ValueError, match="n=0 must be at least 1"):
        make_agent("lm_best_of_n", env, seed=0, config={"model": folder, "n": 0})


@pytest.mark.parametrize("q", ["logits", "head"])
def test_token_dqn_trains_an_adapter_on_a_padded_head(q, env, folder):
    options = {"n_envs": 4, "batch_size": 4, "eval_freq": 0, "top_k": 5, "support_top_k": 5 * (q == "head")}
    agent = TokenDQN(folder, env, device="cpu", q=q, adapter="lora", **options).learn(100)
    assert agent.report.gradient_steps > 0
    for t in agent.replay.newest(100):
        assert t.tokens.max() < len(TOKENS)


def test_a_reward_made_for_the_ids_own_data_is_not_used_on_other_data(env, folder):
    config = {"model": folder, "n_envs": 4, "batch_size": 4, "eval_freq": 0}
    openings = gym.make(
        "TextGen-v0",
        dataset="openings",
        tokenizer={"id": f"hf:{folder}", "separator": ""},
        max_prompt_tokens=40,
        max_new_tokens=4,
    )
    agent = make_agent("token_dqn", openings, seed=0, device="cpu", config=config)
    assert agent.config.reward is None
    agent.learn(16)
    assert agent.config.supervised == {}
    assert agent.config.train_dataset == ""
    assert agent_defaults("token_dqn", "TextGen-v0")["train_dataset"] == "poem-requests"
