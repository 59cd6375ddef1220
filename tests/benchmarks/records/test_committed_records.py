"""What is committed in benchmarks/ still says what the code gives."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path

import gymnasium as gym
import pytest

import llm_envs
from llm_baselines.anchors.reference import ReferenceAgent
from llm_baselines.spec import RunSpec
from llm_benchmarks.leaderboard.view import read_leaderboard
from llm_benchmarks.records.record import Record
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.verdicts import NAME, read_verdicts
from llm_benchmarks.verification.findings import Fails
from llm_benchmarks.verification.ladder import Ladder
from llm_benchmarks.verification.plan import check_plan

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
EXPERIMENTS = {
    *("baselines", "translation", "text", "dialogue", "others", "longer"),
    *("five_ids", "from_scratch", "pretrained", "homeassistant"),
}
WITH_REFERENCE = (
    *("Dialogue-Chat-v0", "TextGen-Code-v0", "TextGen-Script-v0", "TextGen-Tiny-v0", "TextGen-v0"),
    *("Translation-EnIt-v0", "Translation-EnZh-v0", "Translation-v0"),
)


@cache
def records() -> dict[str, Record]:
    """Every record of the store, each checked whole."""
    problems: dict[str, str] = {}
    found = {record.id: record for record in RecordStore(BENCHMARKS / "results").records(problems)}
    assert problems == {}
    return found


def reference(env_id: str) -> Record:
    """The record of the reference agent under the id's present signature."""
    [found] = [
        record
        for record in records().values()
        if record.spec.environment.id == env_id
        and record.spec.agent.name == "reference"
        and record.spec.environment.signature == signature(env_id)
    ]
    return found


@cache
def signature(env_id: str) -> str:
    """The present signature of an id."""
    task = gym.make(env_id, split="test").unwrapped.task  # type: ignore[attr-defined]
    return str(task.signature)


def test_every_table_of_an_id_is_under_its_present_reward() -> None:
    for table in read_leaderboard(BENCHMARKS / "results").tables:
        if any(row.agent == "reference" for row in table.rows):
            assert table.signature == signature(table.env)


@pytest.mark.parametrize("env_id", WITH_REFERENCE)
def test_the_reference_agent_still_earns_its_recorded_score(env_id: str) -> None:
    record = reference(env_id)
    agent = ReferenceAgent(gym.make(env_id), 0)
    result = llm_envs.evaluate(agent, env_id, seed=record.evaluation.seed)
    assert record.results is not None
    assert result.mean_reward == pytest.approx(record.results["mean_reward"], abs=1e-12)


def test_every_record_belongs_to_an_experiment() -> None:
    assert {record.spec.experiment for record in records().values()} == EXPERIMENTS


def test_the_store_fits_in_a_repository() -> None:
    files = [file for file in (BENCHMARKS / "results").iterdir() if file.name != NAME]
    assert len(files) == len(records())
    assert sum(file.stat().st_size for file in files) < 15_000_000


def test_runs_removed_from_the_store_are_summarised() -> None:
    summary = json.loads((BENCHMARKS / "results-summarised.json").read_text(encoding="utf-8"))
    kept = {record.data["identity"] for record in records().values()}
    identities = []
    for group in summary["groups"]:
        for run in group["runs"]:
            spec = json.loads(json.dumps(group["spec"]))
            if spec["training"] is not None:
                spec["training"]["seed"] = run["seed"]
            assert RunSpec.from_dict(spec).identity() == run["identity"]
            identities.append(run["identity"])
    assert len(set(identities)) == len(identities) == 335
    assert kept.isdisjoint(identities)


def test_the_signatures_of_ids_name_their_data() -> None:
    for env_id in WITH_REFERENCE:
        record = reference(env_id)
        task = gym.make(env_id, split="test").unwrapped.task  # type: ignore[attr-defined]
        assert task.signature == record.spec.environment.signature
        assert task.describe()["dataset"] == record.facts["dataset"]["name"]


def test_the_repository_stays_small_enough_to_read() -> None:
    """Records are data, one file each, in one store; everything else is counted apart."""
    listed = subprocess.run(["git", "ls-files"], cwd=BENCHMARKS.parent, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    names = listed.stdout.splitlines()
    stored = [name for name in names if name.startswith("benchmarks/results/")]
    assert len(names) - len(stored) < 1200
    assert len(stored) < 300


def test_the_reference_record_of_every_id_is_replayed() -> None:
    """`llm-envs leaderboard verify --store benchmarks/results` does it for all of them, in some minutes."""
    chosen = {
        record.id: record.spec.environment.id
        for record in records().values()
        if record.spec.agent.name == "reference" and not record.spec.environment.kwargs
    }
    assert set(chosen.values()) >= set(WITH_REFERENCE)
    for _, verdict in Ladder(level=2).verdicts(RecordStore(BENCHMARKS / "results"), ids=list(chosen)):
        assert verdict.fault is None
        assert verdict.level == 2
        del chosen[verdict.record]
    assert chosen == {}


def test_the_kept_verdicts_are_those_of_records_that_prove_themselves() -> None:
    """`llm-envs leaderboard verify --store benchmarks/results --allow-code unit_tests` writes them."""
    verdicts = read_verdicts(RecordStore(BENCHMARKS / "results"))
    assert verdicts.keys() == records().keys()
    assert {verdict.level for verdict in verdicts.values()} == {2}


def test_a_suite_may_play_fewer_examples_and_nothing_else_may() -> None:
    record = next(r for r in records().values() if r.spec.experiment == "homeassistant")
    rows = record.episodes()
    check_plan(record, rows, 1986)
    for changed in (replace(record.spec, experiment=""), replace(record.spec, variant="another")):
        with pytest.raises(Fails, match="it plays 400 episodes, the examples of the split are 1986"):
            check_plan(replace(record, spec=changed), rows, 1986)
    with pytest.raises(Fails, match="it plays 399 episodes"):
        check_plan(_with_episodes(record, 399), rows[:399], 1986)


def _with_episodes(record: Record, episodes: int) -> Record:
    evaluation = replace(record.evaluation, episodes=episodes)
    return replace(record, spec=replace(record.spec, evaluation=evaluation))
