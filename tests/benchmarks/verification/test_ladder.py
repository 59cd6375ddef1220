"""The levels of verification on dialogues, on rewards of one's own, and where nothing can be verified."""

from __future__ import annotations

import forgery
import gymnasium as gym
import made_up
import pytest

import llm_envs
from llm_baselines.anchors.reference import RandomAgent, ReferenceAgent
from llm_benchmarks.records.record import Record
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.recording import record_evaluation
from llm_benchmarks.verification.ladder import Ladder
from llm_envs.rewards.registry import REGISTRY


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An honest record: the folder, and its id."""
    folder = tmp_path_factory.mktemp("made")
    store = RecordStore(folder / "store")
    return store.path, forgery.record(store, forgery.write_data(folder / "data.jsonl", 1), 1)


def one(store: RecordStore, **options) -> tuple[Record | None, int | None, str]:
    [(record, verdict)] = Ladder(**options).verdicts(store)
    return record, verdict.level, "" if verdict.fault is None else verdict.fault.reason


def played(env_id: str, tmp_path, policy=None, **arguments) -> RecordStore:
    """A store with one record of an agent that was not trained."""
    env = gym.make(env_id, split="test", metrics="default", **arguments)
    policy = RandomAgent(env, 0) if policy is None else policy
    result = llm_envs.evaluate(policy, env, seed=1_000_000)
    store = RecordStore(tmp_path / "played")
    record_evaluation(result, policy, env, store, name="mine")
    return store


def talkative(episode) -> float:
    """A reward that reads the turns, which no record holds."""
    return float(len(episode.turns))


def expert(tmp_path, **arguments) -> RecordStore:
    """A store with one record of the expert in dialogues."""
    env = gym.make("Dialogue-v0", split="test", **arguments)
    return played("Dialogue-v0", tmp_path, ReferenceAgent(env, 0), **arguments)


def test_a_dialogue_is_rescored_by_what_it_measured_and_replayed(tmp_path):
    store = expert(tmp_path)
    assert one(store)[1:] == (2, "")
    [id] = store.ids()
    parts = forgery.parts_of(store.path, id)
    (store.path / f"{id}.jsonl.gz").unlink()
    row = next(row for row in parts.rows if row["metrics"]["turns"] > 1)
    row["metrics"]["turns"] -= 1  # no reward depends on it: only the environment knows
    forgery.plant(store.path, parts)
    _, level, reason = one(store)
    assert level == 1
    assert reason.startswith(f"episode {row['index']} (example {row['example']}): metrics.turns: ")


def test_a_reward_that_reads_the_turns_is_verified_by_the_replay(tmp_path, monkeypatch):
    monkeypatch.setitem(REGISTRY, "talkative", talkative)
    store = expert(tmp_path, reward="talkative")
    _, level, reason = one(store, level=1)
    assert level == 0
    assert reason == "its reward reads the turns of the dialogue, which no record holds; a replay has it"
    assert one(store)[1:] == (2, "")


def test_a_callable_reward_cannot_be_verified_by_others(made, tmp_path):
    parts = forgery.parts_of(*made)
    parts.record["spec"]["evaluation"]["reward"]["spec"] = None
    forgery.plant(tmp_path, parts)
    assert one(RecordStore(tmp_path))[1:] == (0, "its reward is a callable, which no record can hold")


def test_failed_runs_have_nothing_to_verify(tmp_path):
    store = RecordStore(tmp_path / "failed")
    store.write(made_up.failure())
    assert one(store, level=3)[1:] == (0, "")


def test_a_tolerance_is_what_a_reward_declares(tmp_path, monkeypatch):
    class Neural:
        """A reward whose values differ between machines by less than it declares."""

        tolerance = 0.01
        shift = 0.0

        def __call__(self, episode) -> float:
            """Scores."""
            return len(episode.action_ids) / 10 + Neural.shift

    monkeypatch.setitem(REGISTRY, "neural", Neural)
    store = played("TextGen-Tiny-v0", tmp_path, reward="neural")
    for shift, level in ((0.005, 2), (0.02, 0)):
        monkeypatch.setattr(Neural, "shift", shift)
        assert one(store)[1] == level


def test_an_anchor_needs_no_checkpoint_and_another_untrained_agent_does(tmp_path):
    env = gym.make("TextGen-Tiny-v0", split="test", metrics="default")
    result = llm_envs.evaluate(RandomAgent(env, 0), env, seed=1_000_000)
    for name, found in (
        ("random", (2, "")),
        ("mine", (2, "its agent is not trained, so it has no checkpoint")),
        ("token_dqn", (2, "its agent is not trained, so it has no checkpoint")),  # a name proves nothing
    ):
        store = RecordStore(tmp_path / name)
        record_evaluation(result, RandomAgent(env, 0), env, store, name=name)
        assert one(store, level=3)[1:] == found
