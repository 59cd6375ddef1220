"""`llm-envs check` passes every shipped agent, and names the fault of an agent that has one."""

from __future__ import annotations

import json
import shutil

import pytest
from faulty_agents import FAULTS
from pages import ROOT
from token_worlds import SMALL

from llm_baselines.registry import list_agents
from llm_benchmarks.checking.agents.every import AGENT_CHECKS
from llm_benchmarks.checking.checks import run_checks
from llm_benchmarks.checking.subjects import AgentSubject, kind_of
from llm_benchmarks.commands.app import main

TINY = "TextGen-Tiny-v0"
START = {"total_timesteps": 100, "n_envs": 8, "eval_freq": 0, "checkpoint_freq": 0, "copy_steps": 2}
LANGUAGE = {"model": SMALL, "n_envs": 8, "eval_freq": 0}
CONFIGS = {
    "constant": {"examples": 16},
    "sb3_dqn": {"learning_starts": 20},
    "sb3_ppo": {"n_steps": 16, "batch_size": 32},
    "supervised": {**LANGUAGE, "copy_steps": 2, "batch_size": 8},
    "token_dqn": {**LANGUAGE, "supervised": START},
    "rloo": {**LANGUAGE, "supervised": START},
    "lm_greedy": {"model": SMALL},
    "lm_sample": {"model": SMALL},
    "lm_best_of_n": {"model": SMALL, "n": 2},
}


def results(name, **options):
    subject = AgentSubject(name, options.pop("env_id", TINY), device="cpu", **options)
    return {finding.check: finding for finding in run_checks(AGENT_CHECKS, subject)}


@pytest.mark.parametrize("name", list_agents())
def test_every_shipped_agent_keeps_what_third_parties_must_keep(name):
    found = results(name, config=CONFIGS.get(name, {}), total_timesteps=100, episodes=10)
    assert {check: finding.detail for check, finding in found.items() if finding.result == "fails"} == {}
    for check in ("batch", "deterministic", "rows and state", "seed"):
        assert found[check].result == "holds"
    if name in ("token_dqn", "rloo", "supervised", "lm_greedy", "lm_sample"):
        assert found["action mask"].result == "holds"


@pytest.mark.parametrize(("name", "check"), FAULTS.items(), ids=lambda value: value.rpartition(":")[2])
def test_a_fault_is_named_by_its_check(name, check):
    found = results(name, total_timesteps=20)
    assert found[check].result == "fails"
    assert found[check].detail
    assert found[check].remedy


def test_an_agent_without_a_fault_passes():
    found = results("faulty_agents:Counting", total_timesteps=20)
    assert not [finding for finding in found.values() if finding.result == "fails"]
    assert found["save and load"].result == found["learning"].result == "holds"


def test_a_mask_of_the_environment_binds_the_agent():
    found = results("faulty_agents:Counting", env_id="MaskedTiny-v0", total_timesteps=20)
    assert found["action mask"].result == "fails"
    assert (
        results("lm_greedy", env_id="MaskedTiny-v0", config={"model": SMALL})["action mask"].result == "holds"
    )


def test_the_template_passes(tmp_path, monkeypatch, capsys):
    shutil.copy(ROOT / "agents" / "template" / "my_agent.py", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["check", "my_agent:make_agent", "--total-timesteps", "200", "--set", "temperature=0.2"]) == 0
    assert "agent my_agent:make_agent" in capsys.readouterr().out


def test_a_trained_folder_is_an_agent(tmp_path, capsys):
    train = [
        "train",
        "--env",
        TINY,
        "--agent",
        "unigram",
        "--total-timesteps",
        "1",
        "--out",
        str(tmp_path / "a"),
    ]
    assert main(train) == 0
    capsys.readouterr()
    assert main(["check", str(tmp_path / "a"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["kind"] == "agent"
    assert {check["check"]: check["result"] for check in report["checks"]}["rows and state"] == "holds"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (TINY, "environment"),
        ("random", "agent"),
        ("llm_envs.envs.tiny:TinyEnv", "environment"),
        ("faulty_envs:make_world", "environment"),
        ("faulty_agents:Counting", "agent"),
        ("faulty_agents:nothing", "agent"),
    ],
)
def test_a_name_is_an_environment_or_an_agent(name, kind):
    assert kind_of(name) == kind
