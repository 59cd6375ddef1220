"""What users want."""

from __future__ import annotations

import json

import numpy as np

from llm_envs.simulators.booking.goals import Goal, Revision, describe_goal, sample_goal
from llm_envs.simulators.booking.venues import (
    make_database,
)


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
