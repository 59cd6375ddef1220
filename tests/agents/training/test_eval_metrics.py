"""A curve has held-out values of the user's choice, and the distance from the start."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from llm_baselines.algorithms.rloo import RLOO
from llm_baselines.registry import factory_of

METRICS = ["token_f1", {"id": "sum", "name": "mine", "rewards": [{"id": "bleu", "weight": 2.0}]}]


def test_a_curve_has_the_metrics_that_were_asked_for_and_the_sequence_kl():
    agent = RLOO(
        "nano", "Translation-v0", seed=1, n_envs=8, eval_freq=300, n_eval_episodes=10, eval_metrics=METRICS,
        warm_start=False,
    ).learn(600)  # fmt: skip
    for row in agent.report.curve:
        assert {"eval/chrf", "eval/token_f1", "eval/mine"} <= row.keys()
        assert row["eval/mine"] == pytest.approx(2.0 * row["eval/mean_reward"])
    assert np.isfinite([row["rollout/kl"] for row in agent.report.curve]).all()


def test_an_agent_of_stable_baselines3_measures_them_too():
    agent = factory_of("sb3_dqn")(
        gym.make("Translation-v0"), 1, eval_freq=500, n_eval_episodes=4, eval_metrics=METRICS
    )
    agent.learn(600)
    assert all("eval/mine" in row for row in agent.report.curve)


def test_a_metric_that_does_not_exist_is_named_before_the_training():
    agent = RLOO("nano", "Translation-v0", seed=1, eval_metrics=["blue"])
    with pytest.raises(ValueError, match="unknown reward 'blue'; did you mean 'bleu'"):
        agent.learn(100)
