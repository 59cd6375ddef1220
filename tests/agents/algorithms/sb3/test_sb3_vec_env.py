import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.monitor import Monitor

from llm_baselines.algorithms.sb3.vec_env import SB3TokenVecEnv
from llm_envs import vectorize


def make(n=4, **changes):
    return vectorize(gym.make("TextGen-Tiny-v0"), n, autoreset_mode="SameStep", **changes)


def test_equals_the_native_env_and_hands_over_the_last_observation():
    native, adapted = make(), SB3TokenVecEnv(make())
    adapted.seed(7)
    first, _ = native.reset(seed=7)
    np.testing.assert_array_equal(adapted.reset(), first)
    rng = np.random.default_rng(0)
    finished = 0
    for _ in range(40):
        actions = rng.integers(8, size=4)
        obs, rewards, terminated, truncated, infos = native.step(actions)
        got, got_rewards, dones, got_infos = adapted.step(actions)
        np.testing.assert_array_equal(got, obs)
        np.testing.assert_allclose(got_rewards, rewards)
        np.testing.assert_array_equal(dones, terminated | truncated)
        for row, info in enumerate(got_infos):
            if dones[row]:
                finished += 1
                np.testing.assert_array_equal(info["terminal_observation"], infos["final_obs"][row])
                assert info["TimeLimit.truncated"] is False
            else:
                assert info == {}
    assert finished == adapted.episodes > 5


def test_episode_info_holds_return_and_length():
    env = SB3TokenVecEnv(make(1, reward_timing="dense"))
    env.seed(0)
    env.reset()
    for _ in range(3):
        total, steps, done = 0.0, 0, False
        while not done:
            _, rewards, dones, infos = env.step(np.array([3]))
            total, steps, done = total + float(rewards[0]), steps + 1, bool(dones[0])
        assert infos[0]["episode"]["r"] == pytest.approx(total)
        assert infos[0]["episode"]["l"] == steps == 5


def test_options_attributes_and_methods():
    env = SB3TokenVecEnv(make(3))
    env.set_options({"example": 5})
    env.reset()
    assert [info["example"] for info in env.reset_infos] == [5, 5, 5]
    assert env.get_attr("num_envs", [0, 2]) == [3, 3]
    assert env.env_method("get_attr", "num_envs", indices=1) == [(3, 3, 3)]
    assert env.env_is_wrapped(gym.Wrapper) == [False] * 3
    assert env.env_is_wrapped(Monitor) == [True] * 3
    env.set_attr("marked", 1)
    assert env.get_attr("marked") == [1, 1, 1]
    with pytest.raises(ValueError, match="leave indices out"):
        env.set_attr("marked", 2, indices=0)


def test_another_autoreset_mode_is_refused():
    with pytest.raises(ValueError, match="SameStep"):
        SB3TokenVecEnv(vectorize(gym.make("TextGen-Tiny-v0"), 2))
