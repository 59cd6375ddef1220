"""A town of two restaurants, its goals, and dialogues in the databases of the splits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from llm_envs.simulators.booking.goals import Goal, sample_goal
from llm_envs.simulators.booking.user import BookingUser
from llm_envs.simulators.booking.venues import (
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
