"""The rewards of tokens come from playing a recorded text again, and only where that repeats it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import llm_envs
from llm_baselines.registry import make_agent
from llm_benchmarks.leaderboard.html.token_rewards import TokenReplay
from llm_benchmarks.records.record import Record
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.recording import record_evaluation

ENV = "TextGen-Tiny-v0"


@pytest.fixture
def record(store: RecordStore) -> Record:
    import gymnasium as gym

    agent = make_agent("random", gym.make(ENV), seed=0)
    result = llm_envs.evaluate(agent, ENV, n_eval_episodes=8, seed=1)
    record_evaluation(result, agent, ENV, store, name="random")
    return store.records()[0]


def test_rewards_of_tokens_add_up_to_the_reward_of_the_text(record: Record) -> None:
    replay = TokenReplay(record)
    for episode in record.episodes():
        tokens = replay.of(episode)
        assert tokens is not None
        assert sum(tokens.rewards) == pytest.approx(episode["reward"])
        assert len(tokens.ends) == len(tokens.rewards) == len(episode["action_ids"])
        assert tokens.ends[-1] == len(episode["text"])
        assert list(tokens.ends) == sorted(tokens.ends)


@pytest.mark.parametrize("change", [{"text": "another"}, {"reward": 0.123}, {"action_ids": [1]},
                                    {"action_ids": [10**6]}, {"example": 10**6}])  # fmt: skip
def test_a_text_that_is_not_repeated_has_no_rewards_of_tokens(record: Record, change: dict[str, Any]) -> None:
    assert TokenReplay(record).of({**record.episodes()[0], **change}) is None


@pytest.mark.parametrize(
    "change",
    [
        {"kwargs": {"dataset": "file:/etc/passwd"}},
        {"module": "somebody.elses"},
        {"signature": "another version"},
        {"id": "CartPole-v1"},
    ],
)
def test_only_environments_of_the_package_with_their_own_data_are_made(
    record: Record, change: dict[str, Any]
) -> None:
    environment = dataclasses.replace(record.spec.environment, **change)
    foreign = dataclasses.replace(record, spec=dataclasses.replace(record.spec, environment=environment))
    assert TokenReplay(foreign).of(record.episodes()[0]) is None
