"""How far a booking dialogue has come: inform, request, booked, success and a partial credit.

Inform and success follow MultiWOZ (Budzianowski et al. 2018). *Inform*: the offered venue satisfies the goal.
*Success*: inform, and every request answered rightly, and the booking made with the right details if the
goal asks for one. ``progress`` is our partial credit. It rises with each thing an agent does that its user
needs, and is 1 exactly at success.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from llm_envs.simulators.booking.goals import Goal
from llm_envs.simulators.booking.venues import KIND_SLOT, Venue

#: Names of what is measured; `measure` tells what they are.
MEASURES = ("success", "inform", "request", "booked", "progress", "patience_left", "turns")

#: Weights of the partial credit before success; they sum to 0.95.
_ELICITING, _QUERYING, _OFFERING, _ANSWERING, _BOOKING = 0.12, 0.13, 0.30, 0.20, 0.20
#: Share of the partial credit that goes with the patience that is lost.
_PATIENCE_SHARE = 0.5


@dataclass
class Ledger:
    """What has happened so far that counts.

    Attributes:
        told: Constraints the user has said, in their current form (``"any"`` included).
        details: Booking details the user has said, in their current form.
        open_slots: Slots of the venue that the first turn left open.
        elicited: Those that the user told because the agent asked for a slot.
        query_quality: Best query so far: 0 to 1, 1 if it named all the user wants and nothing else.
        offered: The last venue offered.
        answers: Requested slot to the last answer given.
        booking: The details of the last booking, ``name`` among them; empty if none was made.
        turns: Agent turns, queries included.
    """

    told: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    open_slots: set[str] = field(default_factory=set)
    elicited: set[str] = field(default_factory=set)
    query_quality: float = 0.0
    offered: Venue | None = None
    answers: dict[str, str] = field(default_factory=dict)
    booking: dict[str, str] = field(default_factory=dict)
    turns: int = 0


def query_quality(query: Mapping[str, str], told: Mapping[str, str], wanted: Mapping[str, str]) -> float:
    """Returns how well a query serves the user, 0 to 1.

    A query with a value the user does not want is worth nothing. One that names exactly what the user told is
    worth the told share of all the user wants. So a query before the questions is worth less. One that leaves
    out something told is worth half the square of its share.
    """
    if not query or any(wanted.get(slot) != value for slot, value in query.items()):
        return 0.0
    share = len(query) / len(wanted)
    complete = all(slot in query for slot in told if slot in wanted)
    return share if complete else share * share / 2


def measure(goal: Goal, ledger: Ledger, patience_left: int, patience: int) -> dict[str, float]:
    """Returns the measures of a dialogue at any time.

    Returns:
        ``success`` (0 or 1), ``inform`` (share of the final constraints that the last offered
        venue satisfies), ``request`` (share of the requests that were answered rightly for that
        venue), ``booked`` (1 if a booking was asked for and made with the right details),
        ``progress`` (0 to 1), ``patience_left``, ``turns``.
    """
    constraints = goal.final_constraints()
    venue = ledger.offered
    inform = request = 0.0
    if venue is not None:
        met = sum(venue.value(slot) == value for slot, value in constraints.items())
        inform = met / len(constraints)
        right = sum(ledger.answers.get(slot) == venue.value(slot) for slot in goal.requests)
        request = right / len(goal.requests)
    booking = goal.final_booking()
    booking_share = 0.0
    if booking and venue is not None and ledger.booking.get("name") == venue.name:
        kept = sum(ledger.booking.get(slot) == value for slot, value in booking.items())
        booking_share = kept / len(booking)
    # The user does not accept a detail that nobody asked for.
    booked = float(booking_share == 1.0 and ledger.booking.keys() <= {"name", *booking})
    success = float(inform == 1.0 and request == 1.0 and (booked == 1.0 or not booking))

    open_slots = len(ledger.open_slots)
    eliciting = len(ledger.elicited) / open_slots if open_slots else ledger.query_quality
    credit = _ELICITING * eliciting + _QUERYING * ledger.query_quality
    # Powers, because a venue at random satisfies a third of the constraints.
    credit += _OFFERING * inform**3
    if inform == 1.0:
        answering = _ANSWERING if booking else _ANSWERING + _BOOKING
        credit += answering * request + _BOOKING * booking_share**2
    credit *= 1.0 - _PATIENCE_SHARE * (1.0 - max(patience_left, 0) / patience)
    return {
        "success": success,
        "inform": inform,
        "request": request,
        "booked": booked,
        "progress": success or credit,
        "patience_left": float(max(patience_left, 0)),
        "turns": float(ledger.turns),
    }


def venue_slots(venue_type: str) -> tuple[str, ...]:
    """The slots a user may constrain for a type, besides the type itself."""
    return (KIND_SLOT[venue_type], "area", "price")
