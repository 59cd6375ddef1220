"""benchmarks/known_ground.py measures policies exactly."""

from __future__ import annotations

import importlib.util
import sys
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
