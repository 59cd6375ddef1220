"""Rewards of dialogues, worked out by hand."""

from __future__ import annotations

import pytest

from llm_envs.episode import Episode, Example, Turn
from llm_envs.rewards import make_reward


def dialogue(*agent, user="Hello?"):
    turns = tuple(turn for text in agent for turn in (Turn("user", user), Turn("agent", text)))
    return Episode(Example(user), "\n".join(agent), turns=turns)


def test_turn_repetition():
    reward = make_reward("turn_repetition")
    # bigrams of turn 2: "a table", "table please" (said before); of turn 3: "a table", "table now".
    talk = dialogue("A table please", "a table, please!", "A table now")
    assert reward(talk) == pytest.approx((2 / 2 + 1 / 2) / 2, abs=1e-9)
    assert reward(dialogue("A table please")) == 0.0
    assert reward(dialogue("Yes", "yes.")) == 1.0  # shorter than a bigram
    assert reward(dialogue("Yes", " ", "No")) == 0.0
    assert reward(dialogue("Hello?", "Where?", user="Where?")) == 0.0  # the user's words are not the agent's
    single = make_reward({"id": "turn_repetition", "n": 1})
    assert single(dialogue("a table", "a chair")) == 0.5
    assert reward(Episode(Example(""), "one text and no turns")) == 0.0


def test_question_share():
    reward = make_reward("question_share")
    assert reward(dialogue("Where?", "Fine.")) == 1.0
    assert reward(dialogue("Where?", "When?")) == 0.0
    assert reward(dialogue("Fine.", "Where?", "Good.", "Bye.")) == pytest.approx(0.5, abs=1e-9)
    assert reward(dialogue("哪里？", "好。")) == 1.0
    assert reward(dialogue("", "  ")) == 0.0
    always = make_reward({"id": "question_share", "target": 1.0})
    assert always(dialogue("Where?", "When?", "Fine.")) == pytest.approx(2 / 3, abs=1e-9)
    assert always(Episode(Example(""), "Where to?")) == 1.0


def test_an_option_out_of_range_is_named():
    with pytest.raises(ValueError, match="'turn_repetition': n is a whole number from 1, got 0"):
        make_reward({"id": "turn_repetition", "n": 0})
    with pytest.raises(ValueError, match=r"'question_share': target is a share from 0 to 1, got 1\.5"):
        make_reward({"id": "question_share", "target": 1.5})
