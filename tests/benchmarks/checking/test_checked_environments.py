"""`llm-envs check` passes every shipped id, and names the fault of an environment that has one."""

from __future__ import annotations

import json

import gymnasium as gym
import pytest
from faulty_envs import FAULTS

import llm_envs
from llm_benchmarks.checking.checks import run_checks
from llm_benchmarks.checking.environments.every import ENVIRONMENT_CHECKS
from llm_benchmarks.checking.subjects import environment
from llm_benchmarks.commands.app import main

SEARCH = 2_000  # tokens; the test of degenerate texts searches longer


SKILL = ("reference score", "texts without skill")
ALL = tuple(check.name for check in ENVIRONMENT_CHECKS)


def results(name, checks=ALL, **arguments):
    chosen = [check for check in ENVIRONMENT_CHECKS if check.name in checks]
    with environment(name, arguments, search_tokens=SEARCH) as subject:
        return {finding.check: finding for finding in run_checks(chosen, subject)}


@pytest.mark.parametrize("env_id", llm_envs.list_envs())
def test_every_shipped_id_keeps_what_third_parties_must_keep(env_id):
    slow = env_id.startswith(("TextGen-v", "TextGen-S", "TextGen-C", "Dialogue-v"))
    found = results(
        env_id, [name for name in ALL if not slow or name not in SKILL]
    )  # test_degenerate has them
    assert {
        name: finding.detail for name, finding in found.items() if finding.result in ("fails", "note")
    } == {}
    assert found["vector"].result == found["dense rewards"].result == "holds"
    assert slow or found["texts without skill"].result == "holds"


@pytest.mark.parametrize(("name", "check"), FAULTS.items(), ids=lambda value: value.rpartition(":")[2])
def test_a_fault_is_named_by_its_check(name, check):
    found = results(name)
    assert found[check].result == "fails"
    assert found[check].detail
    assert found[check].remedy


@pytest.mark.parametrize("name", ["faulty_envs:make_world", "token_worlds:Talk", "token_worlds:Copy"])
def test_an_environment_without_task_keeps_the_contract_of_tokens(name):
    found = results(name)
    assert not [finding for finding in found.values() if finding.result == "fails"]
    assert found["append-only"].result == found["determinism"].result == "holds"
    for check in ("outcome", "options", "prompts", "texts without skill"):
        assert found[check].result == "does not apply"
        assert "TokenEnv" in found[check].detail


def test_a_task_without_references_has_no_reference_score(tmp_path):
    rows = [{"source": f"write about {word}"} for word in ("rain", "snow", "sun", "wind", "fog", "hail") * 20]
    rows = [{"source": f"{row['source']} {i}"} for i, row in enumerate(rows)]
    (tmp_path / "requests.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = results(
        "TextGen-v0",
        dataset=f"file:{tmp_path / 'requests.jsonl'}",
        tokenizer="byte",
        reward={"id": "brevity"},
        max_prompt_tokens=64,
        max_new_tokens=8,
    )
    assert found["reference score"].result == found["texts without skill"].result == "does not apply"
    assert found["vector"].result == "holds"


def test_one_reading_of_a_class_leaves_no_id_behind():
    before = set(gym.registry)
    results("llm_envs.envs.tiny:TinyEnv")
    assert set(gym.registry) == before


def test_the_command_prints_a_line_for_each_check_and_exits_with_1_where_one_fails(capsys):
    assert main(["check", "TextGen-Tiny-v0", "--search-tokens", "2000"]) == 0
    printed = capsys.readouterr().out
    assert all(check.name in printed for check in ENVIRONMENT_CHECKS)
    assert main(["check", "faulty_envs:Sliding"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "nothing slides" in printed
    assert "What to do: do not slide" in printed


def test_json_is_for_programs(capsys):
    assert main(["check", "faulty_envs:Floats", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["kind"], report["holds"]) == ("environment", False)
    assert {check["check"]: check["result"] for check in report["checks"]}["spaces"] == "fails"


@pytest.mark.parametrize(
    "words", [[], ["TextGen-Tiny-v0", "--agent", "random"], ["os:system"], ["TextGen"], [""]]
)
def test_what_is_neither_environment_nor_agent_is_bad_input(words, capsys):
    assert main(["check", *words]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.fixture
def punished():
    """An id of an own class, while a test runs."""
    llm_envs.register_env("Punished-v0", "faulty_envs:PunishedEnv")
    yield
    del gym.registry["Punished-v0"]


@pytest.mark.usefixtures("punished")
def test_an_own_class_has_a_specification_that_json_holds():
    spec = gym.make("Punished-v0").spec
    again = type(spec).from_json(spec.to_json())
    assert gym.make(again).unwrapped.task.kind == "punished"
    assert gym.make_vec("Punished-v0", num_envs=2).unwrapped.task.kind == "punished"
