"""Language models as the scorers of TopKActions: by name, as an object, as a trained agent."""

from __future__ import annotations

import json
import pickle

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from hf_folders import TOKENS, save_model, save_tokenizer
from small_models import small_model

import llm_envs
from llm_baselines import TokenDQN
from llm_baselines.lm.build import build_language_model
from llm_envs.lm.model import LanguageModel, model_inputs
from llm_envs.lm.reader import LanguageModelScorer
from llm_envs.lm.scorer import make_scorer
from llm_envs.wrappers.top_k import TopKActions, TopKPolicy


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("models") / "llama", wider_by=3)


@pytest.fixture
def env(folder, tmp_path):
    return make_env(folder, tmp_path)


def make_env(tokenizer, tmp_path, **changes):
    path = tmp_path / "pairs.jsonl"
    sources = ["the dog sees", "a cat", "good", "the bird likes the", "sad", "a great dog"]
    rows = [{"source": source, "references": ["the dog"]} for source in sources * 4]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    options = {"max_prompt_tokens": 12, "max_new_tokens": 8, "reward": "repetition", **changes}
    return gym.make("TextGen-v0", dataset=f"file:{path}", tokenizer=f"hf:{tokenizer}", **options)


def read_at_once(lm, observation):
    """The log-probabilities of one uncached pass."""
    last = torch.as_tensor((observation >= 0).cumsum(axis=1).argmax(axis=1))
    with torch.no_grad():
        features = lm.features(model_inputs(observation))
        return lm.log_probs(features[torch.arange(len(last)), last]).numpy()


@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")
def test_by_name_it_shows_what_the_model_finds_likely(folder, env):
    wrapped = TopKActions(env, folder, 6)
    check_env(wrapped, skip_render_check=True)
    lm = build_language_model(folder, vocabulary_size=len(TOKENS), context_length=20)
    observation, _ = wrapped.reset(seed=0)
    for action in (1, 0, 2):
        scores = read_at_once(lm, observation["tokens"][None])[0]
        np.testing.assert_array_equal(observation["candidates"][:5], np.argsort(-scores)[:5])
        np.testing.assert_allclose(observation["log_probs"], scores[observation["candidates"]], atol=1e-4)
        observation, _, over, _, _ = wrapped.step(action)
        if over:
            observation, _ = wrapped.reset()


def test_a_model_by_name_that_is_trained_anew_is_read_anew(tmp_path):
    observation = np.array([[-1, 3, 4, 5]], np.int32)
    options = {"vocabulary_size": len(TOKENS), "context_length": 4}
    first = make_scorer(save_model(tmp_path), **options)
    scores, pickled = first(observation), pickle.dumps(first)
    second = make_scorer(save_model(tmp_path, intermediate_size=24), **options)
    assert second.identity != first.identity
    assert not np.allclose(second(observation), scores)
    np.testing.assert_array_equal(first(observation), scores)
    np.testing.assert_array_equal(pickle.loads(pickled)(observation), scores)


@pytest.mark.parametrize("family", ["llama", "gpt2", "mistral"])
def test_cached_rows_score_as_single_passes_whoever_ends_and_begins(family, tmp_path):
    folder = save_model(tmp_path / family, family)
    env = make_env(folder, tmp_path)
    many = llm_envs.vectorize(TopKActions(env, folder, 5), 6, autoreset_mode="SameStep")
    lm = build_language_model(folder, vocabulary_size=len(TOKENS), context_length=20)
    observation, _ = many.reset(seed=1)
    ended = 0
    for step in range(25):
        actions = np.random.default_rng(step).integers(5, size=6)
        observation, _, terminated, _, _ = many.step(actions)
        ended += terminated.sum()
        scores = read_at_once(lm, observation["tokens"])
        shown = np.take_along_axis(scores, observation["candidates"].astype(np.int64), axis=1)
        np.testing.assert_allclose(observation["log_probs"], shown, atol=1e-4)
    assert ended > 4


def test_rows_write_what_single_environments_write(folder, env):
    def play(made, seed):
        made.reset(seed=seed)
        for step in range(8):
            action = np.random.default_rng([seed, step]).integers(4)
            _, _, over, _, info = made.step(action)
            if over:
                return info["outcome"]["action_ids"]
        raise AssertionError("the budget is 8 tokens")

    alone = [play(TopKActions(env, folder, 4), seed) for seed in range(5)]
    many = llm_envs.vectorize(TopKActions(env, folder, 4), 5, autoreset_mode="Disabled")
    many.reset(seed=list(range(5)))
    together, over = [None] * 5, np.zeros(5, bool)
    for step in range(8):
        actions = np.array([np.random.default_rng([seed, step]).integers(4) for seed in range(5)])
        _, _, terminated, _, infos = many.step(np.where(over, llm_envs.WAIT, actions))
        for row in np.flatnonzero(terminated):
            together[row] = infos["outcome"]["action_ids"][row]
        over |= terminated
        if over.all():
            break
    assert together == alone


def test_the_model_reads_each_token_once(folder, env, monkeypatch):
    read = []
    trunk = LanguageModel.trunk.fget

    def counting(lm):
        def call(**inputs):
            read.append(tuple(inputs["input_ids"].shape))
            return trunk(lm)(**inputs)

        return call

    wrapped = TopKActions(env, folder, 4, end_token_ids=())
    monkeypatch.setattr(LanguageModel, "trunk", property(counting))
    many = llm_envs.vectorize(wrapped, 3, autoreset_mode="Disabled")
    observation, _ = many.reset(seed=0)
    del read[:]
    many.step((observation["candidates"] == 1).argmin(axis=1))  # no end token
    assert read == [(3, 1)]


def test_a_spec_with_a_name_is_json_and_a_pickle_holds_no_weights(folder, env):
    wrapped = TopKActions(env, folder, 4)
    first = wrapped.reset(seed=5)[0]
    again = gym.make(EnvSpec.from_json(wrapped.spec.to_json()))
    np.testing.assert_array_equal(again.reset(seed=5)[0]["candidates"], first["candidates"])
    stored = pickle.dumps(wrapped)
    assert len(stored) < 20_000
    copy = pickle.loads(stored)
    np.testing.assert_array_equal(copy.reset(seed=5)[0]["candidates"], first["candidates"])
    assert llm_envs.evaluate(First(), wrapped, 3).rows == llm_envs.evaluate(First(), copy, 3).rows


class First:
    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.zeros(len(observation["candidates"]), np.int64), state


def test_the_first_candidate_is_greedy_decoding(folder, env):
    from llm_baselines.registry import make_agent

    greedy = make_agent("lm_greedy", env, seed=0, device="cpu", config={"model": folder, "dtype": "float32"})
    wanted = [row.action_ids for row in llm_envs.evaluate(greedy, env, 6).rows]
    wrapped = TopKActions(env, folder, 4)
    assert [row.action_ids for row in llm_envs.evaluate(TopKPolicy(First(), wrapped), env, 6).rows] == wanted
    assert [row.action_ids for row in llm_envs.evaluate(First(), wrapped, 6).rows] == wanted


@pytest.mark.parametrize("q", ["head", "logits"])
def test_a_language_model_and_a_learning_agent_are_scorers(q):
    env = gym.make("TextGen-Tiny-v0")
    options = {"warm_start": False, "n_envs": 4, "learning_starts": 8, "batch_size": 4, "value_warmup": 0}
    options["exploration"] = "sample"
    if q == "head":
        del options["value_warmup"]
    agent = TokenDQN("nano", env, q=q, seed=0, device="cpu", dtype="float32", **options)
    wrapped = TopKActions(env, agent, 8)
    before = wrapped.reset(seed=0)[0]
    with torch.no_grad():
        scores = agent.scores(agent.acting_model().features(model_inputs(before["tokens"][None]))[:, -6])
    order = np.argsort(-scores[0].numpy())
    assert before["tokens"][3] >= 0 > before["tokens"][4]
    np.testing.assert_array_equal(before["candidates"], order)
    agent.learn(60)
    after = wrapped.reset(seed=0)[0]
    assert not np.allclose(before["log_probs"], after["log_probs"])
    frozen = TopKActions(env, agent.lm, 8).reset(seed=0)[0]
    np.testing.assert_allclose(np.exp(frozen["log_probs"]).sum(), 1, atol=1e-5)


def test_models_that_do_not_fit_are_refused(folder, env, tmp_path):
    with pytest.raises(ValueError, match=r"has a vocabulary of 36 tokens and the environment one of 8.*hf:"):
        TopKActions(gym.make("TextGen-Tiny-v0"), folder, 4)
    with pytest.raises(ValueError, match="cannot load 'no/such"):
        TopKActions(env, "no/such", 4)
    with pytest.raises(ValueError, match="unknown dtype='int8'"):
        TopKActions(env, folder, 4, dtype="int8")
    wide = make_env(folder, tmp_path, max_prompt_tokens=60)
    with pytest.raises(ValueError, match="reads 64 tokens and the environment's observations hold 68"):
        TopKActions(wide, folder, 4)
    narrow = tmp_path / "narrow"
    small_model("llama", 30, max_position_embeddings=64).save_pretrained(narrow)
    save_tokenizer(narrow)
    with pytest.raises(ValueError, match="head has 30 tokens and the environment 36"):
        TopKActions(env, str(narrow), 4)
    lm = LanguageModel(small_model("llama", 11), 11)
    with pytest.raises(ValueError, match="lm=LanguageModel scores 11 tokens and the environment has 36"):
        TopKActions(env, lm, 4)
    short = LanguageModel(small_model("llama", 36, max_position_embeddings=16), 36)
    with pytest.raises(ValueError, match="the model reads 16 tokens and the observations hold 20"):
        TopKActions(env, short, 4).reset(seed=0)


def test_a_model_with_as_many_but_other_tokens_is_refused(folder):
    class Shifted:
        vocabulary_size = len(TOKENS)

        def token(self, index):
            return TOKENS[index - 1]

    with pytest.raises(ValueError, match=r"does not read the environment's tokens: .* to it and .* here"):
        make_scorer(folder, vocabulary_size=len(TOKENS), context_length=20, tokenizer=Shifted())
    scorer = make_scorer(folder, vocabulary_size=len(TOKENS), context_length=20)
    seen = np.array([[-1, 3, 4, -1]], np.int32)
    assert scorer(seen).shape == (1, len(TOKENS))
    with pytest.raises(ValueError, match="is not a scorer"):
        make_scorer(None, vocabulary_size=3, context_length=20)


def test_forgetting_reads_changed_weights():
    lm = LanguageModel(small_model("llama", 11), 11)
    scorer = LanguageModelScorer(lm)
    seen = np.array([[-1, 3, 4, -1]], np.int32)
    before = scorer(seen)
    with torch.no_grad():
        lm.trunk.layers[0].mlp.down_proj.weight.add_(1.0)
    np.testing.assert_array_equal(scorer(seen), before)
    scorer.forget()
    assert not np.allclose(scorer(seen), before)
