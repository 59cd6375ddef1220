"""TokenDQN reaches the optimum of small environments, by the options of benchmarks/known_ground.py."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[4] / "benchmarks" / "known_ground.py"


@pytest.fixture(scope="module")
def known_ground():
    spec = importlib.util.spec_from_file_location("known_ground", SCRIPT)
    module = sys.modules["known_ground"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["known_ground"]


def test_values_of_policies_are_exact(known_ground):
    optimum = known_ground.Optimum(known_ground.GROUNDS["FrozenLake"].make())
    assert optimum.best == pytest.approx(0.99**5)
    left, down, right = 0, 1, 2
    walk = np.full(16, left)
    walk[[0, 4, 9, 10 + 3]] = down, down, down, right
    walk[[8, 14]] = right
    assert optimum.value(walk) == pytest.approx(0.99**5)
    assert optimum.value(np.full(16, left)) == 0.0
    cliff = known_ground.Optimum(known_ground.GROUNDS["CliffWalking"].make())
    assert cliff.best == pytest.approx(-(1 - 0.99**13) / 0.01)
    slippery = known_ground.Optimum(known_ground.GROUNDS["FrozenLake, slippery"].make())
    assert slippery.best == pytest.approx(0.542, abs=1e-3)


@pytest.mark.parametrize(("env", "steps"), [("FrozenLake", 6_000), ("CliffWalking", 16_000)])
def test_the_head_reaches_the_optimum(known_ground, env, steps):
    ground = replace(known_ground.GROUNDS[env], timesteps=steps)
    progress = known_ground.Progress(ground)
    known_ground.AGENTS["token_dqn, head"](ground, 1, progress)
    assert progress.rows[-1][2] == pytest.approx(progress.optimum.best)
