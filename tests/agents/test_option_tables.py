"""Options per id, and which of them fit an environment with a reward or data of its own."""

from __future__ import annotations

import pytest

from llm_baselines.option_tables import OptionTables, fitting_options
from llm_baselines.registry import AGENTS, load_factory

TABLES = """
[one.default]
a = 1
b = 2
[one."TextGen-v0"]
b = 3
[timesteps.demo.one]
default = 10
[timesteps.bench.one]
default = 20
"TextGen-v0" = 30
"""


@pytest.fixture
def tables(tmp_path):
    (tmp_path / "tables.toml").write_text(TABLES)
    return OptionTables(tmp_path / "tables.toml")


def test_an_ids_own_table_lies_over_the_default(tables):
    assert tables.options("one", "TextGen-v0") == {"a": 1, "b": 3}
    assert tables.options("one", "Translation-v0") == {"a": 1, "b": 2}
    assert tables.options("another", "TextGen-v0") == {}
    assert tables.timesteps("one", "TextGen-v0") == 30
    assert tables.timesteps("one", "Translation-v0", "demo") == 10
    with pytest.raises(ValueError, match=r"unknown size='dmo'.*did you mean 'demo'"):
        tables.timesteps("one", "TextGen-v0", "dmo")


@pytest.mark.parametrize(
    ("kwargs", "kept"),
    [
        ({}, {"reward", "reward_timing", "train_dataset", "temperature"}),
        ({"dataset": "poems"}, {"reward", "reward_timing", "train_dataset", "temperature"}),
        ({"reward_timing": "dense"}, {"reward", "train_dataset", "temperature"}),
        ({"reward": "bleu"}, {"temperature"}),
        ({"dataset": "openings"}, set()),
    ],
)
def test_what_speaks_of_the_ids_own_data_is_dropped_where_the_environment_says_otherwise(kwargs, kept):
    options = {
        "reward": "r",
        "reward_timing": "dense",
        "train_dataset": "more",
        "temperature": 0.7,
        "lr": 1.0,
    }
    neutral = {"reward": None, "reward_timing": None, "train_dataset": "", "temperature": 1.0}
    found = fitting_options(options, "TextGen-v0", kwargs)
    assert {name for name in options if found[name] != neutral.get(name)} == kept | {"lr"}
    assert found.keys() == options.keys()


def test_only_options_that_are_there_are_dropped():
    assert fitting_options({"lr": 1.0}, "TextGen-v0", {"reward": "bleu"}) == {"lr": 1.0}


@pytest.mark.parametrize("name", sorted(AGENTS))
def test_agents_that_train_say_for_how_long(name):
    factory = load_factory(name)
    if hasattr(factory, "learn"):
        assert factory.suggested_timesteps("TextGen-v0", "demo") >= 0
        assert factory.suggested_timesteps("TextGen-v0", "bench") >= factory.suggested_timesteps(
            "TextGen-v0", "demo"
        )
