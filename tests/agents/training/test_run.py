"""Runs that are interrupted or killed and resumed end as if they never had been; what goes wrong is said."""

from __future__ import annotations

import os
import signal
from dataclasses import asdict
from types import SimpleNamespace

import gymnasium as gym
import killed_run
import numpy as np
import pytest
from stable_baselines3.common.callbacks import CallbackList, ConvertCallback, EvalCallback
from stable_baselines3.common.monitor import Monitor
from tiny_agents import AGENTS, equal, make, weights
from token_worlds import SMALL, World

import llm_envs
from llm_baselines import TokenDQN
from llm_baselines.algorithms.rloo import RLOO
from llm_baselines.storage.not_finite import NotFinite
from llm_baselines.storage.rotation import newest_checkpoint

STEPS = {"logits": 500, "group": 500, "head": 500, "tight": 500, "rloo": 500, "supervised": 1500}


def told(agent):
    """The report without its clock."""
    report = asdict(agent.report)
    curve = [{k: v for k, v in row.items() if k != "seconds"} for row in report.pop("curve")]
    report.pop("seconds")
    return report, curve


BETWEEN = {"supervised": 12}  # calls between interruptions at most, where there are fewer than many


class Interrupt:
    """A callback that interrupts after some calls."""

    def __init__(self, calls):
        self.calls = calls

    def __call__(self, *_):
        self.calls -= 1
        if self.calls == 0:
            raise KeyboardInterrupt
        return True


@pytest.mark.parametrize("name", AGENTS)
def test_interrupted_and_resumed_it_ends_with_the_same_weights(name, tmp_path):
    whole = make(name).learn(STEPS[name], run_folder=tmp_path / "whole")
    rng, interrupted, resumed = np.random.default_rng(1), 0, []
    for _ in range(50):
        agent = make(name)
        try:
            agent.learn(
                STEPS[name],
                run_folder=tmp_path / "resumed",
                resume=True,
                callback=Interrupt(int(rng.integers(1, BETWEEN.get(name, 40)))),
            )
            break
        except KeyboardInterrupt:
            interrupted += 1
            resumed.append(agent.num_timesteps)
    assert interrupted >= 3
    assert len(set(resumed)) > 1
    assert equal(weights(agent), weights(whole))
    assert told(agent) == told(whole)
    assert agent.num_timesteps == whole.num_timesteps


def test_callbacks_go_on_counting(tmp_path):
    def evaluation():
        return EvalCallback(Monitor(gym.make("TextGen-Tiny-v0")), eval_freq=7, n_eval_episodes=3, verbose=0)

    def learn(folder, callback):
        agent = make("logits", warm_start=False, eval_freq=0, checkpoint_freq=1)  # after every round
        agent.learn(300, run_folder=folder, resume=True, callback=callback)

    whole = evaluation()
    learn(tmp_path / "whole", whole)
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path / "parts", CallbackList([evaluation(), ConvertCallback(Interrupt(30))]))
    rest = CallbackList([evaluation(), ConvertCallback(Interrupt(10**9))])
    learn(tmp_path / "parts", rest)
    assert rest.callbacks[0].n_calls == whole.n_calls
    assert rest.callbacks[0].num_timesteps == whole.num_timesteps
    assert rest.callbacks[0].best_mean_reward == whole.best_mean_reward


needs_fork = pytest.mark.skipif(os.name != "posix", reason="kills processes made by a fork server")


def killed_and_resumed(name, folder, kills, seed):
    """Kills runs, goes on with them each time, and compares how they end; another begins where one ended."""
    assert killed_run.run(name, folder / "whole", STEPS[name]) == 0
    weights, report = killed_run.final(folder / "whole")

    def assert_the_same(place):
        found, again = killed_run.final(place)
        assert equal(found, weights)
        assert (again["report"], again["curve"]) == (report["report"], report["curve"])

    moments = killed_run.moments(report, np.random.default_rng(seed))
    died, ended = 0, 0
    while died < kills:
        exit_code = killed_run.run(name, folder / str(ended), STEPS[name], next(moments))
        if exit_code == -signal.SIGKILL:
            died += 1
            continue
        assert exit_code == 0
        assert_the_same(folder / str(ended))
        ended += 1
    assert killed_run.run(name, folder / str(ended), STEPS[name]) == 0
    assert_the_same(folder / str(ended))


@needs_fork
@pytest.mark.parametrize("name", AGENTS)
def test_killed_and_resumed_it_ends_with_the_same_weights(name, tmp_path):
    killed_and_resumed(name, tmp_path, kills=5, seed=2)


@needs_fork
@pytest.mark.kills
@pytest.mark.parametrize("name", ["logits", "head"])
def test_killed_twenty_times(name, tmp_path):
    killed_and_resumed(name, tmp_path, kills=20, seed=3)


@pytest.mark.parametrize("deterministic", [True, False])
def test_the_curve_is_greedy_or_drawn_as_is_wanted(deterministic):
    options = {
        "eval_deterministic": deterministic,
        "keep_best": False,
        "n_eval_episodes": 40,
        "eval_freq": 60,
    }
    agent = make("rloo", warm_start=False, learning_rate=1e-2, **options).learn(60)
    wanted, other = (
        llm_envs.evaluate(agent, agent.validation_envs(), 40, deterministic=d)
        for d in (deterministic, not deterministic)
    )
    row = agent.report.curve[-1]
    assert row["timesteps"] == agent.num_timesteps
    found = (row["eval/mean_reward"], row["eval/mean_length"])
    assert found == (wanted.mean_reward, wanted.mean_length)
    assert found != (other.mean_reward, other.mean_length)


def test_equal_scores_keep_the_later_weights(monkeypatch):
    as_good = SimpleNamespace(mean_reward=0.5, mean_length=4.0, metrics={}, rows=())
    monkeypatch.setattr("llm_baselines.training.evaluations.evaluate", lambda *_, **__: as_good)
    kept, last = (make("rloo", warm_start=False, keep_best=best).learn(200) for best in (True, False))
    assert len(kept.report.curve) > 2
    assert kept.report.kept_timesteps == kept.num_timesteps
    assert equal(weights(kept), weights(last))


# What goes wrong.


class Sour(World):
    """After some episodes the reward is no number."""

    def __init__(self, after, reward=np.nan):
        super().__init__()
        self.after, self.reward = after, reward

    def pays(self, text):
        self.after -= 1
        return super().pays(text) if self.after > 0 else self.reward


@pytest.mark.parametrize(
    ("kind", "options"), [(TokenDQN, {"q": "logits"}), (TokenDQN, {"q": "head"}), (RLOO, {})]
)
def test_a_reward_that_is_no_number_stops_the_run(kind, options, tmp_path):
    agent = kind(SMALL, Sour(100), device="cpu", n_envs=8, checkpoint_freq=30, **options)
    with pytest.raises(NotFinite, match=r"score is nan at step \d+, round \d+; the last good") as stopped:
        agent.learn(1000, run_folder=tmp_path)
    if kind is TokenDQN:
        assert all(np.isfinite(t.rewards).all() for t in agent.replay.sample(50, np.random.default_rng(0))[0])
    assert f"'{newest_checkpoint(tmp_path / 'resume')}'" in str(stopped.value)
    assert f"step {agent.num_timesteps}," in str(stopped.value)
    assert 100 <= agent.num_timesteps < 200
    assert all(tensor.isfinite().all() for tensor in weights(agent).values())


@pytest.mark.parametrize("kind", [TokenDQN, RLOO])
def test_a_gradient_that_is_no_number_stops_the_run(kind):
    agent = kind(SMALL, World(), device="cpu", n_envs=8)
    head = agent.lm.model.get_output_embeddings().weight
    head.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(NotFinite, match=r"norm \(policy\) is (nan|inf) at .* no checkpoint to go back to"):
        agent.learn(1000)
    assert all(tensor.isfinite().all() for tensor in weights(agent).values())


@pytest.mark.parametrize(("checkpoint_freq", "what"), [(0, "the loss is nan at"), (1, "a weight, or what")])
def test_weights_that_are_no_numbers_stop_the_run(checkpoint_freq, what, tmp_path):
    agent = make("supervised", checkpoint_freq=checkpoint_freq, eval_freq=0)

    def spoil(*_):
        if agent.num_timesteps > 100:
            agent.lm.model.get_output_embeddings().weight.data.fill_(float("nan"))
        return True

    with pytest.raises(NotFinite, match=what):
        agent.learn(1000, run_folder=tmp_path, callback=spoil)
