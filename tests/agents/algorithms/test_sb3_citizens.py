"""Stable-Baselines3's own callbacks, evaluation and loggers on our learners, unchanged."""

from __future__ import annotations

import csv

import gymnasium as gym
import pytest
from stable_baselines3.common.callbacks import (
    BaseCallback,
    CheckpointCallback,
    ConvertCallback,
    EvalCallback,
    EveryNTimesteps,
    StopTrainingOnMaxEpisodes,
    StopTrainingOnNoModelImprovement,
    StopTrainingOnRewardThreshold,
)
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.logger import configure
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv
from tiny_agents import AGENTS, equal, make, weights

from llm_baselines import TokenDQN

ENV = "TextGen-Tiny-v0"


def learner(name="logits", **changes):
    start = {} if name == "supervised" else {"warm_start": False}
    return make(name, **{**start, "eval_freq": 0, **changes})


def test_evaluate_policy():
    agent = learner().learn(100)
    for env in (Monitor(gym.make(ENV)), DummyVecEnv([lambda: Monitor(gym.make(ENV))] * 3)):
        rewards, lengths = evaluate_policy(agent, env, 7, deterministic=False, return_episode_rewards=True)
        assert len(rewards) == 7
        assert all(0 <= reward <= 1 for reward in rewards)
        assert all(1 <= length <= 5 for length in lengths)


def test_eval_callback_keeps_the_best_model_and_its_numbers(tmp_path):
    callback = EvalCallback(
        DummyVecEnv([lambda: Monitor(gym.make(ENV))]),
        eval_freq=5,
        n_eval_episodes=5,
        best_model_save_path=str(tmp_path / "best"),
        log_path=str(tmp_path / "log"),
        verbose=0,
    )
    agent = learner().learn(150, callback=callback)
    assert callback.best_mean_reward == max(sum(r) / len(r) for r in callback.evaluations_results)
    assert callback.evaluations_timesteps == sorted(callback.evaluations_timesteps)
    assert (tmp_path / "log" / "evaluations.npz").exists()
    assert TokenDQN.load(tmp_path / "best" / "best_model", gym.make(ENV)).num_timesteps <= agent.num_timesteps


def test_checkpoint_callback_saves_agents_that_load(tmp_path):
    agent = learner("head")
    last = []
    count = ConvertCallback(lambda *_: last.append(agent.num_timesteps) or True)
    callback = CheckpointCallback(
        save_freq=10, save_path=str(tmp_path), save_replay_buffer=True, save_vecnormalize=True
    )
    agent.learn(150, callback=[callback, count])
    saved = sorted(tmp_path.iterdir())
    assert len(saved) == len(last) // 10
    for folder in saved:
        loaded = TokenDQN.load(folder, gym.make(ENV))
        assert folder.name == f"rl_model_{loaded.num_timesteps}_steps.zip"


@pytest.mark.parametrize("name", AGENTS)
def test_training_stops_at_a_reward(name):
    stop = StopTrainingOnRewardThreshold(reward_threshold=-1.0, verbose=0)
    callback = EvalCallback(Monitor(gym.make(ENV)), callback_on_new_best=stop, eval_freq=1, n_eval_episodes=2)
    agent = learner(name).learn(10_000, callback=callback)  # at the first step, before any episode is over
    assert 0 < agent.num_timesteps < 100
    agent.predict(gym.make(ENV).reset(seed=0)[0])


@pytest.mark.parametrize("name", AGENTS)
def test_training_stops_between_and_within_rounds(name):
    for steps in (1, 7, 60):
        seen = []
        agent = learner(name, max_age=1) if name in ("logits", "head") else learner(name)
        agent.learn(10_000, callback=lambda *_, seen=seen, steps=steps: seen.append(1) or len(seen) < steps)
        assert len(seen) == steps


def test_other_callbacks_run_and_hear_what_they_need():
    class Listener(BaseCallback):
        def __init__(self):
            super().__init__()
            self.heard = []

        def _on_training_start(self):
            self.heard.append("training start")

        def _on_rollout_start(self):
            self.heard.append("rollout start")

        def _on_step(self):
            assert self.num_timesteps == self.model.num_timesteps > 0
            assert self.logger is self.model.logger
            assert self.training_env.num_envs >= 1
            self.logger.record("mine/steps", self.n_calls)
            return True

        def _on_rollout_end(self):
            self.heard.append("rollout end")

        def _on_training_end(self):
            self.heard.append("training end")

    listener = Listener()
    evaluation = EvalCallback(
        Monitor(gym.make(ENV)),
        callback_after_eval=StopTrainingOnNoModelImprovement(10**6),
        eval_freq=20,
        n_eval_episodes=2,
        verbose=0,
    )
    counted = EveryNTimesteps(50, Listener())
    agent = learner().learn(200, callback=[listener, evaluation, counted])
    rounds = listener.heard[1:-1]
    assert listener.heard[0] == "training start"
    assert listener.heard[-1] == "training end"
    assert rounds == ["rollout start", "rollout end"] * (len(rounds) // 2)
    assert len(rounds) >= 4
    assert counted.callback.n_calls == pytest.approx(agent.num_timesteps / 50, abs=2)
    assert evaluation.n_calls == listener.n_calls


def test_a_logger_of_stable_baselines3(tmp_path, capsys):
    agent = learner()
    logger = configure(str(tmp_path), ["stdout", "csv", "tensorboard"])
    agent.set_logger(logger)
    agent.learn(100, log_interval=1)
    agent.learn(200, log_interval=1)  # the logger stays
    assert agent.logger is logger
    logger.close()
    printed = capsys.readouterr().out
    assert "ep_rew_mean" in printed
    assert "td_error" in printed
    with open(tmp_path / "progress.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    steps = [int(row["time/total_timesteps"]) for row in rows]
    assert steps == sorted(steps)
    assert steps[-1] >= 200 > steps[0]
    assert {"rollout/ep_rew_mean", "train/loss", "train/tau", "replay/episodes"} <= set(rows[0])
    scalars = tensorboard_scalars(tmp_path)
    assert [event.step for event in scalars["rollout/ep_rew_mean"]] == steps


def tensorboard_scalars(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {tag: events.Scalars(tag) for tag in events.Tags()["scalars"]}


def test_verbose_prints_and_tensorboard_log_writes(tmp_path, capsys):
    options = {"n_envs": 8, "warm_start": False, "eval_freq": 0, "device": "cpu"}
    for number in (1, 2):
        agent = TokenDQN("nano", ENV, verbose=1, tensorboard_log=tmp_path, **options)
        agent.learn(60, log_interval=1)
        assert "ep_len_mean" in capsys.readouterr().out
        assert "train/loss" in tensorboard_scalars(tmp_path / f"token_dqn_{number}")
    TokenDQN("nano", ENV, **options).learn(60, log_interval=1)
    assert capsys.readouterr().out == ""


def test_the_run_folder_gets_logs_in_three_formats(tmp_path):
    learner(eval_freq=100, n_eval_episodes=4).learn(150, run_folder=tmp_path, log_interval=1)
    (place,) = (tmp_path / "logs").iterdir()
    assert {"progress.csv", "progress.json"} <= {path.name for path in place.iterdir()}
    scalars = tensorboard_scalars(place)
    assert {"eval/mean_reward", "rollout/ep_rew_mean", "train/grad_norm_policy"} <= set(scalars)


def test_a_progress_bar_shows_the_steps(capsys):
    agent = learner().learn(100, progress_bar=True)
    assert f"{agent.num_timesteps}step" in capsys.readouterr().err


def test_callbacks_do_not_change_what_is_learned():
    plain = learner().learn(150)
    callback = EvalCallback(Monitor(gym.make(ENV)), eval_freq=3, n_eval_episodes=2, verbose=0)
    assert equal(weights(learner().learn(150, callback=callback)), weights(plain))


@pytest.mark.parametrize("name", ["logits", "rloo"])
def test_training_stops_after_a_number_of_episodes(name):
    stop = StopTrainingOnMaxEpisodes(max_episodes=21)
    learner(name).learn(10_000, callback=stop)
    assert 21 <= stop.n_episodes < 21 + 8
