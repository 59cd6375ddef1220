"""What a vector environment refuses, and how it names it."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction

from llm_envs.envs.tiny import TinyVectorEnv


@pytest.mark.parametrize(
    ("actions", "said"),
    [
        ([1, [2, 3]], "row 1 has [2, 3]"),
        ([[1], [2, 3]], "row 0 has [1]"),
        ([1, None], "row 1 has None"),
        ([1, "2"], "row 0 has '1'"),
        ([1, 2.5], "row 0 has 1.0"),
        ([1, float("nan")], "row 0 has 1.0"),
        ([True, False], "row 0 has True"),
        ([1, 10**400], "row 1 has 1000"),
        ([1, {}], "row 1 has {}"),
        ([1, 2, 3], "shape (2,), got shape (3,)"),
        (1, "got shape ()"),
        (None, "got shape ()"),
        ("12", "got shape ()"),
    ],
)
def test_actions_that_are_none_are_named(actions, said):
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=2)
    envs.reset(seed=0)
    with pytest.raises(InvalidAction) as error:
        envs.step(actions)
    assert said in str(error.value)
    envs.step(np.array([2, 3]))  # nothing was spoiled


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"num_envs": 10**12}, "num_envs=1000000000000 must be at most 65,536"),
        ({"num_envs": 2.0}, "num_envs=2.0 must be a whole number"),
        ({"num_envs": 2, "autoreset_mode": "x"}, "unknown autoreset_mode='x'; the modes are"),
        ({"num_envs": 2, "autoreset_mode": []}, "unknown autoreset_mode=[]; the modes are"),
        ({"num_envs": 2, "max_new_tokens": 2**40}, "max_new_tokens=1099511627776 must be at most"),
    ],
)
def test_arguments_of_rows_are_refused_by_name(arguments, said):
    with pytest.raises(ValueError) as error:
        TinyVectorEnv(**arguments)
    assert said in str(error.value)


def test_a_seed_that_is_none_is_named():
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=2)
    with pytest.raises(ValueError, match=r"seed=1\.5"):
        envs.reset(seed=1.5)
