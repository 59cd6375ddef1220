"""The episodes of a record become a Minari data set, which gives the same rows."""

from __future__ import annotations

import gymnasium as gym
import pytest

import llm_envs
from llm_baselines.registry import make_agent
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.recording import record_evaluation

pytest.importorskip("minari")
ENV = "TextGen-Tiny-v0"


def test_a_record_goes_to_minari_and_back(
    store: RecordStore, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    agent = make_agent("random", gym.make(ENV), seed=0)
    result = llm_envs.evaluate(agent, ENV, n_eval_episodes=8, seed=1)
    record_evaluation(result, agent, ENV, store, name="random")
    (record,) = store.records()
    env = gym.make(ENV, split=record.evaluation.split, metrics="default")
    llm_envs.adapters.to_minari("tiny/random-v0", record.episodes(), env)
    assert llm_envs.adapters.from_minari("tiny/random-v0", env) == list(result.rows)
