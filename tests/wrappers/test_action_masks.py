"""ActionMasks: which tokens are allowed, and who is told."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_util import make_vec_env

import llm_envs
from llm_baselines.registry import make_agent
from llm_envs.wrappers import ActionMasks, MaskedPolicy, TokenizedDiscrete, TopKActions

TINY = "TextGen-Tiny-v0"
END, SEPARATOR, A, B = 0, 1, 2, 3


def letters_once(observations):
    """Letters that are not written yet, and the end token."""
    allowed = np.ones((len(observations), 8), bool)
    allowed[:, SEPARATOR] = False
    for row, written in zip(allowed, observations[:, 4:], strict=True):
        row[written[written > SEPARATOR]] = False
    return allowed


def make(allowed=letters_once):
    return ActionMasks(gym.make(TINY), allowed)


def test_every_way_to_ask_gives_the_same_mask():
    env = make()
    observation, info = env.reset(seed=0)
    assert env.action_masks().tolist() == [True, False, *[True] * 6]
    observation, _, _, _, info = env.step(B)
    assert env.action_masks().tolist() == [True, False, True, False, *[True] * 4]
    assert info["action_mask"].dtype == np.int8
    assert info["action_mask"].tolist() == env.action_masks().tolist()
    assert env.action_mask(observation[None]).tolist() == [env.action_masks().tolist()]


def test_gymnasiums_checker_accepts_it():
    check_env(make(lambda observations: np.ones((len(observations), 8), bool)), skip_render_check=True)


def test_a_forbidden_token_is_an_error_and_the_episode_goes_on():
    env = make()
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match=r"token 1 is not allowed here: .* allows 7 of 8 tokens"):
        env.step(SEPARATOR)
    for wrong in (-1, 8, 0.5):
        with pytest.raises(InvalidAction):
            env.step(wrong)
    assert env.step(A)[0][4] == A


def test_there_is_no_mask_before_the_first_reset_and_after_the_end():
    env = make()
    with pytest.raises(ResetNeeded):
        env.action_masks()
    env.reset(seed=0)
    *_, terminated, _, info = env.step(END)
    assert terminated
    assert "action_mask" not in info
    assert info["outcome"]["finish_reason"] == "stop"
    with pytest.raises(ResetNeeded):
        env.action_masks()
    with pytest.raises(ResetNeeded):
        env.step(A)


def test_samples_by_the_mask_in_info_are_allowed():
    env = make()
    for seed in range(20):
        _, info = env.reset(seed=seed)
        env.action_space.seed(seed)
        over = False
        while not over:
            *_, over, _, info = env.step(env.action_space.sample(info.get("action_mask")))


def test_a_rule_that_allows_nothing_says_where():
    env = make(lambda observations: np.zeros((len(observations), 8), bool))
    with pytest.raises(ValueError, match=r"allows no token after \[\d, \d, \d, 1\]"):
        env.reset(seed=0)


@pytest.mark.parametrize("returned", [np.ones(8, bool), np.ones((1, 7), bool), np.ones((1, 8), int)])
def test_a_rule_of_another_shape_or_type_is_an_error(returned):
    env = make(lambda observations: returned)
    with pytest.raises(ValueError, match=r"allowed tokens are bool \(1, 8\)"):
        env.reset(seed=0)


def test_without_a_rule_the_environment_needs_one():
    with pytest.raises(ValueError, match="has no action_mask: give allowed="):
        ActionMasks(gym.make(TINY))
    with pytest.raises(ValueError, match="Discrete"):
        ActionMasks(gym.make("Pendulum-v1"), letters_once)


def test_the_environments_own_mask_is_taken():
    env = ActionMasks(TokenizedDiscrete(gym.make("FrozenLake-v1"), 10))
    env.reset(seed=0)
    assert env.action_masks().tolist() == [False] * 16 + [True] * 4


def test_a_vec_env_of_stable_baselines3_finds_the_masks():
    envs = make_vec_env(make, n_envs=2)
    envs.reset()
    envs.step(np.array([A, END]))
    first, second = envs.env_method("action_masks")
    assert first.tolist() == [True, False, False, *[True] * 5]
    assert second.tolist() == [True, False, *[True] * 6]  # of its next episode


def test_our_agents_keep_the_mask():
    env = make()
    agent = make_agent("token_dqn", env, seed=0, config={"model": "nano", "warm_start": False})
    observation, _ = env.reset(seed=0)
    begun = np.repeat(observation[None], 200, axis=0)
    assert agent.action_mask(begun[:1]).tolist() == [[True, False, *[True] * 6]]
    assert SEPARATOR not in agent.predict(begun)[0]


def test_top_k_candidates_keep_to_the_mask():
    def likes_the_separator(observations):
        return np.tile(np.log([0.05, 0.65, *[0.05] * 6]), (len(observations), 1)).astype(np.float32)

    env = TopKActions(make(), likes_the_separator, 4)
    observation, _ = env.reset(seed=0)
    assert observation["candidates"].tolist() == [END, A, B, B + 1]
    observation, *_ = env.step(1)
    assert observation["candidates"].tolist() == [END, B, B + 1, B + 2]


class Likes:
    """Prefers the separator, then the highest letter; keeps to its masks."""

    def predict(self, observation, state=None, episode_start=None, deterministic=False, action_masks=None):
        values = np.arange(8.0)
        values[SEPARATOR] = 9.0
        return np.where(action_masks, values, -np.inf).argmax(axis=-1), state


def test_a_masked_policy_is_evaluated_in_the_plain_environment():
    policy = MaskedPolicy(Likes(), make())
    for row in llm_envs.evaluate(policy, TINY, seed=1).rows:
        assert row.text == "f e d c b"
    observation, _ = gym.make(TINY).reset(seed=0)
    assert policy.predict(observation)[0] == 7
