"""LoRA: the base stays as it is, what acts is the sum, and only the adapter is written down."""

from __future__ import annotations

import json

import gymnasium as gym
import numpy as np
import pytest
import torch
from small_models import small_model
from tiny_agents import equal
from token_worlds import Talk, World
from transformers import AutoModelForCausalLM, SmolLM3Config

from llm_baselines import TokenDQN
from llm_baselines.algorithms.rloo import RLOO
from llm_baselines.lm.adapters import LORA_FROM, MergedActor, choose_adapter, with_lora
from llm_baselines.lm.precision import DTYPES, choose_dtype
from llm_baselines.registry import make_agent
from llm_baselines.storage.agent_folder import AgentFolderError
from llm_baselines.storage.rotation import newest_checkpoint
from llm_envs.lm.model import LanguageModel, alike, model_inputs
from llm_envs.lm.reader import Reader

V = 8
ENV = "llm_envs:TextGen-Tiny-v0"
OPTIONS = {"adapter": "lora", "lora_rank": 4, "n_envs": 8, "eval_freq": 60, "n_eval_episodes": 6}
TOKEN_DQN = {**OPTIONS, "batch_size": 8, "learning_rate": 1e-2, "warm_start": False}
AGENTS = {
    "logits": (TokenDQN, {**TOKEN_DQN, "value_warmup": 1}),
    "head": (TokenDQN, {**TOKEN_DQN, "q": "head", "support_top_k": 5}),
    "rloo": (RLOO, {**OPTIONS, "learning_rate": 1e-2}),
}


def base_model(family="llama", dtype=torch.float32):
    return LanguageModel(small_model(family, V).to(dtype), V)


def moved(lm, size=0.3):
    """The adapter as training may leave it."""
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(3)
        for name, parameter in lm.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=size)
    return lm


def some_inputs():
    rng = np.random.default_rng(0)
    observation = rng.integers(V, size=(5, 9)).astype(np.int32)
    observation[:3, :2] = -1
    return observation


@torch.no_grad()
def log_probs(lm, observation):
    return lm.log_probs(lm.features(model_inputs(observation))[observation >= 0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A trained model in a folder."""
    place = tmp_path_factory.mktemp("model")
    small_model("llama", 8).save_pretrained(place)
    return str(place)


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2"])
def test_the_actor_equals_the_learner_only_after_refresh(family):
    base = base_model(family)
    identity, seen = base.identity(), some_inputs()
    learner = with_lora(base, rank=4, alpha=8)
    actor = MergedActor(base, learner)
    assert torch.equal(log_probs(learner, seen), log_probs(base, seen))
    assert torch.equal(log_probs(actor.lm, seen), log_probs(base, seen))
    moved(learner)
    assert torch.equal(log_probs(actor.lm, seen), log_probs(base, seen)), "until it is made anew"
    actor.refresh()
    assert not torch.allclose(log_probs(learner, seen), log_probs(base, seen), atol=0.1)
    torch.testing.assert_close(log_probs(actor.lm, seen), log_probs(learner, seen), rtol=0, atol=1e-4)
    assert base.identity() == identity


def test_merging_a_hundred_times_wears_nothing_away():
    base = base_model(dtype=torch.bfloat16)
    identity, learner = base.identity(), with_lora(base, rank=4, alpha=8)
    actor = MergedActor(base, learner)
    pristine = actor.lm.identity()
    for _ in range(100):
        moved(learner)
        actor.refresh()
        assert actor.lm.identity() != pristine
        with torch.no_grad():
            for name, parameter in learner.named_parameters():
                if "lora_" in name:
                    parameter.zero_()
        actor.refresh()
    assert actor.lm.identity() == pristine
    assert base.identity() == identity


def test_only_the_small_matrices_are_the_learners_own():
    base = base_model()
    learner = with_lora(base, rank=4, alpha=8)
    actor = MergedActor(base, learner)
    own = {id(p) for p in base.parameters()}
    assert {n for n, p in learner.named_parameters() if p.requires_grad} == {
        n for n, p in learner.named_parameters() if id(p) not in own
    }
    assert all(p.dtype == torch.float32 for p in learner.parameters() if p.requires_grad)
    merged = [n for n, p in actor.lm.named_parameters() if id(p) not in own]
    assert sorted({n.split(".")[-2] for n in merged}) == ["down_proj", "o_proj", "q_proj", "v_proj"]


def test_layers_that_cannot_be_adapted_are_named():
    with pytest.raises(ValueError, match=r"lora_target_modules=\['nothing'\].*'llama'"):
        with_lora(base_model(), rank=2, alpha=2, target_modules=["nothing"])
    with pytest.raises(ValueError, match="head over the vocabulary is not adapted"):
        with_lora(base_model(), rank=2, alpha=2, target_modules=["lm_head"])


def test_auto_is_lora_from_a_size_on():
    assert choose_adapter("auto", LORA_FROM - 1) == "none"
    assert choose_adapter("auto", LORA_FROM) == "lora"
    assert choose_adapter("none", LORA_FROM) == "none"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_the_merged_actor_reads_ragged_turns_from_its_cache(family, dtype):
    base = base_model(family, dtype)
    learner = moved(with_lora(base, rank=4, alpha=8), 0.1)
    actor = MergedActor(base, learner).lm
    reader, env = Reader(actor), [Talk(4, steps=5) for _ in range(6)]
    assert reader.cached
    observation = np.stack([e.reset(seed=i)[0] for i, e in enumerate(env)])
    for action in (1, 2, 3, 1):
        observation = np.stack([e.step(action)[0] for e in env])
        last = observation.shape[1] - 1 - (observation >= 0)[:, ::-1].argmax(axis=1)
        with torch.no_grad():
            wanted = actor.features(model_inputs(observation))[np.arange(6), last]
        assert alike(reader.read(observation), wanted)


@pytest.mark.parametrize("name", list(AGENTS))
def test_saved_it_is_the_adapter_and_the_bases_identity(name, folder, tmp_path):
    cls, options = AGENTS[name]
    env = gym.make(ENV)
    agent = cls(folder, env, seed=0, device="cpu", **options).learn(200)
    agent.save(tmp_path / "agent")
    described = json.loads((tmp_path / "agent" / "agent.json").read_text())
    assert described["spec"]["agent"]["config"]["adapter"] == "lora"
    assert described["reference_identity"] == agent.base.identity()
    stored = agent.stored_tensors()
    assert any("lora_" in key for key in stored)
    base = sum(p.numel() for p in agent.base.parameters())
    held = sum(t.numel() for k, t in stored.items() if "lora_" not in k and "value" not in k)
    assert held < base / 2
    loaded = make_agent(str(tmp_path / "agent"), env, seed=0, device="cpu")
    assert equal(loaded.stored_tensors(), stored)
    observation = np.stack([env.reset(seed=i)[0] for i in range(8)])
    for deterministic in (True, False):
        np.testing.assert_array_equal(
            loaded.predict(observation, deterministic=deterministic)[0],
            agent.predict(observation, deterministic=deterministic)[0],
        )
    other = small_model("llama", 8)
    with torch.no_grad():
        other.lm_head.weight[0, 0] += 1
    with pytest.raises(AgentFolderError, match=r"trained from weights.*SHA-256.*, model="):
        cls.load(tmp_path / "agent", env, model=other)


def test_an_adapter_of_a_model_without_a_name_asks_for_it(tmp_path):
    agent = TokenDQN(small_model("llama", 8), gym.make(ENV), device="cpu", **TOKEN_DQN)
    agent.save(tmp_path / "agent")
    with pytest.raises(AgentFolderError, match=r"load\(\.\.\., model=\.\.\.\)"):
        TokenDQN.load(tmp_path / "agent", ENV)
    loaded = TokenDQN.load(tmp_path / "agent", ENV, model=small_model("llama", 8))
    assert loaded.reference_identity() == agent.reference_identity()


class Stop(Exception):
    pass


@pytest.mark.parametrize("name", list(AGENTS))
def test_interrupted_and_resumed_it_is_the_same_to_the_bit(name, folder, tmp_path):
    cls, options = AGENTS[name]
    options = {**options, "checkpoint_freq": 50, "dtype": "bfloat16"}

    def made():
        return cls(folder, gym.make(ENV), seed=0, device="cpu", **options)

    whole = made().learn(300, run_folder=tmp_path / "whole")

    def stop(variables, _):
        if variables["self"].num_timesteps > 160:
            raise Stop
        return True

    with pytest.raises(Stop):
        made().learn(300, run_folder=tmp_path / "broken", callback=stop)
    place = newest_checkpoint(tmp_path / "broken" / "resume")
    assert place is not None
    size = sum(path.stat().st_size for path in place.glob("network.safetensors"))
    assert name == "head" or size < 4 * sum(p.numel() for p in whole.base.parameters())
    resumed = made().learn(300, run_folder=tmp_path / "broken", resume=True)
    assert equal(resumed.stored_tensors(), whole.stored_tensors())
    for key, value in whole.optimizer.state_dict()["state"].items():
        for part, tensor in value.items():
            assert torch.equal(torch.as_tensor(resumed.optimizer.state_dict()["state"][key][part]), tensor)
    curves = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in a.report.curve] for a in (resumed, whole)
    ]
    assert curves[0] == curves[1]


def test_a_checkpoint_of_another_base_is_refused(folder, tmp_path):
    TokenDQN(folder, gym.make(ENV), seed=0, device="cpu", **TOKEN_DQN).learn(100, run_folder=tmp_path)
    other = small_model("llama", 8)
    with torch.no_grad():
        other.lm_head.weight[0, 0] += 1
    with pytest.raises(AgentFolderError, match="trained from another model: the SHA-256 of its reference"):
        TokenDQN(other, gym.make(ENV), seed=0, device="cpu", **TOKEN_DQN).learn(
            100, run_folder=tmp_path, resume=True
        )


@pytest.mark.parametrize("name", list(AGENTS))
def test_training_leaves_the_base_alone_and_acts_with_what_it_learned(name, folder):
    cls, options = AGENTS[name]
    agent = cls(folder, gym.make(ENV), seed=0, device="cpu", **{**options, "dtype": "bfloat16"})
    identity = agent.base.identity()
    acted = agent.acting_model().identity()
    agent.learn(200)
    assert agent.base.identity() == identity == agent.reference_identity()
    assert agent.acting_model().identity() != acted
    assert next(agent.base.parameters()).dtype == torch.bfloat16
    assert agent.report.parameters == sum(p.numel() for p in agent.network.parameters() if p.requires_grad)
    assert agent.report.parameters < agent.base.parameter_count or name == "head"


def test_after_an_interruption_the_agent_acts_with_its_latest_weights(folder, monkeypatch):
    options = {**TOKEN_DQN, "dtype": "float32", "value_warmup": 0, "reuse": 3.0}
    agent = TokenDQN(folder, gym.make(ENV), seed=0, device="cpu", **options)

    def dies(steps):
        if steps == 10:  # the first of three in its round
            raise KeyboardInterrupt

    monkeypatch.setattr(agent, "refresh_target", dies)
    with pytest.raises(KeyboardInterrupt):
        agent.learn(2000)
    assert agent.updates == 10
    found, learner, base = (
        log_probs(lm, some_inputs()) for lm in (agent.acting_model(), agent.lm, agent.base)
    )
    torch.testing.assert_close(found, learner, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(learner, base, rtol=1e-3, atol=1e-3)


def test_full_fine_tuning_keeps_float32_and_a_frozen_copy():
    model = small_model("llama", 4).to(torch.bfloat16)
    agent = TokenDQN(model, World(), device="cpu", n_envs=4, learning_rate=1e-2, value_warmup=0)
    assert agent.config.adapter == "none"
    assert agent.config.dtype == "float32"
    reference = agent.reference.identity()
    agent.learn(40)
    assert agent.reference.identity() == reference != agent.lm.identity()
    assert agent.acting_model() is agent.lm


def test_what_cannot_be_trained_so_is_refused():
    with pytest.raises(ValueError, match="'tiny' is fresh: give a folder"):
        TokenDQN("tiny", World(), device="cpu", adapter="lora")
    with pytest.raises(ValueError, match="dtype='bfloat16' is for a frozen base"):
        TokenDQN("tiny", World(), device="cpu", dtype="bfloat16")
    with pytest.raises(ValueError, match="unknown dtype='float16'; there are auto, float32, bfloat16"):
        TokenDQN("tiny", World(), device="cpu", dtype="float16")


def test_precision_is_probed_once_and_what_was_chosen_is_kept(folder):
    chosen = choose_dtype("auto", "cpu")
    assert chosen in DTYPES
    assert choose_dtype("auto", "cpu") == chosen
    assert choose_dtype("float32", "cpu") == "float32"
    agent = TokenDQN(folder, gym.make(ENV), device="cpu", **TOKEN_DQN)
    assert agent.config.dtype == chosen
    assert next(agent.base.parameters()).dtype == DTYPES[chosen]


def test_lora_adapts_all_linear_layers_of_an_unknown_architecture():
    options = {"vocab_size": 11, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "pad_token_id": 0}
    base = LanguageModel(AutoModelForCausalLM.from_config(SmolLM3Config(**options, **heads)), 11)
    learner = with_lora(base, rank=2, alpha=2)
    adapted = {name.split(".")[-1] for name, m in learner.model.named_modules() if hasattr(m, "lora_A")}
    assert adapted == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def test_a_model_that_an_adapter_froze_is_not_trained_whole():
    model = small_model("llama", V)
    RLOO(model, World(V), adapter="lora", dtype="float32")
    with pytest.raises(ValueError, match="every weight of the model is frozen"):
        RLOO(model, World(V), adapter="none")
