"""The goal-oriented booking dialogue: what an agent and its trainer may rely on."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from llm_envs.simulators.booking_dialogues import Turns, expert_dialogues, play
from llm_envs.simulators.booking_expert import BookingExpert
from llm_envs.simulators.booking_user import FREE_QUERIES, BookingUser
from llm_envs.simulators.goals import ANY, Goal, Revision, describe_goal, sample_goal
from llm_envs.simulators.understanding import understand
from llm_envs.simulators.venues import (
    AREAS,
    FOODS,
    KIND_SLOT,
    NAME_ADJECTIVES,
    NAME_NOUNS,
    PRICES,
    Database,
    Venue,
    make_database,
)

Agent = Callable[[str, str], str]

LOTUS = Venue("golden lotus", "restaurant", "thai", "north", "cheap", "1009 1146", "12 mill street", "nb2")
MILL = Venue("old mill", "restaurant", "thai", "south", "cheap", "1283 1420", "14 park lane", "ks3")
TOWN = Database("hand", (LOTUS, MILL))
GOAL = Goal({"type": "restaurant", "food": "thai", "area": "north"}, ("phone",))
BOOKING_GOAL = Goal(GOAL.constraints, ("phone",), {"people": "4", "day": "friday", "time": "7pm"})
BOOKED = "i have booked golden lotus for 4 people on friday at 7pm ."


def new_user(goal: Goal = GOAL, database: Database = TOWN, seed: int = 0, **options) -> BookingUser:
    return BookingUser(goal, database, np.random.default_rng(seed), **options)


def opened(goal: Goal = GOAL, database: Database = TOWN, seed: int = 0, **options) -> BookingUser:
    user = new_user(goal, database, seed, **options)
    user.open()
    return user


def episode(index: int, split: str = "test") -> tuple[BookingUser, np.random.Generator]:
    seeds = np.random.SeedSequence([5, index]).spawn(3)
    goal_rng, user_rng, agent_rng = (np.random.default_rng(child) for child in seeds)
    database = make_database(split)
    return BookingUser(sample_goal(goal_rng, database), database, user_rng), agent_rng


def mean_measures(
    make_agent: Callable[[np.random.Generator], Agent], episodes: int = 100
) -> dict[str, float]:
    rows = []
    for index in range(episodes):
        user, rng = episode(index)
        agent = make_agent(rng)
        speaker, text, done, turns = "user", user.open(), False, 0
        while not done and turns < 20:
            reply = user.reply(agent(speaker, text))
            speaker, text, done, turns = reply.speaker, reply.text, reply.done, turns + 1
        rows.append(user.measures())
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


@pytest.fixture(scope="module")
def train_dialogues() -> list[Turns]:
    return expert_dialogues("train", 800, seed=0)


@pytest.fixture(scope="module")
def expert_turns(train_dialogues: list[Turns]) -> list[str]:
    return [text for turns in train_dialogues for speaker, text in turns if speaker == "agent"]


# -- the database ----------------------------------------------------------------------------------


def test_splits_have_other_venues_named_from_the_same_words():
    names = {s: {v.name for v in make_database(s)} for s in ("train", "validation", "test")}
    assert not names["train"] & names["test"]
    assert not names["train"] & names["validation"]
    assert not names["validation"] & names["test"]
    assert all(len(names[split]) == len(make_database(split)) >= 100 for split in names)
    words = {word for name in names["train"] for word in name.split()}
    assert words == {*NAME_ADJECTIVES, *NAME_NOUNS}


def test_database_is_deterministic_and_refuses_an_unknown_split():
    first = make_database("test").venues
    make_database.cache_clear()
    assert make_database("test").venues == first
    with pytest.raises(ValueError, match=r"unknown split 'dev'.*train, validation, test"):
        make_database("dev")


def test_rows_show_what_requests_need_and_at_most_two_venues():
    assert TOWN.answer({"area": "north"}) == (
        "1 found : golden lotus , thai , north , cheap , 12 mill street , code nb2 , phone 1009 1146 ."
    )
    assert TOWN.answer({"area": "west"}) == "nothing found ."
    assert make_database("train").answer({"type": "restaurant"}).count(" ; ") == 1


# -- goals -----------------------------------------------------------------------------------------


def test_goals_round_trip_through_json_and_can_be_fulfilled():
    database = make_database("test")
    rng = np.random.default_rng(3)
    triggers = []
    for _ in range(300):
        goal = sample_goal(rng, database)
        assert Goal.from_dict(json.loads(json.dumps(goal.to_dict()))) == goal
        assert database.find(goal.final_constraints())
        assert goal.requests
        assert not set(goal.requests) & set(goal.constraints)
        blocked = any(revision.trigger == "no_match" for revision in goal.revisions)
        assert bool(database.find(goal.constraints)) is not blocked
        triggers += [revision.trigger for revision in goal.revisions]
    changes = sum(trigger != "no_match" for trigger in triggers)
    assert 0.10 < changes / 300 < 0.25
    assert 0.05 < triggers.count("no_match") / 300 < 0.2


def test_describe_goal_names_everything():
    goal = Goal(
        {"type": "hotel", "area": "north"},
        ("phone",),
        {"people": "2"},
        (Revision("offer", "area", "south"),),
    )
    assert describe_goal(goal) == (
        "find a venue with type hotel , area north ; ask for phone ; book it with people 2 ; "
        "after the first fitting offer want area south"
    )


# -- understanding ---------------------------------------------------------------------------------


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


# -- the user --------------------------------------------------------------------------------------


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


# -- whole dialogues -------------------------------------------------------------------------------


def test_expert_succeeds_on_test_goals():
    rows = []
    for index in range(300):
        user, rng = episode(index)
        turns = play(user, BookingExpert(rng))
        rows.append((user.measures(), turns))
    assert np.mean([row["success"] for row, _ in rows]) >= 0.95
    assert np.mean([row["progress"] for row, _ in rows]) >= 0.95
    assert np.mean([row["turns"] for row, _ in rows]) <= 8
    words = [sum(len(text.split()) for _, text in turns) for _, turns in rows]
    assert 130 <= np.mean(words) <= 220
    assert max(words) <= 320


def test_expert_recovers_from_turns_that_were_not_understood():
    def make_agent(rng: np.random.Generator) -> Agent:
        expert = BookingExpert(rng)

        def act(speaker: str, heard: str) -> str:
            text = expert.act(speaker, heard)
            return "nonsense" if rng.random() < 0.1 else text

        return act

    assert mean_measures(make_agent)["success"] >= 0.9


def test_same_seeds_give_the_same_dialogues(train_dialogues: list[Turns]):
    assert expert_dialogues("train", 20, seed=0) == train_dialogues[:20]
    assert expert_dialogues("train", 20, seed=1) != train_dialogues[:20]


def test_vocabulary_of_train_covers_test(train_dialogues: list[Turns]):
    def words(dialogues: list[Turns]) -> list[str]:
        return [word for turns in dialogues for _, text in turns for word in text.split()]

    known = set(words(train_dialogues))
    assert 350 <= len(known) <= 500
    seen = words(expert_dialogues("test", 200, seed=0))
    assert sum(word not in known for word in seen) / len(seen) < 1e-3


def test_texts_are_lower_case_words_with_single_spaces(train_dialogues: list[Turns]):
    for _, text in (turn for turns in train_dialogues[:200] for turn in turns):
        assert text == " ".join(text.lower().split())
        assert not any(mark in word for word in text.split() if len(word) > 1 for mark in ",.?!;:")


# -- degenerate agents -----------------------------------------------------------------------------

SLOT_WORDS = [
    "area",
    "price",
    "food",
    "style",
    "theme",
    "people",
    "day",
    "time",
    "nights",
    "type",
    "phone",
    "address",
    "postcode",
]
VALUE_WORDS = [*SLOT_WORDS, *AREAS, *PRICES, *FOODS]


def _constant(text: str) -> Callable[[np.random.Generator], Agent]:
    return lambda rng: lambda speaker, heard: text


def _random_slot_words(rng: np.random.Generator) -> Agent:
    return lambda speaker, heard: " ".join(rng.choice(VALUE_WORDS, size=10))


def _everything_at_once(rng: np.random.Generator) -> Agent:
    venues = make_database("test").venues

    def act(speaker: str, heard: str) -> str:
        venue = venues[int(rng.integers(len(venues)))]
        return (
            f"query : type {venue.type} . {venue.name} is a {venue.type} in the {venue.area} . "
            f"i have booked {venue.name} for 2 people on friday at 7pm ."
        )

    return act


def _random_offers(rng: np.random.Generator) -> Agent:
    venues = make_database("test").venues
    return lambda speaker, heard: f"how about {venues[int(rng.integers(len(venues)))].name} ?"


SOUPS: dict[str, Callable[[np.random.Generator], Agent]] = {
    "empty": _constant(""),
    "all slots": _constant(f"what {' '.join(SLOT_WORDS)} ?"),
    "random slot words": _random_slot_words,
    "query, offer and book at once": _everything_at_once,
    "random offers": _random_offers,
    "echo": lambda rng: lambda speaker, heard: heard,
    "constant area question": _constant("what area would you like ?"),
    "constant price question": _constant("what price range would you like ?"),
    "constant query": _constant("query : type restaurant"),
    "constant offer": _constant(f"how about {make_database('test').venues[0].name} ?"),
    "constant goodbye": _constant("thank you , goodbye ."),
}


@pytest.mark.parametrize("name", SOUPS)
def test_keyword_soups_fail(name: str):
    means = mean_measures(SOUPS[name])
    assert means["success"] <= 0.05
    assert means["progress"] <= 0.12


@pytest.mark.parametrize("shuffled", [False, True])
def test_pasted_expert_turns_fail(expert_turns: list[str], shuffled: bool):
    def make_agent(rng: np.random.Generator) -> Agent:
        def act(speaker: str, heard: str) -> str:
            text = expert_turns[int(rng.integers(len(expert_turns)))]
            return " ".join(rng.permutation(text.split())) if shuffled else text

        return act

    means = mean_measures(make_agent)
    assert means["success"] <= 0.05
    assert means["progress"] <= 0.12


def test_the_most_frequent_expert_turns_earn_little(expert_turns: list[str]):
    texts, counts = np.unique(expert_turns, return_counts=True)
    for index in np.argsort(-counts)[:15]:
        assert mean_measures(_constant(str(texts[index])), episodes=40)["progress"] <= 0.15


def test_progress_rises_with_what_an_agent_can_do():
    """An expert that breaks off at a stage earns more the later the stage."""
    stages = ("query", "offer", "answer", "book", "never")
    earned = []
    for stage in stages:

        def make_agent(rng: np.random.Generator, stage: str = stage) -> Agent:
            expert = BookingExpert(rng)

            def act(speaker: str, heard: str) -> str:
                text = expert.act(speaker, heard)
                kind = understand(text)[0].kind
                return "nonsense" if kind == stage else text

            return act

        earned.append(mean_measures(make_agent, episodes=60)["progress"])
    assert earned[0] > 0.02
    assert earned[0] < earned[1] < earned[2] < earned[-1] == 1.0
    assert earned[1] < earned[3] < earned[-1]


def test_unconstrained_slots_of_another_type_do_not_exist():
    assert LOTUS.value("style") is None
    assert LOTUS.value(KIND_SLOT["restaurant"]) == "thai"
