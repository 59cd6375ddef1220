"""What is trained twice goes on; what was broken off leaves nothing behind; what is no number is not kept."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import SyncVectorEnv
from safetensors.torch import load_file
from stable_baselines3.common.callbacks import BaseCallback
from tiny_agents import equal, make, weights
from token_worlds import SMALL, World

from llm_baselines import TokenDQN
from llm_baselines.storage.agent_folder import AgentFolderError
from llm_baselines.storage.not_finite import NotFinite
from llm_baselines.storage.rotation import newest_checkpoint

PLAIN = {
    "device": "cpu",
    "n_envs": 4,
    "batch_size": 4,
    "reuse": 1.0,
    "eval_freq": 0,
}


def world_agent(seed=0, env=None, **options):
    own = {} if options.get("q") == "head" else {"value_warmup": 0}
    return TokenDQN(SMALL, World() if env is None else env, seed=seed, **{**PLAIN, **own, **options})


def played(agent):
    """What the agent plays from here on: its rounds, their prompts."""
    found, act = [], agent.act

    def noting(run):
        episodes = act(run)
        found.append((run.round, [tuple(t.tokens) for t in episodes]))
        return episodes

    agent.act = noting
    return found


def test_a_second_call_plays_other_episodes_and_forgets_by_age():
    agent = world_agent(max_age=1)
    rounds = played(agent)
    agent.learn(60)
    first = len(rounds)
    agent.learn(120)
    assert [number for number, _ in rounds] == list(range(len(rounds)))
    assert rounds[first][1] != rounds[0][1]
    assert {t.round for t in agent.replay.newest(1000)} == {agent.rounds - 1}


def test_two_calls_make_the_same_weights_as_a_resumed_run(tmp_path):
    once = world_agent().learn(60)
    whole = world_agent(learning_rate_end=3e-4, checkpoint_freq=1)
    world_agent(learning_rate_end=3e-4, checkpoint_freq=1).learn(60, run_folder=tmp_path)
    with pytest.warns(UserWarning, match="was on its way to 60 steps"):
        whole.learn(120, run_folder=tmp_path, resume=True)
    twice = world_agent(learning_rate_end=3e-4, checkpoint_freq=1).learn(60).learn(120)
    assert equal(weights(twice), weights(whole))
    assert not equal(weights(twice), weights(once))


def test_a_saved_agent_goes_on_with_its_counters_and_its_temperature(tmp_path):
    agent = world_agent(target_kl=0.5, value_warmup=3).learn(100)
    agent.save(tmp_path / "agent")
    loaded = TokenDQN.load(tmp_path / "agent", World(), device="cpu")
    assert loaded.network.temperature == agent.network.temperature != loaded.config.tau
    assert (loaded.updates, loaded.rounds, loaded.num_timesteps) == (
        agent.updates,
        agent.rounds,
        agent.num_timesteps,
    )
    rounds = played(loaded)
    loaded.learn(140)
    assert rounds[0][0] == agent.rounds


class Interrupted(Exception):
    pass


def test_an_update_that_was_broken_off_leaves_no_gradient(tmp_path):
    options = {"checkpoint_freq": 1, "micro_batch_size": 2}
    whole = world_agent(**options).learn(100, run_folder=tmp_path / "whole")
    agent, calls = world_agent(**options), 0
    loss = agent.network.loss

    def broken(*arguments):
        nonlocal calls
        calls += 1
        if calls == 8:  # the second half of a batch
            raise Interrupted
        return loss(*arguments)

    agent.network.loss = broken
    with pytest.raises(Interrupted):
        agent.learn(100, run_folder=tmp_path / "parts")
    agent.network.loss = loss
    agent.learn(100, run_folder=tmp_path / "parts", resume=True)
    assert equal(weights(agent), weights(whole))


def test_a_run_that_cannot_begin_leaves_no_logger(tmp_path):
    class Bad(BaseCallback):
        def _on_training_start(self):
            raise Interrupted

        def _on_step(self):
            return True

    agent = world_agent()
    with pytest.raises(Interrupted):
        agent.learn(20, callback=Bad(), run_folder=tmp_path / "a")
    assert agent.logger is None
    agent.learn(60, run_folder=tmp_path / "b", log_interval=1)
    assert list((tmp_path / "b" / "logs").rglob("progress.csv"))


class Closable(World):
    """Counts how often it was closed."""

    closed = 0

    def close(self):
        Closable.closed += 1


def test_a_vector_environment_of_the_callers_stays_open():
    envs = SyncVectorEnv([Closable] * 2)
    agent = world_agent(env=envs).learn(20)
    assert not envs.closed
    assert Closable.closed == 0
    agent.learn(40)
    native = gym.make_vec("llm_envs:TextGen-Tiny-v0", num_envs=4, autoreset_mode="Disabled")
    world_agent(env=native).learn(20).learn(40)


# Resuming what is not the same run.


def test_another_seed_environment_or_reward_is_not_the_same_run(tmp_path):
    def tiny(seed=0, **kwargs):
        env = gym.make("llm_envs:TextGen-Tiny-v0", **kwargs)
        return world_agent(seed, env, warm_start=False)

    tiny().learn(40, run_folder=tmp_path)
    for agent, what in (
        (tiny(seed=5), "seed 0, not 5"),
        (tiny(reward="chrf"), "the reward .*spelled.*, not 'chrf.*resume with the same reward"),
    ):
        with pytest.raises(AgentFolderError, match=what):
            agent.learn(40, run_folder=tmp_path, resume=True)
    tiny().learn(40, run_folder=tmp_path, resume=True)


class Half:
    """A reward that is an object."""

    def __call__(self, episode):
        return 0.5


def test_a_reward_without_a_name_resumes_and_is_reported_on_load(tmp_path):
    def tiny():
        env = gym.make("llm_envs:TextGen-Tiny-v0")
        return world_agent(env=env, warm_start=False, reward=Half())

    tiny().learn(40, run_folder=tmp_path / "run")
    tiny().learn(40, run_folder=tmp_path / "run", resume=True).save(tmp_path / "agent")
    with pytest.warns(UserWarning, match=r"trained on <.*Half object>, which is not saved with it"):
        loaded = TokenDQN.load(tmp_path / "agent", "llm_envs:TextGen-Tiny-v0", device="cpu")
    loaded.learn(60)


# What is no number.


@pytest.mark.parametrize("rate", [1e12, 1e25])
def test_the_checkpoint_that_is_named_is_one_that_can_go_on(rate, tmp_path):
    agent = world_agent(learning_rate=rate, learning_rate_end=rate, checkpoint_freq=1, learning_starts=30)
    with pytest.raises(NotFinite, match="the last good checkpoint is"):
        agent.learn(2000, run_folder=tmp_path)
    place = newest_checkpoint(tmp_path / "resume")
    assert all(tensor.isfinite().all() for tensor in load_file(place / "network.safetensors").values())
    fresh = world_agent(checkpoint_freq=1, learning_starts=30)
    fresh.take_tensors(load_file(place / "network.safetensors"))
    assert fresh.is_finite()


def test_weights_that_are_lost_in_the_last_round_are_no_success():
    with pytest.raises(NotFinite, match="a weight, or what the weights give"):
        world_agent(learning_rate=1e38, n_envs=64, batch_size=64).learn(60)


def test_a_number_of_steps_is_not_below_zero():
    for steps in (-5, float("nan")):
        with pytest.raises(ValueError, match=r"total_timesteps=.* must be at least 0"):
            world_agent().learn(steps)


# What an environment of others cannot follow, or does not keep to.


@pytest.mark.parametrize(
    "option",
    [{"reward": "bleu"}, {"reward_timing": "dense"}, {"train_dataset": "x"}, {"train_fraction": 0.1}],
)
def test_options_of_our_environments_are_refused_on_others(option):
    (name,) = option
    for env in (World(), SyncVectorEnv([World] * 2)):
        with pytest.raises(
            ValueError, match=f"{name}=.* is for environments that gymnasium.make made from our"
        ):
            world_agent(env=env, **option).learn(20)


def test_vector_environments_do_not_use_the_option_table():
    envs = gym.make_vec("llm_envs:Translation-v0", num_envs=4, autoreset_mode="Disabled")
    make("logits", env=envs).learn(20)


class Masked(World):
    """Tokens 0 and 1 alone may be taken."""

    allowed = (0, 1)

    def action_mask(self, observation):
        mask = np.zeros((len(np.atleast_2d(observation)), 4), bool)
        mask[:, self.allowed] = True
        return mask


class Strict(World):
    """Token 0 may never be taken."""

    def action_mask(self, observation):
        return np.tile(np.arange(4) > 0, (len(np.atleast_2d(observation)), 1))

    def step(self, action):
        assert action > 0
        return super().step(action)


def test_rows_that_are_over_idle_with_a_token_they_may_take():
    world_agent(env=SyncVectorEnv([lambda: Strict(cut=0.5)] * 4)).learn(60)


class Dumb(Masked):
    allowed = ()


@pytest.mark.parametrize("q", ["head", "logits"])
def test_masks_hold_in_rows_of_a_vector_environment_too(q):
    agent = world_agent(env=SyncVectorEnv([Masked] * 4), q=q, exploration="sample").learn(60)
    taken = {int(token) for t in agent.replay.newest(1000) for token in t.tokens[t.actions]}
    assert taken == {0, 1}
    with pytest.raises(ValueError, match="row 0: action_mask allows no token"):
        world_agent(env=Dumb(), q=q).learn(60)


class OneBuffer(World):
    """Writes every observation into the same array."""

    def _observation(self):
        observation = super()._observation()
        if not hasattr(self, "_buffer"):
            self._buffer = observation
        self._buffer[:] = observation
        return self._buffer


def test_an_environment_may_write_into_the_array_it_returned():
    expected, found = world_agent(), world_agent(env=OneBuffer())
    expected.learn(60)
    found.learn(60)
    assert equal(weights(expected), weights(found))
    world_agent(env=SyncVectorEnv([World] * 4, copy=False)).learn(60)


class Longer(World):
    def _observation(self):
        return np.append(super()._observation(), [-1, -1]).astype(np.int32)


class Growing(World):
    def step(self, action):
        observation, *rest = super().step(action)
        return np.append(observation, -1).astype(np.int32), *rest


class Fractions(World):
    def _observation(self):
        return super()._observation() + 0.25


class RewardInARow(World):
    def step(self, action):
        observation, reward, *rest = super().step(action)
        return observation, np.array([reward]), *rest


@pytest.mark.parametrize(
    ("world", "said"),
    [
        (Longer, r"shape \(8,\) and the type int32 was returned; its space has the shape \(6,\)"),
        (Growing, r"shape \(7,\)"),
        (Fractions, "the type float64"),
        (RewardInARow, r"a reward is one number, and step\(\) returned an array of the shape \(1,\)"),
    ],
)
def test_errors_say_what_is_wrong_with_an_observation_or_reward(world, said):
    with pytest.raises(ValueError, match=said):
        world_agent(env=world()).learn(20)


def test_an_interrupted_round_of_rloo_makes_no_update():
    agent = make("rloo", warm_start=False, n_envs=16)
    before = weights(agent)
    calls = iter([True, True, False])
    agent.learn(1000, callback=lambda *_: next(calls))
    assert agent.updates == 0
    assert equal(weights(agent), before)


def test_a_spent_budget_warns_and_trains_no_further():
    agent = world_agent().learn(60)
    with pytest.warns(UserWarning, match=r"total_timesteps=60 counts earlier steps too"):
        agent.learn(60)


def test_there_is_no_resume_without_a_run_folder():
    with pytest.raises(ValueError, match="give run_folder"):
        world_agent().learn(60, resume=True)


def test_what_was_best_is_kept_through_an_interruption():
    def spoil(given, _):
        agent = given["self"]
        if agent.num_timesteps > 100 and agent.num_timesteps < 150:
            raise KeyboardInterrupt
        return True

    agent = make("supervised", learning_rate=5e-3, eval_freq=50)
    with pytest.raises(KeyboardInterrupt):
        agent.learn(2000, callback=spoil)
    best, kept = agent.interrupted_best
    with torch.no_grad():
        for parameter in agent.network.parameters():
            parameter.zero_()  # what is left is worse than what was
    agent.interrupted_best = (best + 10.0, kept)
    agent.learn(400)
    assert agent.interrupted_best is None
    found = weights(agent)
    assert all(torch.equal(found[name], tensor) for name, tensor in kept.items())


def test_seeds_may_be_numpys(tmp_path):
    world_agent(seed=np.int64(3)).learn(20).save(tmp_path / "agent")
    with pytest.raises(TypeError):
        world_agent(seed=0.5)


def test_the_error_names_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises((FileExistsError, NotADirectoryError)):
        world_agent().learn(20, run_folder=tmp_path / "file")
