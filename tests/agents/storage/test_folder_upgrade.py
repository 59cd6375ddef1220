"""What was trained with format 1 is still loaded, resumed and evaluated."""

from __future__ import annotations

import json
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from tiny_agents import equal, make, observations

from llm_baselines.registry import make_agent
from llm_baselines.storage.agent_folder import AgentFolderError, read_agent_folder
from llm_baselines.storage.rotation import newest_checkpoint
from llm_baselines.storage.sealed_folder import MANIFEST, seal
from llm_benchmarks.commands.app import main
from llm_benchmarks.run.trained_folder import read_report, read_training

TINY = "TextGen-Tiny-v0"
SB3 = {"embedding_dim": 16, "layers": 1, "n_envs": 4, "batch_size": 16, "learning_starts": 40, "eval_freq": 0}
RUN_FIELDS = ("spec", "format", "tokens")


def whole_config(spec):
    """Format 1 kept the settings among the options, and the model beside them."""
    config = {**spec["agent"]["config"], **spec["agent"]["settings"]}
    config.pop("model", None)
    return config


def former_agent(content):
    """agent.json as format 1 had it."""
    spec = content["spec"]
    model = {"model": spec["agent"]["config"]["model"]} if "model" in spec["agent"]["config"] else {}
    return {
        **{name: value for name, value in content.items() if name not in RUN_FIELDS},
        **model,
        "format": 1,
        "agent": spec["agent"]["name"],
        "env_id": spec["environment"]["id"],
        "env_kwargs": {**spec["environment"]["kwargs"], "split": "train"},
        "seed": spec["training"]["seed"],
        "timesteps": spec["training"]["total_timesteps"],
        "config": whole_config(spec),
        "reward_signature": spec["training"]["reward"]["signature"],
    }


def former_checkpoint(state, *, agent):
    """The state of a checkpoint as format 1 had it."""
    spec = state["spec"]
    environment = {"env_id": spec["environment"]["id"], "env_kwargs": spec["environment"]["kwargs"]}
    named = {"agent": agent, "total_timesteps": spec["training"]["total_timesteps"]} if agent else {}
    return {
        **{name: value for name, value in state.items() if name not in RUN_FIELDS},
        **named,
        "seed": spec["training"]["seed"],
        "environment": {**environment, **state["tokens"]},
        "config": whole_config(spec),
    }


def rewrite(path, change):
    """Changes a JSON file and seals its folder again."""
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    (path.parent / MANIFEST).unlink()
    seal(path.parent)


@pytest.mark.parametrize("name", ["logits", "sb3_dqn"])
def test_an_agent_of_format_1_loads_as_it_was_saved(name, tmp_path):
    env = gym.make(TINY)
    agent = make("logits") if name == "logits" else make_agent(name, env, seed=3, device="cpu", config=SB3)
    agent.save(tmp_path / "agent")
    kept = read_agent_folder(tmp_path / "agent").spec
    rewrite(tmp_path / "agent" / "agent.json", former_agent)
    kept = replace(kept, agent=replace(kept.agent, track="scratch"))  # format 1 did not say the track
    assert read_agent_folder(tmp_path / "agent").spec.identity() == kept.identity()
    loaded = make_agent(str(tmp_path / "agent"), env, seed=0, device="cpu")
    assert type(loaded) is type(agent)
    assert loaded.config == agent.config
    assert equal(read_agent_folder(tmp_path / "agent").weights, stored(loaded))


@pytest.mark.parametrize("name", ["logits", "head"])
def test_an_agent_from_before_groups_and_scales_loads_as_it_was_saved(name, tmp_path):
    agent = make(name).learn(100)
    agent.save(tmp_path / "agent")
    later = {"baseline", "reuse", "reward_scale", "group_size", "visits", "credit", "taper", "target_scale"}

    def former(content):
        config = content["spec"]["agent"]["config"]
        config = {k: v for k, v in config.items() if k not in later} | {"gradient_steps": 4}
        content["spec"]["agent"]["config"] = config
        content["state"] = {k: v for k, v in content["state"].items() if k in ("updates", "tau")} | {
            "tokens_per_episode": 3.0
        }
        return content

    weights = tmp_path / "agent" / "weights.safetensors"
    tensors = load_file(weights)
    tensors.pop("_scale", None)
    save_file(tensors, weights)
    rewrite(tmp_path / "agent" / "agent.json", former)
    loaded = make_agent(str(tmp_path / "agent"), gym.make(TINY), seed=0, device="cpu")
    assert equal({k: v for k, v in stored(loaded).items() if k in tensors}, tensors)
    seen = observations(gym.make(TINY))
    if name == "logits":
        np.testing.assert_array_equal(*(a.predict(seen, deterministic=True)[0] for a in (agent, loaded)))


def stored(agent):
    """The tensors that an agent writes."""
    return agent.policy.state_dict() if agent.name == "sb3_dqn" else agent.stored_tensors()


def test_a_field_of_format_1_of_the_wrong_form_is_named(tmp_path):
    make("logits").save(tmp_path / "agent")
    rewrite(tmp_path / "agent" / "agent.json", lambda content: {**former_agent(content), "seed": "0"})
    with pytest.raises(AgentFolderError, match=r"agent.json': seed: '0' is not a seed"):
        read_agent_folder(tmp_path / "agent")


def test_a_later_format_is_refused_by_its_number(tmp_path):
    make("logits").save(tmp_path / "agent")
    rewrite(tmp_path / "agent" / "agent.json", lambda content: {**content, "format": 3})
    with pytest.raises(AgentFolderError, match="has format 3; this version reads 1 and 2"):
        read_agent_folder(tmp_path / "agent")


def test_a_language_agent_resumes_from_a_checkpoint_of_format_1(tmp_path):
    options = {"warm_start": False}
    begun = make("logits", **options).learn(150, run_folder=tmp_path)
    place = newest_checkpoint(tmp_path / "resume")
    rewrite(place / "state.json", lambda state: former_checkpoint(state, agent="token_dqn"))
    with pytest.raises(AgentFolderError, match=r"trained with batch_size=8, not 4"):
        make("logits", batch_size=4, **options).learn(150, run_folder=tmp_path, resume=True)
    resumed = make("logits", **options).learn(150, run_folder=tmp_path, resume=True)
    assert resumed.num_timesteps == begun.num_timesteps
    assert "spec" in json.loads((newest_checkpoint(tmp_path / "resume") / "state.json").read_text())


def test_an_sb3_agent_resumes_from_a_checkpoint_of_format_1(tmp_path):
    env = gym.make(TINY)

    def made(**changes):
        return make_agent("sb3_dqn", env, seed=0, device="cpu", config={**SB3, **changes})

    made().learn(80, run_folder=tmp_path)
    place = newest_checkpoint(tmp_path / "resume")
    rewrite(
        place / "state.json",
        lambda whole: {**whole, "state": former_checkpoint(whole["state"], agent=None)},
    )
    with pytest.raises(AgentFolderError, match=r"trained with batch_size=16, not 8"):
        made(batch_size=8).learn(120, run_folder=tmp_path, resume=True)
    assert made().learn(120, run_folder=tmp_path, resume=True).report.environment_steps >= 120


def test_a_training_report_of_format_1_is_read_and_resumed(tmp_path):
    out = tmp_path / "out"
    words = ["train", "--env", TINY, "--agent", "unigram", "--out", str(out), "--total-timesteps", "20"]
    assert main(words) == 0
    today = read_report(out)
    content = json.loads((out / "training.json").read_text())
    spec, training = content["spec"], content["spec"]["training"]
    former = {
        **{name: content[name] for name in ("status", "report", "files", "started_at", "finished_at")},
        "format": 1,
        "env": spec["environment"]["id"],
        "env_kwargs": spec["environment"]["kwargs"],
        "agent": spec["agent"]["name"],
        "entry_point": spec["agent"]["entry_point"],
        "config": whole_config(spec),
        "reward": training["reward"]["spec"],
        "reward_timing": training["reward_timing"],
        "training_reward": training["reward"],
        "seed": training["seed"],
        "total_timesteps": training["total_timesteps"],
        "track": spec["agent"]["track"],
    }
    (out / "training.json").write_text(json.dumps(former))
    assert read_training(out) == today
    assert main([*words, "--resume"]) == 0
    assert json.loads((out / "training.json").read_text())["spec"] == spec
