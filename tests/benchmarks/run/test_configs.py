"""Options that come along for `llm-envs train --config`: agents take them, and the suites have the same."""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from llm_baselines.registry import agent_defaults, check_config
from llm_baselines.spec import RunSpec
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.resolve import resolve
from llm_benchmarks.run.suite import load_suite

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.mark.parametrize(
    ("name", "agent"), [("from_scratch", "token_dqn"), ("homeassistant_supervised", "supervised")]
)
def test_every_config_is_valid_for_its_agent(name, agent):
    options = tomllib.loads((BENCHMARKS / "configs" / f"{name}.toml").read_text())
    check_config(agent, options, agent_defaults(agent, "Translation-v0", config=options))


def test_the_configs_equal_those_of_the_suite():
    options = tomllib.loads((BENCHMARKS / "configs" / "from_scratch.toml").read_text())
    cells = load_suite(BENCHMARKS / "suites" / "from_scratch.toml").cells
    assert [cell.config for cell in cells if cell.agent == "token_dqn"] == [options] * 10


@pytest.mark.parametrize("path", sorted((BENCHMARKS / "suites").glob("*.toml")), ids=lambda path: path.stem)
def test_every_file_among_the_suites_is_a_suite(path):
    assert load_suite(path).cells


NEEDS_A_FETCHED_MODEL = ("homeassistant", "pretrained")
UNRECORDED = ("demo", "llm_demo", "verified", "five_ids_trials")
EARLIER_LEARNERS = (
    "token_dqn",
    "rloo",
)  # the store has them with the options of before; see benchmarks/README.md
EARLIER_REWARD = ("TextGen-Code-v0",)  # its trained agents were scored by BLEU
FLUENCY = re.compile(r"fluency\|scale:unit\|train:(\w+)(\|found:\w+)?\|v3")
VERSE = re.compile(
    r"verse\(2\*constraints\|v1 \* 0\.7\*(fluency.+?) \* 1\*sentences.+? \* (1\*novelty.+?\))\|slope:0\.1"
)
EARLIER_DEFAULT = r"product(1*constraints|v1 * 1*\1 * \2"
EARLIER_FLUENCY = r"fluency|scale:unit|order:3|smooth:witten-bell|train:\1|v2"


@cache
def recorded():
    """Identity -> (experiment, variant) of the runs in the store, and of those that are summarised."""
    found = {
        record.data["identity"]: (record.spec.experiment, record.spec.variant)
        for record in RecordStore(BENCHMARKS / "results").records()
    }
    summary = json.loads((BENCHMARKS / "results-summarised.json").read_text(encoding="utf-8"))
    for group in summary["groups"]:
        named = (group["spec"]["experiment"], group["spec"]["variant"])
        found |= {run["identity"]: named for run in group["runs"]}
    return found


def suites():
    names = sorted(path.stem for path in (BENCHMARKS / "suites").glob("*.toml"))
    return [name for name in names if name not in (*NEEDS_A_FETCHED_MODEL, *UNRECORDED)]


def test_the_suites_of_the_committed_store_are_known():
    assert set(suites()) >= {"baselines", "text", "from_scratch", "dialogue"}


@pytest.mark.parametrize("suite", suites())
def test_a_suite_resolves_to_the_runs_of_the_committed_store(suite):
    seen = set()
    for cell in load_suite(BENCHMARKS / "suites" / f"{suite}.toml").cells:
        request = [cell.reward, cell.config, cell.total_timesteps, cell.evaluation.reward]
        block = (cell.env, cell.agent, json.dumps(request, sort_keys=True))
        if block in seen or cell.agent in EARLIER_LEARNERS or cell.env in EARLIER_REWARD:
            continue
        seen.add(block)
        spec = resolve(cell).spec
        before = scored_by(spec, VERSE, EARLIER_DEFAULT)
        runs = [spec, before, scored_by(before, FLUENCY, EARLIER_FLUENCY)]
        assert (suite, cell.variant) in [recorded().get(run.identity()) for run in runs], str(cell)


def scored_by(spec, present, earlier):
    """Returns the same run with the signature of an earlier reward of poems, as many records have."""
    return RunSpec.from_dict(json.loads(present.sub(earlier, json.dumps(spec.to_dict()))))
