"""Options per id, and which of them fit an environment with a reward or data of its own."""

from __future__ import annotations

import re

import gymnasium as gym
import pytest

import llm_envs
from llm_baselines.configuration.tables import AGENT_OPTIONS, OptionTables, chosen_design, fitting_options
from llm_baselines.registry import AGENTS, agent_defaults, factory_of, make_agent

TABLES = """
[another.default]
[third."TextGen-v0"]
a = 5
[one.default]
a = 1
b = 2
[one."TextGen-v0"]
b = 3
[one.default.tuned]
reward_timing = "dense"
[one."TextGen-v0".tuned]
b = 4
reward = "chrf"
[timesteps.demo.one]
default = 10
[timesteps.bench.one]
default = 20
"TextGen-v0" = 30
[timesteps.bench.third]
"TextGen-v0" = 40
"""


@pytest.fixture
def tables(tmp_path):
    (tmp_path / "tables.toml").write_text(TABLES)
    return OptionTables(tmp_path / "tables.toml")


def test_an_ids_own_table_lies_over_the_default(tables):
    assert tables.options("one", "TextGen-v0") == {"a": 1, "b": 3}
    assert tables.options("one", "Translation-v0") == {"a": 1, "b": 2}
    assert tables.options("another", "TextGen-v0") == {}
    tuned = {"a": 1, "b": 4, "reward": "chrf", "reward_timing": "dense"}
    assert tables.options("one", "TextGen-v0", "tuned") == tuned
    assert tables.options("one", "Translation-v0", "tuned") == {"a": 1, "b": 2, "reward_timing": "dense"}
    with pytest.raises(ValueError, match="no training reward 'tuned' on TextGen-v0"):
        tables.options("another", "TextGen-v0", "tuned")
    assert tables.timesteps("one", "TextGen-v0") == 30
    assert tables.timesteps("one", "Translation-v0", "demo") == 10
    with pytest.raises(ValueError, match=r"unknown size='dmo'.*did you mean 'demo'"):
        tables.timesteps("one", "TextGen-v0", "dmo")


def test_a_missing_entry_names_the_file_and_the_table_to_add(tables, tmp_path):
    file = re.escape(f"'{tmp_path / 'tables.toml'}'")
    with pytest.raises(ValueError, match=rf"{file} has no agent 'oen': add a table \[oen\] with factory"):
        tables.options("oen", "TextGen-v0")
    assert tables.options("third", "TextGen-v0") == {"a": 5}
    with pytest.raises(ValueError, match=rf"{file} has no options .* for Other-v0: .*\[third.\"Other-v0\"\]"):
        tables.options("third", "Other-v0")


def test_missing_training_steps_name_the_file_and_the_entry_to_add(tables, tmp_path):
    file = re.escape(f"'{tmp_path / 'tables.toml'}'")
    assert tables.timesteps("third", "TextGen-v0") == 40
    with pytest.raises(ValueError, match=rf'{file}.*"Other-v0" to the table \[timesteps.bench.third\]'):
        tables.timesteps("third", "Other-v0")
    with pytest.raises(ValueError, match=rf"{file} does not say how long agent 'another' trains"):
        tables.timesteps("another", "TextGen-v0")


def test_one_file_holds_the_options_of_registered_agents():
    configurable = {name for name in AGENTS if agent_defaults(name, "Other-v0")}
    assert configurable >= {"sb3_dqn", "token_dqn", "lm_greedy"}
    for name in configurable:
        assert AGENT_OPTIONS.options(name, "Other-v0") is not None


@pytest.mark.parametrize(
    ("kwargs", "kept"),
    [
        ({}, {"train_dataset", "temperature", "supervised"}),
        ({"dataset": "poems"}, {"train_dataset", "temperature", "supervised"}),
        ({"reward_timing": "dense"}, {"train_dataset", "temperature", "supervised"}),
        ({"reward": "bleu"}, {"temperature", "supervised"}),
        ({"dataset": "openings"}, set()),
    ],
)
def test_options_of_an_ids_own_data_go_when_it_is_replaced(kwargs, kept):
    options = {
        "train_dataset": "more",
        "temperature": 0.7,
        "supervised": {"train_fraction": 0.05},
        "lr": 1.0,
    }
    neutral = {"train_dataset": "", "temperature": 1.0, "supervised": {}}
    found = fitting_options(options, "TextGen-v0", kwargs)
    assert {name for name in options if found[name] != neutral.get(name)} == kept | {"lr"}
    assert found.keys() == options.keys()


def test_only_options_that_are_there_are_dropped():
    assert fitting_options({"lr": 1.0}, "TextGen-v0", {"reward": "bleu"}) == {"lr": 1.0}


@pytest.mark.parametrize(
    "kwargs",
    [{"reward": "chrf"}, {"reward_timing": "terminal"}, {"reward_timing": {"id": "shaped", "gamma": 1}}],
)
def test_a_tuned_design_replaces_no_reward_of_the_environment(kwargs):
    assert chosen_design({"reward": "tuned"}, "TextGen-v0", {}) == "tuned"
    assert chosen_design({"reward": "chrf"}, "TextGen-v0", kwargs) is None
    with pytest.raises(ValueError, match=f"'tuned' brings its own {next(iter(kwargs))}"):
        chosen_design({"reward": "tuned"}, "TextGen-v0", kwargs)


@pytest.mark.parametrize("name", ["sb3_dqn", "sb3_ppo", "token_dqn", "rloo"])
@pytest.mark.parametrize("env_id", llm_envs.list_envs())
def test_by_default_agents_train_on_the_ids_own_reward(name, env_id):
    options = agent_defaults(name, env_id)
    assert options["reward"] is None
    assert options["reward_timing"] is None
    assert options.get("gamma", 1.0) == 1.0


def test_a_tuned_reward_is_chosen_by_name():
    env = gym.make("Translation-v0")
    assert make_agent("sb3_dqn", env, seed=0).config.reward is None
    tuned = make_agent("sb3_dqn", env, seed=0, config={"reward": "tuned"})
    assert {entry["id"] for entry in tuned.config.reward} == {"bleu", "chrf"}
    assert tuned.config.reward_timing == "dense"
    assert tuned.config.gamma < 1
    for name in ("supervised", "token_dqn"):
        with pytest.raises(ValueError, match="no training reward 'tuned'"):
            agent_defaults(name, "Translation-v0", "tuned")


@pytest.mark.parametrize("name", sorted(AGENTS))
def test_agents_that_train_say_for_how_long(name):
    factory = factory_of(name)
    if hasattr(factory, "learn"):
        assert factory.suggested_timesteps("TextGen-v0", "demo") >= 0
        assert factory.suggested_timesteps("TextGen-v0", "bench") >= factory.suggested_timesteps(
            "TextGen-v0", "demo"
        )
