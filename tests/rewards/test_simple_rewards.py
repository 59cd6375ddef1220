"""The small rewards, against values worked out by hand."""

from __future__ import annotations

import gymnasium as gym
import pytest

from llm_envs.episode import Episode, Example
from llm_envs.rewards import RewardContext, RewardError, make_reward


def on(text="", references=(), ids=(), finish_reason="stop", **measures):
    return Episode(Example("", tuple(references)), text, tuple(ids), finish_reason, measures=measures)


@pytest.mark.parametrize(
    ("options", "length", "penalty"),
    [
        ({}, 50, 0.5),
        ({"target": 10}, 10, 0.0),
        ({"target": 10}, 15, 0.5),
        ({"target": 10}, 0, 1.0),
        ({"min": 4}, 3, 0.25),
        ({"min": 4}, 9, 0.0),
        ({"max": 8}, 10, 0.25),
        ({"min": 4, "max": 8}, 6, 0.0),
    ],
)
def test_length_penalty(options, length, penalty):
    by_token = make_reward({"id": "length_penalty", **options})
    by_word = make_reward({"id": "length_penalty", "unit": "words", **options})
    assert by_token(on("never read", ids=range(length))) == pytest.approx(penalty)
    assert by_word(on("word " * length, ids=[1])) == pytest.approx(penalty)


@pytest.mark.parametrize(
    "options",
    [{"target": 5, "max": 7}, {"min": 9, "max": 7}, {"target": 0}, {"max": 2.5}, {"unit": "lines"}],
)
def test_length_penalty_refuses(options):
    with pytest.raises(ValueError, match="length_penalty"):
        make_reward({"id": "length_penalty", **options})


@pytest.mark.parametrize(
    ("options", "left"), [({}, 0.75), ({"limit": 50}, 0.5), ({"limit": 25}, 0.0), ({"limit": 5}, 0.0)]
)
def test_brevity(options, left):
    assert make_reward({"id": "brevity", **options})(on("never read", ids=range(25))) == left


@pytest.mark.parametrize("limit", [0, -3, 2.5, True, "100"])
def test_brevity_refuses(limit):
    with pytest.raises(
        ValueError, match=r"'brevity': (option 'limit' is of type int|limit is a whole number)"
    ):
        make_reward({"id": "brevity", "limit": limit})


def test_repetition_and_distinct():
    text = "the sea the sea the sea"  # bigrams: 5, of which 2 are different
    assert make_reward("repetition")(on(text)) == pytest.approx(3 / 5)
    assert make_reward("distinct")(on(text)) == pytest.approx(2 / 5)
    assert make_reward({"id": "distinct", "n": 1})(on(text)) == pytest.approx(2 / 6)
    for reward_id in ("repetition", "distinct"):
        assert make_reward(reward_id)(on("sea")) == 0.0
        with pytest.raises(ValueError, match=f"'{reward_id}': n is a whole number"):
            make_reward({"id": reward_id, "n": 0})


def test_exact_match():
    references = ("A cat.", "The cat.")
    assert make_reward("exact_match")(on(" The  cat.\n", references)) == 1.0
    assert make_reward("exact_match")(on("the cat.", references)) == 0.0
    assert make_reward({"id": "exact_match", "lowercase": True})(on("the cat.", references)) == 1.0


def test_task_success():
    reward = make_reward("task_success")
    assert reward(on(success=1.0)) == 1.0
    assert reward(on(finish_reason=None)) == 0.0
    assert make_reward({"id": "task_success", "key": "inform"})(on(success=1.0, inform=0.5)) == 0.5
    with pytest.raises(RewardError, match="no measure 'success'; did you mean 'succes'"):
        reward(on(succes=1.0))
    with pytest.raises(RewardError, match="measures nothing"):
        reward(on("text"))


def test_a_measure_is_looked_for_when_the_reward_is_made():
    with pytest.raises(ValueError, match="no measure 'progres'; did you mean 'progress'"):
        gym.make("Dialogue-v0", reward={"id": "task_success", "key": "progres"})
    with pytest.raises(ValueError, match="this task measures nothing"):
        gym.make("TextGen-Tiny-v0", reward="task_success")


def test_sentiment():
    compound, unit = make_reward("sentiment"), make_reward({"id": "sentiment", "scale": "unit"})
    assert compound(on("a wonderful, lovely day")) > 0.7
    assert compound(on("a terrible, awful day")) < -0.6
    assert compound(on("")) == 0.0
    assert unit(on("")) == 0.5
    assert 0.0 <= unit(on("awful")) < 0.5


def test_language():
    german = "Der alte Mann sitzt am Fenster und liest die Zeitung."
    reward = make_reward("language", RewardContext(language="de"))
    assert reward(on(german)) > 0.9
    assert reward(on("The old man sits at the window and reads.")) < 0.1
    assert reward(on(" ")) == 0.0
    assert make_reward({"id": "language", "language": "en"})(on(german)) < 0.1
    with pytest.raises(ValueError, match="which language"):
        make_reward("language")
    with pytest.raises(ValueError, match="does not know the language 'code'"):
        make_reward("language", RewardContext(language="code"))
