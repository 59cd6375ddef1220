"""Learning curves: what is drawn, and that one axis has one unit."""

import made_up
import pytest

from llm_benchmarks.leaderboard.curves import plot_curves, read_curves

ENV = "Translation-v0"
CURVE = [{"timesteps": n * 10, "seconds": n, "eval/mean_reward": n / 2} for n in (1, 2)]


def add(store, agent, seed=1, **options):
    return store.write(*made_up.run(agent, seed, curve=CURVE, **options))


def titles(store, tmp_path):
    plot_curves(store, ENV, tmp_path / "curves.svg")
    drawn = (tmp_path / "curves.svg").read_text()
    return [line.strip(" <!->") for line in drawn.splitlines() if "measured in" in line]


def test_an_impossible_drawing_is_an_error(store, tmp_path):
    add(store, "mine")
    with pytest.raises(ValueError, match=r"must end in \.svg"):
        plot_curves(store, ENV, tmp_path / "curves.gif")
    with pytest.raises(ValueError, match="no run of Nothing-v0"):
        plot_curves(store, "Nothing-v0", tmp_path / "curves.svg")


def test_curves_are_drawn_identically_every_time(store, tmp_path):
    add(store, "mine")
    add(store, "theirs")
    for name in ("a.svg", "b.svg"):
        plot_curves(store, ENV, tmp_path / name)
    drawn = (tmp_path / "a.svg").read_text()
    assert drawn == (tmp_path / "b.svg").read_text()
    assert "<svg" in drawn


def test_scores_in_one_reward_share_an_axis(store, tmp_path):
    add(store, "mine")
    # Trained on something else, by its own configuration: measured in the environment's reward all the same.
    tuned = [{"id": "bleu", "weight": 10}]
    add(store, "tuned", config={"reward": tuned}, reward=tuned)
    assert len({curve.unit for curve in read_curves(store, ENV)}) == 1
    assert titles(store, tmp_path) == []


def test_every_reward_has_its_own_titled_panels(store, tmp_path):
    add(store, "mine")
    add(store, "theirs", reward="chrf")
    assert titles(store, tmp_path) == ["measured in the environment's default reward", "measured in chrf"]


def test_a_training_that_was_evaluated_in_two_rewards_has_one_curve(store):
    add(store, "mine", signature="env-a")
    record, rows = made_up.run("mine", 1, signature="env-b", curve=CURVE)
    record["spec"]["evaluation"]["reward"] = {"spec": "chrf", "signature": "sig-chrf"}
    store.write(made_up.identified(record), rows)
    (curve,) = read_curves(store, ENV)
    assert curve.name == "mine"
