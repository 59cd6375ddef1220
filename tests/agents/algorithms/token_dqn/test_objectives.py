"""Which options belong to which objective, in calls, tables, records and folders."""

from __future__ import annotations

from dataclasses import fields

import gymnasium as gym
import pytest
from token_worlds import SMALL, World

from llm_baselines import TokenDQN
from llm_baselines.algorithms.token_dqn.config import TokenDQNConfig
from llm_baselines.algorithms.token_dqn.head_network import HeadConfig
from llm_baselines.algorithms.token_dqn.logits_network import LogitsConfig
from llm_baselines.algorithms.token_dqn.objective_choice import options_only_of
from llm_baselines.configuration.options import values_of
from llm_baselines.registry import (
    agent_defaults,
    applicable_config,
    check_config,
    complete_config,
    make_agent,
)

OF_LOGITS = {"tau": 0.1, "value_steps": 0, "max_distance": 0.0}
OF_HEADS = {"double": True, "n_steps": 1, "head_scale": 0.05}


def test_an_option_belongs_to_one_objective_or_to_both():
    logits, head = options_only_of("logits"), options_only_of("head")
    assert not logits & head
    assert logits >= OF_LOGITS.keys()
    assert head >= OF_HEADS.keys()
    shared = {field.name for field in fields(TokenDQNConfig)}
    assert values_of(LogitsConfig()).keys() == shared | logits
    assert values_of(HeadConfig()).keys() == shared | head


@pytest.mark.parametrize(
    ("q", "own", "other"), [("logits", OF_LOGITS, OF_HEADS), ("head", OF_HEADS, OF_LOGITS)]
)
def test_an_option_of_the_other_objective_is_an_error_in_every_call(q, own, other):
    check_config("token_dqn", {"q": q, **own}, agent_defaults("token_dqn", "TextGen-v0", config={"q": q}))
    for name, value in other.items():
        with pytest.raises(ValueError, match=rf"{name} is an option of q=.*; with q=.{q}. leave"):
            TokenDQN(SMALL, World(), device="cpu", q=q, **{name: value})
        with pytest.raises(ValueError, match=f"{name} is an option of q="):
            check_config("token_dqn", {name: value, "q": q}, {})


@pytest.mark.parametrize(("q", "usual"), [("logits", "sample"), ("head", "epsilon_greedy")])
def test_defaults_are_those_of_the_objective_that_is_chosen(q, usual):
    defaults = agent_defaults("token_dqn", "Dialogue-v0", config={"q": q})
    assert (defaults["q"], defaults["exploration"]) == (q, usual)
    assert defaults["eval_freq"] == 50000, "the table's"
    assert ("tau" in defaults) == (q == "logits")
    assert ("double" in defaults) == (q == "head")
    complete = complete_config("token_dqn", "Dialogue-v0", defaults)
    assert applicable_config("token_dqn", complete) == complete


def test_a_table_for_the_logits_is_cut_to_what_the_head_has():
    config = {"model": SMALL, "q": "head"}
    agent = make_agent("token_dqn", gym.make("Dialogue-v0"), seed=0, device="cpu", config=config)
    assert agent.config.eval_freq == 50000
    assert agent.config.exploration == "epsilon_greedy"


@pytest.mark.parametrize(("q", "other"), [("logits", OF_HEADS), ("head", OF_LOGITS)])
def test_a_record_that_says_all_options_equals_one_that_says_its_own(q, other):
    defaults = agent_defaults("token_dqn", "TextGen-v0", config={"q": q})
    assert applicable_config("token_dqn", {**defaults, **other}) == defaults


def test_options_of_play_are_none_of_the_supervised_agents():
    defaults = agent_defaults("supervised", "TextGen-v0")
    earlier = {"reward": None, "reward_timing": None, "train_dataset": "", "warm_start": True}
    assert not defaults.keys() & earlier.keys()
    assert applicable_config("supervised", {**defaults, **earlier}) == defaults
    for name, value in earlier.items():
        with pytest.raises(ValueError, match=f"{name}=.* is for agents that play"):
            check_config("supervised", {name: value}, defaults)
