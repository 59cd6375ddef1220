"""The guard notices when learning makes fresh texts worse than those of the start."""

from __future__ import annotations

import warnings

import pytest
from tiny_agents import make

from llm_baselines.training.objective_guard import ObjectiveGuard


def rounds_until_fallen(guard, objectives, spread=0.2):
    return [number for number, objective in enumerate(objectives) if guard.has_fallen(objective, spread)]


def test_it_has_fallen_after_so_many_rounds_below_the_margin_in_a_row():
    guard = ObjectiveGuard(margin=0.5, rounds=3)
    low, fair = 0.39, 0.41  # the start is 0.5, and the margin 0.1
    objectives = [0.4, 0.6, 0.5, 0.5, 0.5, low, low, fair, low, low, low, low, low, fair, low, low, low]
    assert rounds_until_fallen(guard, objectives) == [10, 16]
    assert guard.start == pytest.approx(0.5)


def test_a_margin_of_more_spread_is_wider_and_no_rounds_never_fall():
    assert rounds_until_fallen(ObjectiveGuard(0.5, 1), [0.5] * 5 + [0.39], spread=0.4) == []
    assert rounds_until_fallen(ObjectiveGuard(0.5, 0), [0.5] * 5 + [-9.0] * 50) == []


def test_it_goes_on_from_its_state():
    objectives = [0.5] * 5 + [0.0] * 4
    guard = ObjectiveGuard(0.5, 4)
    rounds_until_fallen(guard, objectives[:7])
    again = ObjectiveGuard(0.5, 4)
    again.restore(guard.state())
    assert rounds_until_fallen(again, objectives[7:]) == [1]


WORSE = {"learning_rate": 0.5, "max_grad_norm": 1e9, "guard_rounds": 2, "guard_margin": 0.1, "eval_freq": 0}


@pytest.mark.parametrize("name", ["group", "logits", "rloo"])
def test_a_training_that_gets_worse_warns_once_and_halts_if_asked(name):
    with pytest.warns(UserWarning, match="worse than at the start for 2 rounds") as told:
        went_on = make(name, **WORSE).learn(600)
    said = [str(w.message) for w in told if "worse than at the start" in str(w.message)]
    assert "Lower learning_rate" in said[0]
    assert went_on.num_timesteps >= 600
    with pytest.warns(UserWarning, match="The training ends here"):
        halted = make(name, guard_halts=True, **WORSE).learn(600)
    assert halted.num_timesteps < 600


def test_a_training_that_gets_no_worse_says_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make("group", guard_rounds=1, guard_margin=3.0, eval_freq=0, learning_rate=1e-5).learn(300)
