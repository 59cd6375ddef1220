"""The booking user in dialogues by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from booking_worlds import BOOKED, BOOKING_GOAL, GOAL, TOWN, new_user, opened

from llm_envs.simulators.booking.dialogues import expert_dialogues
from llm_envs.simulators.booking.expert import BookingExpert
from llm_envs.simulators.booking.goals import ANY, Goal, Revision
from llm_envs.simulators.booking.measures import MEASURES
from llm_envs.simulators.booking.understanding import understand
from llm_envs.simulators.booking.user import FREE_QUERIES


def test_a_dialogue_by_hand_succeeds_without_losing_patience():
    user = opened(BOOKING_GOAL)
    progress = [user.measures()["progress"]]
    for text in ("what area would you like ?", "what kind of food would you like ?"):
        if understand(text)[0].slot not in user._ledger.told:
            assert user.reply(text).speaker == "user"
            progress.append(user.measures()["progress"])
    assert user.reply("what price range would you like ?").speaker == "user"
    progress.append(user.measures()["progress"])
    rows = user.reply("query : type restaurant , food thai , area north")
    assert (rows.speaker, rows.text) == ("database", TOWN.answer({"area": "north"}))
    progress.append(user.measures()["progress"])
    reply = user.reply("golden lotus is a thai restaurant in the north .")
    for _ in range(6):
        progress.append(user.measures()["progress"])
        if reply.done:
            break
        if user._booking_wished:
            reply = user.reply(BOOKED)
        else:
            reply = user.reply("the phone number is 1009 1146 .")
    assert reply.done
    measures = user.measures()
    assert tuple(measures) == MEASURES
    assert measures["success"] == measures["booked"] == measures["request"] == 1.0
    assert measures["progress"] == progress[-1] == 1.0
    assert measures["patience_left"] == 5.0
    assert all(later > earlier for earlier, later in pairwise(progress))


def test_a_wrong_offer_is_corrected_and_costs_patience():
    user = opened()
    reply = user.reply("how about old mill ?")
    assert "north" in reply.text
    assert user.measures()["patience_left"] == 4.0
    assert user.measures()["inform"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("how about red fox ?", 1),
        ("golden lotus is a greek restaurant .", 1),
        ("there is no thai restaurant in the north .", 2),
        ("the phone number is 1009 1146 .", 1),
        (BOOKED, 2),
        ("goodbye .", 2),
        ("hello .", 1),
        ("how about golden lotus ? how about old mill ?", 2),
        ("area north thai", 1),
        ("query : nonsense", 1),
        ("what style would you like ?", 1),
        ("what day would you like ?", 1),
    ],
)
def test_what_does_not_help_costs_patience(text: str, cost: int):
    goal = Goal({"type": "restaurant", "food": "thai", "area": "north"}, ("phone",))
    user = opened(goal, seed=next(s for s in range(99) if len(opened(goal, seed=s)._ledger.told) == 3))
    user.reply(text)
    measures = user.measures()
    assert measures["patience_left"] == 5.0 - cost
    assert measures["inform"] == measures["success"] == measures["booked"] == 0.0


def test_asking_twice_costs_patience_and_is_answered_again():
    user = opened()
    user.reply("what price range would you like ?")
    assert user.measures()["patience_left"] == 5.0
    user.reply("what price range would you like ?")
    assert user.measures()["patience_left"] == 4.0


def test_queries_are_free_until_there_are_too_many_in_a_row():
    user = opened()
    for _ in range(FREE_QUERIES):
        user.reply("query : type hotel")
    assert user.measures()["patience_left"] == 5.0
    user.reply("query : type hotel")
    assert user.measures() | {"patience_left": 4.0, "turns": FREE_QUERIES + 1.0} == user.measures()


def test_patience_ends_the_dialogue():
    user = opened(patience=2)
    assert not user.reply("nonsense").done
    reply = user.reply("nonsense")
    assert (reply.speaker, reply.done, user.measures()["patience_left"]) == ("user", True, 0.0)
    with pytest.raises(RuntimeError, match="over"):
        user.reply("what area would you like ?")


def test_a_wrong_answer_ends_without_success():
    user = opened()
    user.reply("how about golden lotus ?")
    assert user.reply("the phone number is 1283 1420 .").done
    measures = user.measures()
    assert (measures["inform"], measures["request"], measures["success"]) == (1.0, 0.0, 0.0)
    assert measures["progress"] < 0.6


def test_a_wrong_booking_is_corrected():
    user = opened(Goal(GOAL.constraints, ("phone",), BOOKING_GOAL.booking))
    user.reply("how about golden lotus ?")
    if not user._booking_wished:
        user.reply("the phone number is 1009 1146 .")
    reply = user.reply("i have booked it for 4 people on sunday at 7pm .")
    assert "friday" in reply.text
    assert user.measures()["booked"] == 0.0
    reply = user.reply(BOOKED.replace(" .", " for 2 nights ."))  # more than was asked for
    assert "friday" in reply.text
    assert user.measures()["booked"] == 0.0
    user.reply(BOOKED)
    assert user.measures()["booked"] == 1.0


def test_change_of_mind_after_the_offer():
    goal = Goal(GOAL.constraints, ("phone",), {}, (Revision("offer", "area", "south"),))
    user = opened(goal)
    reply = user.reply("how about golden lotus ?")
    assert "south" in reply.text
    assert user.measures()["inform"] == pytest.approx(2 / 3)
    user.reply("query : type restaurant , food thai , area south")
    user.reply("how about old mill ?")
    assert user.reply("the phone number is 1283 1420 .").done
    assert user.measures()["success"] == 1.0
    assert user.measures()["patience_left"] == 5.0


def test_change_of_the_booking():
    goal = Goal(GOAL.constraints, ("phone",), BOOKING_GOAL.booking, (Revision("booking", "day", "monday"),))
    user = opened(goal)
    user.reply("how about golden lotus ?")
    if not user._booking_wished:
        user.reply("the phone number is 1009 1146 .")
    assert "monday" in user.reply(BOOKED).text
    user.reply("i have booked it for 4 people on monday at 7pm .")
    assert user.measures()["booked"] == 1.0
    assert user.measures()["patience_left"] == 5.0


@pytest.mark.parametrize("value", ["cheap", ANY])
def test_a_constraint_is_relaxed_when_nothing_matches(value: str):
    goal = Goal(
        {"type": "restaurant", "area": "north", "price": "expensive"},
        ("phone",),
        {},
        (Revision("no_match", "price", value),),
    )
    user = opened(goal)
    for text in ("what area would you like ?", "what price range would you like ?"):
        user.reply(text)
    before = user.measures()["patience_left"]
    assert user.reply("query : type restaurant , area north , price expensive").text == ("nothing found .")
    reply = user.reply("sorry , there is no expensive restaurant in the north .")
    words = ("cheap", "inexpensive") if value == "cheap" else ("price range",)
    assert any(word in reply.text for word in words)
    user.reply("how about golden lotus ?")
    user.reply("the phone number is 1009 1146 .")
    assert user.measures()["success"] == 1.0
    assert user.measures()["patience_left"] == before


def test_text_below_the_fluency_floor_is_not_understood():
    user = opened(fluency=lambda text: -9.0 if "budget" in text else -1.0, fluency_floor=-5.0)
    user.reply("what is your budget ?")
    assert user.measures()["patience_left"] == 4.0
    assert user.measures()["progress"] == 0.0
    user.reply("what price range would you like ?")
    assert user.measures()["patience_left"] == 4.0
    assert user.measures()["progress"] > 0.0


def test_misuse_is_named():
    with pytest.raises(RuntimeError, match=r"call open\(\)"):
        new_user().reply("hello .")
    with pytest.raises(RuntimeError, match="one dialogue"):
        opened().open()
    with pytest.raises(ValueError, match="patience must be at least 1, got 0"):
        new_user(patience=0)
    with pytest.raises(ValueError, match="unknown speaker 'agent'"):
        BookingExpert(np.random.default_rng(0)).act("agent", "hello")
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        expert_dialogues("train", -1, seed=0)
