"""Options that come along for `llm-envs train --config`: agents take them, and the suites have the same."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from llm_baselines.registry import agent_defaults, applicable_config, check_config
from llm_benchmarks.records.record import cell_key
from llm_benchmarks.run.resolve import make_plan, plan_agent, settled
from llm_benchmarks.run.suite import load_suite

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.mark.parametrize(
    ("name", "agent"), [("from_scratch", "token_dqn"), ("homeassistant_supervised", "supervised")]
)
def test_agents_take_them(name, agent):
    options = tomllib.loads((BENCHMARKS / "configs" / f"{name}.toml").read_text())
    check_config(agent, options, agent_defaults(agent, "Translation-v0", config=options))


@pytest.mark.parametrize("suite", ["from_scratch", "from_scratch_zh"])
def test_they_are_those_of_the_suites(suite):
    options = tomllib.loads((BENCHMARKS / "configs" / "from_scratch.toml").read_text())
    cells = load_suite(BENCHMARKS / "suites" / f"{suite}.toml").cells
    assert [cell.config for cell in cells if cell.agent == "token_dqn"] == [options] * 5


@pytest.mark.parametrize("path", sorted((BENCHMARKS / "suites").glob("*.toml")), ids=lambda path: path.stem)
def test_what_stands_among_the_suites_is_one(path):
    assert load_suite(path).cells


COMMAND = re.compile(r"llm-envs benchmark (\S+) --store (benchmarks/results\S*?)[`:]")
NEEDS_A_FETCHED_MODEL = ("homeassistant", "llm_demo_seeds")


def recorded(store):
    """The keys of a store's records, without options that had no effect and are no longer written down."""
    paths = sorted((BENCHMARKS.parent / store).glob("*/record.json"))
    records = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    for record in records:
        agent = record["agent"]
        agent["config"] = applicable_config(agent["name"], agent["config"])
    return {cell_key(record) for record in records}


def stores():
    """Suite -> store, as the suites' own comments and `make bench` say."""
    said = [path.read_text(encoding="utf-8") for path in sorted((BENCHMARKS / "suites").glob("*.toml"))]
    makefile = (BENCHMARKS.parent / "Makefile").read_text(encoding="utf-8").replace("\n", ":\n")
    found = dict(match for text in [*said, makefile] for match in COMMAND.findall(text))
    return {suite: store for suite, store in found.items() if Path(suite).stem not in NEEDS_A_FETCHED_MODEL}


def test_the_suites_of_the_committed_stores_are_known():
    assert {Path(suite).stem for suite in stores()} >= {"baselines", "token_dqn_text", "from_scratch"}


@pytest.mark.parametrize(("suite", "store"), sorted(stores().items()))
def test_a_suite_asks_for_what_the_committed_store_holds(suite, store):
    keys = recorded(store)
    seen = set()
    for cell in load_suite(BENCHMARKS.parent / suite).cells:
        block = (
            cell.env,
            cell.agent,
            json.dumps([cell.reward, cell.config, cell.total_timesteps], sort_keys=True),
        )
        if block in seen:
            continue
        seen.add(block)
        agent = plan_agent(cell)
        assert cell_key(make_plan(settled(cell, agent), agent)) in keys, str(cell)
