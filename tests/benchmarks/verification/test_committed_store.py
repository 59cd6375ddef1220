"""The committed store proves itself, as far as its records are of today's environments."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym

import llm_envs
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.verification.ladder import Ladder

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"


def test_one_record_of_every_id_is_replayed_or_says_that_its_environment_changed():
    """`llm-envs leaderboard verify --store benchmarks/results` does it for all of them, in some minutes."""
    today = {}
    for env_id in llm_envs.list_envs():
        env = gym.make(env_id, split="test")
        today[env_id] = env.unwrapped.task.signature
        env.close()
    chosen = {}
    for record in RecordStore(RESULTS).records():
        environment = record.spec.environment
        if record.spec.agent.name == "reference" and not environment.kwargs:
            chosen[record.id] = today[environment.id] == environment.signature
    assert sum(chosen.values()) >= 5
    for _, verdict in Ladder(level=2).verdicts(RecordStore(RESULTS), ids=list(chosen)):
        if chosen.pop(verdict.record):
            assert verdict.fault is None
            assert verdict.level == 2
        else:
            assert verdict.fault is not None
            assert verdict.fault.outcome == "unknown"
    assert chosen == {}
