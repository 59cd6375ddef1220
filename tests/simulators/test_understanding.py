"""What the user understands of a turn, and what not."""

from __future__ import annotations

import pytest
from booking_worlds import BOOKED

from llm_envs.simulators.booking.understanding import understand


@pytest.mark.parametrize(
    ("text", "kind", "slot", "values"),
    [
        ("What area would you like?", "ask", "area", {}),
        ("which part of town should it be in ?", "ask", "area", {}),
        ("how much would you like to spend ?", "ask", "price", {}),
        ("okay , what kind of food do you prefer ?", "ask", "food", {}),
        ("for how many people ?", "ask", "people", {}),
        ("and at what time should i book it ?", "ask", "time", {}),
        ("how long will you stay ?", "ask", "nights", {}),
        (
            "query : type hotel , style quiet , area east",
            "query",
            "",
            {"type": "hotel", "style": "quiet", "area": "east"},
        ),
        ("how about golden lotus ?", "offer", "", {"name": "golden lotus"}),
        (
            "sure . i found the golden lotus , a fancy restaurant with thai food in the north .",
            "offer",
            "",
            {
                "name": "golden lotus",
                "type": "restaurant",
                "food": "thai",
                "area": "north",
                "price": "expensive",
            },
        ),
        (
            "sorry , there is no cheap art museum in the west .",
            "no_match",
            "",
            {"type": "museum", "theme": "art", "area": "west", "price": "cheap"},
        ),
        ("their number is 1009 1146 .", "answer", "phone", {"phone": "1009 1146"}),
        ("it is at 12 mill street .", "answer", "address", {"address": "12 mill street"}),
        ("the postcode is nb2 .", "answer", "postcode", {"postcode": "nb2"}),
        ("it is moderately priced .", "answer", "price", {"price": "moderate"}),
        ("you can find it in the south .", "answer", "area", {"area": "south"}),
        (
            "your room at red fox is booked for 1 person from monday for 3 nights .",
            "book",
            "",
            {"name": "red fox", "people": "1", "day": "monday", "nights": "3"},
        ),
        ("shall i book it for you ?", "ask_book", "", {}),
        ("thank you , goodbye .", "bye", "", {}),
    ],
)
def test_understood(text: str, kind: str, slot: str, values: dict[str, str]):
    (act,) = understand(text)
    assert (act.kind, act.slot, dict(act.values)) == (kind, slot, values)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("the phone number is 1009 1146 and the postcode is nb2 .", ["answer", "answer"]),
        ("golden lotus is a thai restaurant . shall i book it ?", ["offer", "ask_book"]),
        ("sorry , there is no such place . anything else ?", ["unclear"]),
        ("i found no cheap hotel . would you like something else ?", ["no_match", "ask_more"]),
        (f"{BOOKED} anything else ?", ["book", "ask_more"]),
    ],
)
def test_turns_of_two_sentences(text: str, kinds: list[str]):
    assert [act.kind for act in understand(text)] == kinds


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "unclear"),
        ("okay .", "unclear"),
        ("area ?", "unclear"),
        ("area what like would you", "unclear"),
        ("golden lotus", "unclear"),
        ("north thai cheap", "unclear"),
        ("1009 1146", "unclear"),
        ("golden lotus is a thai in the restaurant north .", "unclear"),
        ("i have booked golden lotus .", "unclear"),
        ("i have booked it for 4 people for 5 people on friday at 7pm .", "unclear"),
        ("the phone number is 1009 1146 . the phone number is 1283 1420 .", "unclear"),
        ("what area would you like ? how about golden lotus ?", "unclear"),
        ("what area and what price range would you like ?", "several"),
        ("area , price , food , phone ?", "several"),
        ("golden lotus , old mill , red fox", "several"),
        ("how about golden lotus ? how about old mill ?", "several"),
        ("query : restaurant thai", "bad_query"),
        ("query : type restaurant , type hotel", "bad_query"),
        ("query : food thai , style quiet", "bad_query"),
        ("query : type hotel , food thai", "bad_query"),
        ("query", "bad_query"),
        ("query : area north . how about golden lotus ?", "bad_query"),
    ],
)
def test_rejected(text: str, kind: str):
    assert [act.kind for act in understand(text)] == [kind]


def test_every_expert_turn_is_understood(expert_turns: list[str]):
    failures = {"unclear", "several", "bad_query", "greet", "bye"}
    assert not [text for text in set(expert_turns) if understand(text)[0].kind in failures]
