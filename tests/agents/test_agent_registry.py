import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import llm_envs
from llm_baselines.agent import Agent, TrainableAgent
from llm_baselines.algorithms.sb3.settings import DQNConfig, PPOConfig
from llm_baselines.algorithms.token_dqn.head_network import HeadConfig
from llm_baselines.configuration.options import make_config, options_of, recorded_values, values_of
from llm_baselines.registry import AGENTS, agent_defaults, factory_of, list_agents, make_agent

TEMPLATE = Path(__file__).parents[2] / "agents" / "template"


@pytest.fixture
def env():
    return gym.make("TextGen-Tiny-v0")


def test_every_name_is_found(env):
    for name in list_agents():
        assert callable(factory_of(name))
        assert AGENTS[name].track in ("scratch", "demonstrations", "pretrained")
    assert agent_defaults("random", "TextGen-Tiny-v0") == {}


def test_random_agent(env):
    agent = make_agent("random", env, seed=0)
    assert isinstance(agent, Agent)
    assert agent.predict(np.zeros((5, 9), np.int32))[0].shape == (5,)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sb3_dqm", "did you mean 'sb3_dqn'"),
        ("no_such_module:factory", "no module 'no_such_module'"),
        ("llm_baselines.algorithms.sb3.dqn:SB3DQM", "did you mean 'SB3DQN'"),
        ("llm_baselines.configuration.options:option", "predict|option"),
    ],
)
def test_unknown_agents(env, name, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make_agent(name, env, seed=0)


def test_a_saved_agent_takes_no_configuration(env, tmp_path):
    with pytest.raises(ValueError, match="drop"):
        make_agent(str(tmp_path), env, seed=0, config={"body": "gru"})
    with pytest.raises(ValueError, match="not a saved agent"):
        make_agent(str(tmp_path), env, seed=0)


@pytest.mark.parametrize("cls", [DQNConfig, PPOConfig])
def test_every_option_has_help(cls):
    assert all(help_text for _, _, help_text in options_of(cls))
    assert make_config(cls, {"learning_rate": 1}).learning_rate == 1.0


def test_the_template_runs(env, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(TEMPLATE))
    monkeypatch.delitem(sys.modules, "my_agent", raising=False)
    agent = make_agent("my_agent:make_agent", env, seed=0, config={"temperature": 0.2})
    assert isinstance(agent, TrainableAgent)
    agent.learn(2000)
    assert agent.report.reward_calls > 300
    result = llm_envs.evaluate(agent, llm_envs.vectorize(env, 8, split="test"), 16)
    assert len(result.rows) == 16
    assert result.mean_reward >= 0.0
    agent.save(tmp_path / "mine")
    assert (tmp_path / "mine" / "my_agent.json").exists()


def test_a_later_option_keeps_record_names_until_it_is_used():
    defaults = agent_defaults("token_dqn", "Translation-v0", config={"q": "head"})
    assert defaults["polyak_tau"] == 0.05
    assert "priority_exponent" not in defaults
    assert "priority_exponent" in values_of(HeadConfig())
    used = recorded_values(HeadConfig(priority_exponent=0.6))
    assert used["priority_exponent"] == 0.6
    assert "optimality_tightening" not in used
