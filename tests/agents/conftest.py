"""Language agents after a little training; what else the tests of agents share are modules beside this."""

from __future__ import annotations

import gymnasium as gym
import pytest
from tiny_agents import AGENTS, make


@pytest.fixture(scope="module")
def env():
    return gym.make("TextGen-Tiny-v0")


@pytest.fixture(scope="module")
def trained(env):
    """Every agent after a little training, made once."""
    return {name: make(name, env).learn(200) for name in AGENTS}
