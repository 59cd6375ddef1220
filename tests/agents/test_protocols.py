"""Every registered agent keeps the protocols of `llm_baselines.agent`, and no learner is typed as Any."""

from __future__ import annotations

import ast
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import tiny_agents

import llm_baselines
from llm_baselines.agent import Agent, AgentFactory, Learner, ObservedAgent, TrainableAgent
from llm_baselines.configuration.plain_factory import PlainFactory
from llm_baselines.registry import factory_of, list_agents, load_agent, make_agent

LANGUAGE_AGENTS = ("token_dqn", "supervised", "rloo")
NEEDS_A_DOWNLOAD = ("lm_greedy", "lm_sample", "lm_best_of_n")
TYPED = ("agent", "learner")


@pytest.fixture
def env():
    return gym.make("TextGen-Tiny-v0")


def made(name, env):
    model = {"model": tiny_agents.SMALL} if name in (*LANGUAGE_AGENTS, *NEEDS_A_DOWNLOAD) else {}
    return make_agent(name, env, seed=0, device="cpu", config=model)


@pytest.mark.parametrize("name", list_agents())
def test_every_registered_agent_keeps_the_protocol_of_its_kind(name, env):
    factory, agent = factory_of(name), made(name, env)
    assert isinstance(factory, AgentFactory)
    assert isinstance(agent, Agent)
    assert isinstance(agent, TrainableAgent) == factory.trains
    if name in LANGUAGE_AGENTS:
        assert isinstance(agent, Learner)
    if factory.trains and name not in ("constant", "unigram"):
        assert isinstance(agent, ObservedAgent)


@pytest.mark.parametrize("name", list_agents())
def test_every_registered_factory_answers_for_its_options(name):
    factory = factory_of(name)
    defaults = factory.defaults("TextGen-v0")
    factory.check_config(defaults)
    complete = factory.complete_config("TextGen-v0", defaults)
    assert complete.keys() == defaults.keys()
    assert factory.applicable_config(complete) == complete
    assert (factory.suggested_timesteps("TextGen-v0") is None) == (not factory.trains)


class Last:
    """Somebody else's agent: it writes one token."""

    def __init__(self, env, seed, device, *, token: int = 0):
        self.token = token

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.full(len(observation), self.token), state


def make_last(env, seed, device, *, folder=None, token: int = 0):
    return Last(env, seed, device, token=token)


def makes_nothing(env, seed, device):
    return object()


@pytest.mark.parametrize(("make", "trains", "loads"), [(Last, False, False), (make_last, None, True)])
def test_a_plain_function_or_class_becomes_a_factory(make, trains, loads, env):
    factory = PlainFactory("mine", make)
    assert isinstance(factory, AgentFactory)
    assert factory(env, 0, token=3).predict(np.zeros((2, 9)))[0].tolist() == [3, 3]
    assert (factory.trains, factory.loads) == (trains, loads)
    assert factory.defaults("TextGen-v0") == {}
    assert factory.suggested_timesteps("TextGen-v0") is None
    assert factory.complete_config("TextGen-v0", {"token": 3}) == {"token": 3}
    assert factory.applicable_config({"token": 3}) == {"token": 3}
    factory.check_config({"token": 3})
    with pytest.raises(ValueError, match="agent 'mine': option 'token' is of type int, got 'x'"):
        factory.check_config({"token": "x"})
    with pytest.raises(ValueError, match="agent 'mine' has no training reward 'tuned'"):
        factory.defaults("TextGen-v0", "tuned")


def test_what_has_no_predict_is_refused_by_name(env):
    with pytest.raises(ValueError, match=r"'test_protocols:makes_nothing' returned .*no predict\(\)"):
        make_agent(f"{__name__}:makes_nothing", env, seed=0)
    with pytest.raises(ValueError, match="cannot be made from a folder"):
        load_agent(f"{__name__}:makes_nothing", Path("folder"), env, seed=0)


def annotations(tree):
    """(name, annotation) of every parameter and annotated assignment."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            yield node.arg, node.annotation, node.lineno
        elif isinstance(node, ast.AnnAssign):
            target = node.target
            name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
            yield name, node.annotation, node.lineno


def test_no_module_annotates_an_agent_or_a_learner_as_any():
    root = Path(llm_baselines.__file__).parent
    found = [
        f"{path.relative_to(root)}:{line}: {name}"
        for path in sorted(root.rglob("*.py"))
        for name, annotation, line in annotations(ast.parse(path.read_text(encoding="utf-8")))
        if name.strip("_") in TYPED and annotation is not None and ast.unparse(annotation) == "Any"
    ]
    assert not found, found
