"""A record of an evaluation in Python: it says what was played, and refuses what was not."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import llm_envs
from llm_baselines.agent import TrainingReport
from llm_benchmarks.leaderboard.html.page import render
from llm_benchmarks.leaderboard.html.payload import collect
from llm_benchmarks.leaderboard.tables import leaderboard_table
from llm_benchmarks.records.record import seeds_are_disjoint
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.cells import EVALUATION_SEED
from llm_benchmarks.run.recording import record_evaluation
from llm_benchmarks.verification.ladder import Ladder

TINY = "TextGen-Tiny-v0"


class Always:
    """Writes one token, again and again."""

    def __init__(self, token: int = 0) -> None:
        self.token = token

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[np.ndarray, Any]:
        return np.full(len(observation), self.token, dtype=np.int64), state


class Trained(Always):
    report = TrainingReport(environment_steps=300, tokens=300, seconds=2.5)


@pytest.mark.parametrize("make", [str, gym.make, lambda env_id: gym.make_vec(env_id, 3)])
def test_an_evaluation_becomes_a_row(store: RecordStore, make: Any) -> None:
    env = make(TINY)
    result = llm_envs.evaluate(Always(), env, seed=1)
    record = store.read(record_evaluation(result, Always(), env, store, name="always"))
    assert record.results is not None
    assert record.results["mean_reward"] == result.mean_reward
    assert (record.training_seed, record.evaluation.seed) == (None, 1)
    assert seeds_are_disjoint(record.spec)
    assert record.evaluation.split == ("test" if env == TINY else "train")
    assert record.cost["wall_clock_seconds"]["evaluation"] == result.seconds > 0
    (row,) = leaderboard_table(store.records())
    assert (row.agent, row.score) == ("always", result.mean_reward)


def test_the_record_of_a_trained_policy_describes_its_training(store: RecordStore) -> None:
    result = llm_envs.evaluate(Trained(), TINY, seed=1)
    options = {"seed": 5, "reward": "chrf", "config": {"width": 8}}
    record = store.read(record_evaluation(result, Trained(), TINY, store, name="mine", **options))
    training = record.spec.training
    assert training is not None
    assert training.seed == 5
    assert training.total_timesteps == record.cost["environment_steps"] == 300
    assert training.reward.spec == "chrf"
    assert record.spec.agent.config == {"width": 8}
    (row,) = leaderboard_table(store.records())
    assert row.trained_on == {"reward": "chrf, paid at the end"}


def short(episode: Any, *, letters: int = 1) -> float:
    """A reward of a user, with an option."""
    return float(len(episode.text) < letters)


@pytest.mark.parametrize("metrics", [{}, {"metrics": ["chrf"]}, {"metrics": "default"}])
def test_an_evaluation_of_an_environment_is_verified_by_the_metrics_it_had(
    store: RecordStore, metrics: dict[str, Any]
) -> None:
    env = gym.make(
        "Translation-v0", split="test", reward={"id": f"{__name__}:short", "letters": 2}, **metrics
    )
    result = llm_envs.evaluate(Always(), env, seed=EVALUATION_SEED)
    record_evaluation(result, Always(), env, store, name="always")
    with llm_envs.allowing_code([f"{__name__}:short"]):
        ((_, verdict),) = Ladder(level=2).verdicts(store)
    assert (verdict.level, verdict.fault) == (2, None)


def test_tables_of_two_rewards_have_names_of_their_own_on_the_page(store: RecordStore) -> None:
    for reward in ("default", {"id": f"{__name__}:short", "letters": 2}):
        env = gym.make(TINY, split="test", reward=reward)
        result = llm_envs.evaluate(Always(), env, seed=EVALUATION_SEED)
        record_evaluation(result, Always(), env, store, name="always")
    page = render(collect(store, token_rewards=False))
    assert f"{TINY} · {__name__}:short(letters=2)</a>" in page
    assert f"{TINY} · default</a>" in page


def test_a_record_that_would_be_wrong_is_refused(store: RecordStore) -> None:
    result = llm_envs.evaluate(Always(), TINY, 3, seed=1)
    with pytest.raises(ValueError, match="is an agent of the package"):
        record_evaluation(result, Always(), TINY, store, name="reference")
    with pytest.raises(ValueError, match=r"trained for 300 steps: say with which seed"):
        record_evaluation(result, Trained(), TINY, store, name="mine")
    with pytest.raises(ValueError, match="give what evaluate"):
        record_evaluation(result, Always(), gym.make(TINY, split="train"), store, name="mine")
    with pytest.raises(ValueError, match="cannot stand in a record"):
        record_evaluation(result, Always(), gym.make(TINY, reward=len), store, name="mine")
    assert store.ids() == []
