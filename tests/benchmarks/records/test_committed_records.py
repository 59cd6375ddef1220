"""What is committed in benchmarks/ still says what the code gives."""

from __future__ import annotations

import json
from pathlib import Path

import gymnasium as gym
import pytest

import llm_envs
from llm_baselines.anchors.reference import ReferenceAgent
from llm_benchmarks.records.record import cell_key

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
RECORDS = {
    path.parent.name: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(BENCHMARKS.glob("results*/*/record.json"))
}
REFERENCES = {
    record["env"]["id"]: record
    for record in RECORDS.values()
    if record["agent"]["name"] == "reference" and record["env"]["id"] != "Dialogue-v0"
}


@pytest.mark.parametrize("env_id", REFERENCES)
def test_the_reference_agent_earns_what_it_earned(env_id):
    record = REFERENCES[env_id]
    agent = ReferenceAgent(gym.make(env_id), 0)
    result = llm_envs.evaluate(agent, env_id, seed=record["seeds"]["evaluation"])
    assert result.mean_reward == pytest.approx(record["results"]["mean_reward"], abs=1e-12)


def test_every_cell_has_the_key_it_had():
    for name, record in RECORDS.items():
        assert cell_key(record) == record["cell_key"], name


def test_the_signatures_of_ids_name_their_data():
    for record in REFERENCES.values():
        task = gym.make(record["env"]["id"], split="test").unwrapped.task
        assert task.signature == record["env"]["signature"]
        assert task.describe()["dataset"] == record["dataset"]["name"]
