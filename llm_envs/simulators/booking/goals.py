"""The goals of booking users: constraints, requests, a booking, changes of mind.

The goal follows Schatzmann et al. 2007 ("Agenda-Based User Simulation for Bootstrapping a POMDP Dialogue
System", section 2.1): G = (C, R), constraints and requests. The booking of MultiWOZ (Budzianowski et al.
2018) is added. A goal may be revised once while the dialogue runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from llm_envs.simulators.booking.venues import KIND_SLOT, REQUESTABLE, SLOT_VALUES, Database

#: The value of a slot the user is indifferent to.
ANY = "any"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
TIMES = {
    "restaurant": ("12pm", "1pm", "6pm", "7pm", "8pm", "9pm"),
    "museum": ("10am", "11am", "1pm", "2pm", "3pm"),
}
PEOPLE = ("1", "2", "3", "4", "5", "6", "7", "8")
NIGHTS = ("1", "2", "3", "4", "5")
#: Slot -> values, for everything a booking may name.
BOOKING_VALUES: dict[str, tuple[str, ...]] = {
    "people": PEOPLE,
    "day": DAYS,
    "time": tuple(dict.fromkeys(TIMES["museum"] + TIMES["restaurant"])),
    "nights": NIGHTS,
}

Trigger = Literal["offer", "booking", "no_match"]

_P_CHANGE_CONSTRAINT = 0.11
_P_CHANGE_BOOKING = 0.06
_P_NO_MATCH = 0.13
_P_BOOKING = 0.65
_P_TWO_REQUESTS = 0.4
_P_RELAX_TO_ANY = 0.35


@dataclass(frozen=True)
class Revision:
    """A change of the goal.

    Attributes:
        trigger: ``"offer"``: the user changes a constraint after the first fitting offer;
            ``"booking"``: a booking detail, after the first right booking; ``"no_match"``: gives
            a constraint up after hearing that nothing matches.
        slot: The slot that changes.
        value: Its new value; ``"any"`` drops the constraint.
    """

    trigger: Trigger
    slot: str
    value: str


@dataclass(frozen=True)
class Goal:
    """The goal of one dialogue before any revision.

    Attributes:
        constraints: Slot to value; always has ``type``. The user is indifferent to absent slots.
        requests: Slots the user wants to know about the venue.
        booking: Booking details, empty if the user wants none.
        revisions: At most one change, applied when its trigger occurs.
    """

    constraints: dict[str, str]
    requests: tuple[str, ...]
    booking: dict[str, str] = field(default_factory=dict)
    revisions: tuple[Revision, ...] = ()

    def final_constraints(self) -> dict[str, str]:
        """The constraints after every revision. The offered venue is judged by them."""
        revised = dict(self.constraints)
        for revision in self.revisions:
            if revision.trigger != "booking":
                revised[revision.slot] = revision.value
        return {slot: value for slot, value in revised.items() if value != ANY}

    def final_booking(self) -> dict[str, str]:
        """The booking details after every revision."""
        changes = {r.slot: r.value for r in self.revisions if r.trigger == "booking"}
        return {**self.booking, **changes}

    def to_dict(self) -> dict[str, Any]:
        """The goal as JSON-able data."""
        return {
            "constraints": dict(self.constraints),
            "requests": list(self.requests),
            "booking": dict(self.booking),
            "revisions": [asdict(revision) for revision in self.revisions],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Goal:
        """The goal that ``to_dict`` wrote."""
        return cls(
            constraints=dict(data["constraints"]),
            requests=tuple(data["requests"]),
            booking=dict(data["booking"]),
            revisions=tuple(Revision(**revision) for revision in data["revisions"]),
        )


def sample_goal(rng: np.random.Generator, database: Database) -> Goal:
    """Draws a goal that at least one venue of ``database`` fulfils after its revisions."""
    venue = database.venues[int(rng.integers(len(database)))]
    informable = [KIND_SLOT[venue.type], "area", "price"]
    count = int(rng.choice([1, 2, 3], p=[0.05, 0.4, 0.55]))
    kept = sorted(int(index) for index in rng.permutation(3)[:count])
    constraints = {"type": venue.type}
    constraints |= {informable[i]: str(venue.value(informable[i])) for i in kept}

    askable = [slot for slot in REQUESTABLE if slot not in constraints]
    # Facts only the database knows are asked for more often than price and area.
    weights = np.array([1.0 if slot in ("price", "area") else 2.0 for slot in askable])
    n_requests = 2 if rng.random() < _P_TWO_REQUESTS else 1
    drawn = rng.choice(len(askable), size=n_requests, replace=False, p=weights / weights.sum())
    requests = tuple(askable[int(index)] for index in drawn)

    booking = _sample_booking(rng, venue.type) if rng.random() < _P_BOOKING else {}
    draw = rng.random()
    if draw < _P_CHANGE_CONSTRAINT:
        revisions = _change_of_constraint(rng, database, constraints)
    elif draw < _P_CHANGE_CONSTRAINT + _P_CHANGE_BOOKING:
        revisions = _change_of_booking(rng, booking, venue.type)
    elif draw < _P_CHANGE_CONSTRAINT + _P_CHANGE_BOOKING + _P_NO_MATCH:
        constraints, revisions = _without_match(rng, database, constraints)
    else:
        revisions = ()
    return Goal(constraints, requests, booking, revisions)


def describe_goal(goal: Goal) -> str:
    """Returns the goal in one line of English, for people who read records."""
    wanted = " , ".join(f"{slot} {value}" for slot, value in goal.constraints.items())
    parts = [f"find a venue with {wanted}", "ask for " + " and ".join(goal.requests)]
    if goal.booking:
        details = " , ".join(f"{slot} {value}" for slot, value in goal.booking.items())
        parts.append(f"book it with {details}")
    occasions = {
        "offer": "after the first fitting offer",
        "booking": "after the booking",
        "no_match": "when nothing matches",
    }
    for revision in goal.revisions:
        parts.append(f"{occasions[revision.trigger]} want {revision.slot} {revision.value}")
    return " ; ".join(parts)


def _pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _booking_slots(venue_type: str) -> dict[str, tuple[str, ...]]:
    last = {"nights": NIGHTS} if venue_type == "hotel" else {"time": TIMES[venue_type]}
    return {"people": PEOPLE, "day": DAYS, **last}


def _sample_booking(rng: np.random.Generator, venue_type: str) -> dict[str, str]:
    return {slot: _pick(rng, values) for slot, values in _booking_slots(venue_type).items()}


def _change_of_booking(
    rng: np.random.Generator, booking: Mapping[str, str], venue_type: str
) -> tuple[Revision, ...]:
    if not booking:
        return ()
    slot = _pick(rng, list(booking))
    others = [value for value in _booking_slots(venue_type)[slot] if value != booking[slot]]
    return (Revision("booking", slot, _pick(rng, others)),)


def _change_of_constraint(
    rng: np.random.Generator, database: Database, constraints: Mapping[str, str]
) -> tuple[Revision, ...]:
    changes = [
        (slot, value)
        for slot in constraints
        if slot != "type"
        for value in SLOT_VALUES[slot]
        if value != constraints[slot] and database.find({**constraints, slot: value})
    ]
    if not changes:
        return ()
    slot, value = changes[int(rng.integers(len(changes)))]
    return (Revision("offer", slot, value),)


def _without_match(
    rng: np.random.Generator, database: Database, constraints: dict[str, str]
) -> tuple[dict[str, str], tuple[Revision, ...]]:
    """Returns constraints without a match, and the revision that leads back to fulfillable ones."""
    blocked = [
        (slot, value)
        for slot in constraints
        if slot != "type"
        for value in SLOT_VALUES[slot]
        if not database.find({**constraints, slot: value})
    ]
    if not blocked:
        return constraints, ()
    slot, value = blocked[int(rng.integers(len(blocked)))]
    relaxed = ANY if rng.random() < _P_RELAX_TO_ANY else constraints[slot]
    return {**constraints, slot: value}, (Revision("no_match", slot, relaxed),)
