"""The schedule of evaluations, the rows of the curve, and which weights are kept."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from stable_baselines3.common.logger import Logger

from llm_baselines.agent import TrainingReport
from llm_baselines.training.evaluations import Evaluations


@pytest.fixture
def evaluations():
    made = Evaluations(TrainingReport(), 0, eval_freq=100, n_eval_episodes=8)
    made.envs = SimpleNamespace()
    return made


def add(evaluations, timesteps, score, **metrics):
    result = SimpleNamespace(mean_reward=score, mean_length=4.0, metrics=metrics)
    weights = {"w": torch.tensor([float(timesteps)])}
    logger = Logger(None, [])
    evaluations.add(result, timesteps, recent_scores=[1.0, 3.0], logger=logger, weights=lambda: weights)
    return logger


def test_an_evaluation_is_due_a_number_of_steps_after_the_last(evaluations):
    assert not evaluations.is_due(99)
    assert evaluations.is_due(130)
    evaluations.plan_next(130)
    assert not evaluations.is_due(229)
    assert evaluations.is_due(230)
    evaluations.envs = None
    assert not evaluations.is_due(230)


def test_of_equal_scores_the_later_weights_are_the_best(evaluations):
    for timesteps, score in ((10, 0.5), (20, 0.5), (30, 0.25)):
        add(evaluations, timesteps, score)
    loaded = []
    evaluations.keep_best(loaded.append)
    assert loaded[0]["w"].item() == 20
    assert (evaluations.best_score, evaluations.report.kept_timesteps) == (0.5, 20)


def test_without_an_evaluation_no_weights_are_loaded(evaluations):
    evaluations.keep_best(lambda weights: pytest.fail("there are none"))
    assert evaluations.report.kept_timesteps is None
    assert evaluations.kept_score is None


def test_a_second_evaluation_of_a_step_replaces_its_row(evaluations):
    add(evaluations, 10, 0.5)
    logger = add(evaluations, 10, 0.25, bleu=0.75)
    (row,) = evaluations.report.curve
    assert row["timesteps"] == evaluations.last_timesteps == 10
    assert (row["eval/mean_reward"], row["eval/bleu"], row["rollout/ep_rew_mean"]) == (0.25, 0.75, 2.0)
    assert logger.name_to_value["eval/bleu"] == 0.75


def test_the_listener_finds_the_new_row_and_the_best_weights():
    seen = []

    def listener(timesteps, result):
        seen.append((timesteps, result.mean_reward, len(made.report.curve), made.best_score))

    made = Evaluations(TrainingReport(), 0, eval_freq=1, n_eval_episodes=1, listener=listener)
    add(made, 10, 0.5)
    assert seen == [(10, 0.5, 1, 0.5)]


def test_a_resumed_run_goes_on_with_the_best_and_the_schedule(evaluations):
    add(evaluations, 10, 0.5)
    again = Evaluations(TrainingReport(), 0, eval_freq=100, n_eval_episodes=8)
    again.envs = SimpleNamespace()
    again.restore(evaluations.report, evaluations.kept_score, evaluations.best_weights, 150)
    add(again, 20, 0.25)
    assert (again.best_score, again.best_weights["w"].item()) == (0.5, 10)
    assert [row["timesteps"] for row in again.report.curve] == [10, 20]
    assert not again.is_due(149)
    assert again.is_due(150)
