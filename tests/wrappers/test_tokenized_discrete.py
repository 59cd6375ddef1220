"""TokenizedDiscrete: what a token agent relies on, and what the environment below still says."""

from __future__ import annotations

import functools
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import TimeLimit

from llm_baselines.play.transitions import check_spaces, check_start, check_step
from llm_envs.wrappers import TokenizedDiscrete


class Corridor(gym.Env):
    """States 5 to 9; actions -1 and 0 move left and right; the right end terminates and pays 1."""

    observation_space = spaces.Discrete(5, start=5)
    action_space = spaces.Discrete(2, start=-1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = 5 + int(self.np_random.integers(3))
        return self.state, {"began": self.state}

    def step(self, action):
        self.state = max(5, self.state + (1 if action == 0 else -1))
        over = self.state == 9
        return self.state, float(over), over, False, {"moved": action}


LEFT, RIGHT = 5, 6  # the tokens after those of the five states


def corridor(max_steps=4):
    return TokenizedDiscrete(Corridor(), max_steps)


def text(observation):
    return observation[observation >= 0].tolist()


@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("env_id", ["FrozenLake-v1", "CliffWalking-v1", "Taxi-v4"])
def test_passes_the_checker(env_id):
    check_env(TokenizedDiscrete(gym.make(env_id, max_episode_steps=20)), skip_render_check=True)


def test_episode_is_observations_and_actions_in_turn():
    env = corridor()
    env.reset(seed=0)
    began = env.unwrapped.state - 5
    observation, reward, terminated, truncated, info = env.step(RIGHT)
    assert text(observation) == [began, RIGHT, began + 1]
    assert (reward, terminated, truncated, info) == (0.0, False, False, {"moved": 0})
    assert text(env.step(LEFT)[0]) == [began, RIGHT, began + 1, LEFT, began]


def test_spaces_hold_a_token_for_every_observation_and_action():
    env = corridor()
    assert env.action_space == spaces.Discrete(7)
    assert env.observation_space == spaces.Box(-1, 6, (9,), np.int32)
    observation, _ = env.reset(seed=0)
    assert env.action_mask(observation[None]).tolist() == [[False] * 5 + [True] * 2]
    assert {int(env.action_space.sample()) for _ in range(50)} == {LEFT, RIGHT}


@pytest.mark.parametrize("env_id", ["FrozenLake-v1", "CliffWalking-v1", "Taxi-v4"])
def test_transitions_only_append(env_id):
    env = TokenizedDiscrete(gym.make(env_id), 30)
    size, _ = check_spaces(env.observation_space, env.action_space)
    env.action_space.seed(1)
    for episode in range(5):
        observation, _ = env.reset(seed=episode)
        check_start(observation[None], size)
        over = False
        while not over:
            action = env.action_space.sample()
            after, _, terminated, truncated, _ = env.step(action)
            check_step(observation[None], np.array([action]), after[None], size)
            observation, over = after, terminated or truncated


def test_same_seed_gives_the_episode_of_the_environment_below():
    plain, tokens = gym.make("FrozenLake-v1"), TokenizedDiscrete(gym.make("FrozenLake-v1"))
    for seed in range(3):
        state, info = plain.reset(seed=seed)
        observation, token_info = tokens.reset(seed=seed)
        assert (text(observation), token_info) == ([state], info)
        over = False
        while not over:
            action = int(plain.np_random.integers(4))
            tokens.unwrapped.np_random.integers(4)
            state, *expected = plain.step(action)
            observation, *found = tokens.step(tokens.action_token(action))
            assert text(observation)[-1] == state
            assert found == expected
            over = expected[1] or expected[2]


def test_termination_is_not_truncation():
    env = corridor(max_steps=2)
    env.reset(seed=0)
    env.unwrapped.state = 7
    assert env.step(RIGHT)[2:4] == (False, False)
    assert env.step(RIGHT)[2:4] == (True, False), "it ends at its last step, by itself"


@pytest.mark.parametrize(
    "env",
    [
        corridor(max_steps=3),
        TokenizedDiscrete(TimeLimit(Corridor(), 3)),
        TokenizedDiscrete(TimeLimit(Corridor(), 3), max_steps=7),
        TimeLimit(TokenizedDiscrete(Corridor(), max_steps=7), 3),
    ],
    ids=["max_steps", "inside", "inside and max_steps", "outside"],
)
def test_time_limit_truncates(env):
    env.reset(seed=0)
    ends = [env.step(LEFT)[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]


def test_max_steps_is_the_time_limit_by_default():
    assert TokenizedDiscrete(gym.make("FrozenLake-v1")).max_steps == 100
    assert TokenizedDiscrete(gym.make("CliffWalking-v1", max_episode_steps=50)).max_steps == 50
    with pytest.raises(ValueError, match=r"no TimeLimit.*give max_steps"):
        TokenizedDiscrete(gym.make("CliffWalking-v1"))
    with pytest.raises(ValueError, match="max_steps=0 is"):
        corridor(max_steps=0)


def test_other_spaces_are_an_error():
    with pytest.raises(ValueError, match=r"the observation space of .*CartPole.* Box"):
        TokenizedDiscrete(gym.make("CartPole-v1"))
    with pytest.raises(ValueError, match=r"space of .*Pendulum.* Box"):
        TokenizedDiscrete(gym.make("Pendulum-v1"))


@pytest.mark.parametrize("token", [0, 4, 7, -1, True, 5.5])
def test_token_of_no_action_is_an_error_and_the_episode_goes_on(token):
    env = corridor()
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match=r"no action|one token id"):
        env.step(token)
    assert len(text(env.step(RIGHT)[0])) == 3


def test_step_outside_an_episode_is_an_error():
    env = corridor(max_steps=1)
    with pytest.raises(ResetNeeded):
        env.step(RIGHT)
    env.reset(seed=0)
    env.step(LEFT)
    with pytest.raises(ResetNeeded):
        env.step(RIGHT)


def test_observation_outside_its_space_is_an_error():
    env = corridor()
    env.reset(seed=0)
    env.unwrapped.state = 12
    with pytest.raises(ValueError, match="observation 13"):
        env.step(RIGHT)
    with pytest.raises(ResetNeeded):
        env.step(RIGHT)


def test_observations_are_copies():
    env = corridor()
    first, _ = env.reset(seed=0)
    kept = first.copy()
    env.step(RIGHT)
    np.testing.assert_array_equal(first, kept)


def test_made_again_from_its_spec_pickled_and_in_vectors():
    env = TokenizedDiscrete(gym.make("CliffWalking-v1"), max_steps=9)
    again = gym.make(env.spec)
    assert isinstance(again, TokenizedDiscrete)
    assert again.observation_space == env.observation_space
    assert pickle.loads(pickle.dumps(env)).max_steps == 9
    wrapper = functools.partial(TokenizedDiscrete, max_steps=9)
    envs = gym.make_vec("CliffWalking-v1", num_envs=2, vectorization_mode="sync", wrappers=[wrapper])
    observations, _ = envs.reset(seed=0)
    assert observations.shape == (2, 19)
    assert envs.step(np.array([48, 49]))[0][:, :3].tolist() == [[36, 48, 24], [36, 49, 36]]
