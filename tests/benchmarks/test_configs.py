"""Options that come along for `llm-envs train --config`: agents take them, and the suites have the same."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from llm_baselines.registry import agent_defaults, check_config
from llm_benchmarks.suite import load_suite

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize(
    ("name", "agent"), [("from_scratch", "token_dqn"), ("homeassistant_supervised", "supervised")]
)
def test_agents_take_them(name, agent):
    options = tomllib.loads((BENCHMARKS / "configs" / f"{name}.toml").read_text())
    check_config(agent, options, agent_defaults(agent, "Translation-v0"))


@pytest.mark.parametrize("suite", ["from_scratch", "from_scratch_zh"])
def test_they_are_those_of_the_suites(suite):
    options = tomllib.loads((BENCHMARKS / "configs" / "from_scratch.toml").read_text())
    cells = load_suite(BENCHMARKS / "suites" / f"{suite}.toml").cells
    assert [cell.config for cell in cells if cell.agent == "token_dqn"] == [options] * 5


@pytest.mark.parametrize("path", sorted((BENCHMARKS / "suites").glob("*.toml")), ids=lambda path: path.stem)
def test_what_stands_among_the_suites_is_one(path):
    assert load_suite(path).cells
