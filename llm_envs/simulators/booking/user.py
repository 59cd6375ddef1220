"""The agenda-based user of the booking dialogue.

After Schatzmann et al. 2007 ("Agenda-Based User Simulation for Bootstrapping a POMDP Dialogue System"): the
user's state is a goal and an agenda, a stack of the user acts still to be said. The agent's acts push acts
onto the agenda (a correction, an answer, a change of mind) or strike acts out of it. Each user turn pops one
or several. Deviations: agent acts come from text, read by whole-sentence patterns; every act that does not
help costs patience; pushes are rules, not learned probabilities; the user repeats at once what was not
served, instead of pushing it back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from llm_envs.simulators.booking.agenda import Agenda, UserAct
from llm_envs.simulators.booking.goals import ANY, BOOKING_VALUES, Goal, Trigger
from llm_envs.simulators.booking.language import normalise
from llm_envs.simulators.booking.measures import Ledger, measure, query_quality, venue_slots
from llm_envs.simulators.booking.understanding import AgentAct, understand
from llm_envs.simulators.booking.venues import Database
from llm_envs.simulators.booking.voice import UserVoice

#: Queries in a row that cost nothing.
FREE_QUERIES = 2
_P_VOLUNTEER = 0.3
_P_SECOND_REQUEST = 0.45


@dataclass(frozen=True)
class Reply:
    """The environment's answer to an agent turn."""

    speaker: Literal["user", "database"]
    text: str
    done: bool


class BookingUser:
    """The user of one dialogue.

    Args:
        goal: The user's goal.
        database: The venues, which answer query turns.
        rng: Source of every choice the user makes.
        patience: Points the user starts with. The dialogue ends when none is left. An act that does not help
            costs one point. These cost two: several venues or slots at once, a false "nothing found", a
            premature goodbye, and a booking nobody asked for.
        fluency: Scores an agent turn, such as a mean log-probability per token.
        fluency_floor: The user does not understand a turn with a lower ``fluency``.
    """

    def __init__(
        self,
        goal: Goal,
        database: Database,
        rng: np.random.Generator,
        *,
        patience: int = 5,
        fluency: Callable[[str], float] | None = None,
        fluency_floor: float = -math.inf,
    ) -> None:
        if patience < 1:
            raise ValueError(f"patience must be at least 1, got {patience}")
        self._goal, self._database, self._rng = goal, database, rng
        self._patience = self._patience_left = patience
        self._fluency, self._fluency_floor = fluency, fluency_floor
        self._voice = UserVoice(rng)
        self._wants = dict(goal.constraints)
        self._booking = dict(goal.booking)
        self._revisions = list(goal.revisions)
        self._type = goal.constraints["type"]
        self._ledger = Ledger()
        informs = [slot for slot in venue_slots(self._type) if slot in self._wants]
        self._agenda = Agenda(rng, informs, goal.requests, bool(goal.booking))
        self._accepted: str | None = None
        self._pending: Literal["need", "request", "book"] | None = None
        self._requesting: list[str] = []
        self._booking_wished = False
        self._queries_in_row = 0
        self._done = False

    def open(self) -> str:
        """Returns the user's first turn."""
        if self._pending is not None:
            raise RuntimeError("open() was called before; a BookingUser lives for one dialogue")
        named = min(len(self._wants), 1 + int(self._rng.choice(3, p=[0.15, 0.5, 0.35])))
        slots = [self._agenda.pop().slot for _ in range(named)]
        said = {slot: self._wants[slot] for slot in slots}
        self._ledger.told.update(said)
        self._ledger.open_slots = set(venue_slots(self._type)) - set(said)
        self._pending = "need"
        return self._voice.open(said)

    def reply(self, text: str) -> Reply:
        """Answers an agent turn: with database rows if it is a query, else as the user.

        Raises:
            RuntimeError: Before ``open`` or after the end of the dialogue.
        """
        if self._pending is None or self._done:
            state = "is over; make a new BookingUser" if self._done else "has not begun; call open()"
            raise RuntimeError(f"the dialogue {state}")
        self._ledger.turns += 1
        acts = self._understand(normalise(text))
        if acts[0].kind in ("query", "bad_query"):
            return self._look_up(acts[0])
        self._queries_in_row = 0
        answer = self._respond(acts)
        return self._hang_up() if self._patience_left <= 0 else Reply("user", answer, self._done)

    def measures(self) -> dict[str, float]:
        """Returns how far the dialogue has come; see ``booking.measures.measure``."""
        return measure(self._goal, self._ledger, self._patience_left, self._patience)

    def _understand(self, text: str) -> list[AgentAct]:
        acts = understand(text)
        said = acts[0].kind not in ("query", "bad_query")  # the database has no fluency floor
        if said and text and self._fluency is not None and self._fluency(text) < self._fluency_floor:
            return [AgentAct("unclear")]
        return acts

    def _look_up(self, act: AgentAct) -> Reply:
        self._queries_in_row += 1
        if act.kind == "bad_query" or self._queries_in_row > FREE_QUERIES:
            self._patience_left -= 1
        if self._patience_left <= 0:
            return self._hang_up()
        if act.kind == "bad_query":
            return Reply("database", "error : i can not read this query .", False)
        quality = query_quality(act.values, self._ledger.told, _named(self._wants))
        self._ledger.query_quality = max(self._ledger.query_quality, quality)
        return Reply("database", self._database.answer(act.values), False)

    def _hang_up(self) -> Reply:
        self._done = True
        return Reply("user", self._voice.hang_up(), True)

    def _respond(self, acts: Sequence[AgentAct]) -> str:
        head, closer = acts[0], acts[-1].kind if len(acts) > 1 else ""
        if head.kind == "ask":
            return self._on_ask(head.slot)
        if head.kind == "offer":
            return self._on_offer(head.values, closer)
        if head.kind == "no_match":
            return self._on_no_match(head.values)
        if head.kind == "answer":
            return self._on_answers([act for act in acts if act.kind == "answer"], closer)
        if head.kind == "book":
            return self._on_book(head.values)
        if head.kind == "ask_book":
            return self._on_ask_book()
        if head.kind == "bye":
            return self._complain("waiting", 2)
        if head.kind == "several":
            return self._complain("several", 2)
        return self._complain("unclear" if head.kind == "unclear" else "pointless")

    def _on_ask(self, slot: str) -> str:
        if slot in BOOKING_VALUES:
            return self._on_ask_detail(slot)
        if self._accepted is not None or (slot != "type" and slot not in venue_slots(self._type)):
            return self._complain("pointless")
        if slot in self._ledger.told:
            value = {slot: self._ledger.told[slot]}
            return self._complain("said", say=lambda: self._voice.inform(value, self._type))
        said = {slot: self._wants.get(slot, ANY)}
        self._agenda.strike("inform", said)
        if self._agenda.next_is("inform") and self._rng.random() < _P_VOLUNTEER:
            volunteered = self._agenda.pop().slot
            said[volunteered] = self._wants[volunteered]
        self._ledger.elicited |= set(said) & self._ledger.open_slots
        return self._tell(said, lambda: self._voice.inform(said, self._type))

    def _on_ask_detail(self, slot: str) -> str:
        if not self._booking_wished or slot not in self._booking:
            return self._complain("pointless")
        said = {slot: self._booking[slot]}
        if slot in self._ledger.details:
            return self._complain("said", say=lambda: self._voice.detail(said))
        self._agenda.strike("detail", said)
        if self._agenda.next_is("detail") and self._rng.random() < _P_VOLUNTEER:
            volunteered = self._agenda.pop().slot
            said[volunteered] = self._booking[volunteered]
        return self._tell_details(said, lambda: self._voice.detail(said))

    def _on_offer(self, claims: Mapping[str, str], closer: str) -> str:
        venue = self._database.get(claims["name"])
        if venue is None:
            return self._complain("unknown")
        if not venue.satisfies(claims):
            return self._complain("untrue")
        if self._accepted is not None:
            return self._complain("pointless")
        self._ledger.offered = venue
        wrong = {s: v for s, v in _named(self._wants).items() if venue.value(s) != v}
        if wrong:
            self._patience_left -= 1
            # Two corrections at most: a user who lists everything would make offers questions.
            wrong = dict(list(wrong.items())[:2])
            return self._tell(wrong, lambda: self._voice.correct(wrong, self._type))
        change = self._revise("offer")
        if change:
            return self._tell(change, lambda: self._voice.change(change, self._type))
        self._accepted = venue.name
        self._agenda.strike("inform")
        return self._advance(self._voice.accept(), closer)

    def _on_no_match(self, claims: Mapping[str, str]) -> str:
        told = self._told_wants()
        if any(told.get(slot) != value for slot, value in claims.items()):
            return self._complain("untrue")
        if self._database.find(told):
            return self._complain("untrue", 2)
        relaxed = self._revise("no_match")
        if not relaxed:
            return self._complain("pointless")
        return self._tell(relaxed, lambda: self._voice.relax(relaxed, self._type))

    def _on_answers(self, answers: Sequence[AgentAct], closer: str) -> str:
        open_requests = self._agenda.slots("request") | set(self._requesting)
        named = {answer.values.get("name", self._accepted) for answer in answers}
        if self._accepted is None or named != {self._accepted}:
            return self._complain("pointless")
        if any(answer.slot not in open_requests for answer in answers):
            return self._complain("pointless")
        for answer in answers:
            self._ledger.answers[answer.slot] = answer.values[answer.slot]
        self._agenda.strike("request", self._ledger.answers)
        was_requesting = bool(self._requesting)
        self._requesting = [s for s in self._requesting if s not in self._ledger.answers]
        lead = self._voice.heard()
        if self._requesting or not was_requesting:
            return lead + self._say_again()
        return self._advance(lead, closer)

    def _on_book(self, values: Mapping[str, str]) -> str:
        if not self._booking_wished:
            return self._complain("unagreed", 2)
        self._ledger.booking = {"name": str(self._accepted), **values}
        if self._ledger.booking["name"] != self._accepted:
            return self._complain("pointless")
        details = {slot: value for slot, value in values.items() if slot != "name"}
        wrong = {s: v for s, v in self._booking.items() if details.get(s) != v}
        if wrong or set(details) != set(self._booking):
            self._patience_left -= 1
            wrong = wrong or self._booking
            return self._tell_details(wrong, lambda: self._voice.correct_booking(wrong))
        change = self._revise("booking")
        if change:
            return self._tell_details(change, lambda: self._voice.change_booking(change))
        self._booking_wished = False
        self._agenda.strike("detail")
        return self._advance(self._voice.heard())

    def _on_ask_book(self) -> str:
        if self._accepted is None or UserAct("book") not in self._agenda or self._requesting:
            return self._complain("pointless")
        return self._advance("yes , ", "ask_book")

    def _advance(self, lead: str, closer: str = "") -> str:
        """Pops the next errand of the agenda and says it after ``lead``."""
        if closer == "ask_book":
            if UserAct("book") in self._agenda:
                self._agenda.strike("book")
                self._agenda.push([UserAct("book")])
            elif not self._ledger.booking:
                lead = self._voice.no_booking() + " "
        act = self._agenda.pop()
        if act.kind == "bye":
            self._done = True
            return self._voice.bye()
        if act.kind == "book":
            return lead + self._wish_booking()
        self._requesting = [act.slot]
        if self._agenda.next_is("request") and self._rng.random() < _P_SECOND_REQUEST:
            self._requesting.append(self._agenda.pop().slot)
        self._pending = "request"
        return lead + self._say_again()

    def _wish_booking(self) -> str:
        self._booking_wished = True
        slots = list(self._booking)
        count = int(self._rng.integers(1, len(slots) + 1))
        said = sorted(int(i) for i in self._rng.permutation(len(slots))[:count])
        details = {slots[i]: self._booking[slots[i]] for i in said}
        self._agenda.push(UserAct("detail", slot) for slot in slots if slot not in details)
        self._ledger.details.update(details)
        self._pending = "book"
        return self._say_again()

    def _tell(self, constraints: Mapping[str, str], say: Callable[[], str]) -> str:
        self._ledger.told.update(constraints)
        self._agenda.strike("inform", constraints)
        text = say()
        self._pending = "need"
        return text

    def _tell_details(self, details: Mapping[str, str], say: Callable[[], str]) -> str:
        self._ledger.details.update(details)
        self._agenda.strike("detail", details)
        text = say()
        self._pending = "book"
        return text

    def _say_again(self) -> str:
        """Says again what the agent has to serve next."""
        if self._pending == "request":
            return self._voice.request(self._requesting)
        if self._pending == "book":
            return self._voice.book(self._ledger.details, self._type)
        return self._voice.need(self._told_wants())

    def _complain(self, reason: str, cost: int = 1, say: Callable[[], str] | None = None) -> str:
        self._patience_left -= cost
        return f"{self._voice.complaint(reason)} {(say or self._say_again)()}"

    def _told_wants(self) -> dict[str, str]:
        return _named(self._ledger.told)

    def _revise(self, trigger: Trigger) -> dict[str, str]:
        """Applies the goal's revision for this occasion. Returns what changed, empty if nothing did."""
        for revision in self._revisions:
            if revision.trigger == trigger:
                self._revisions.remove(revision)
                revised = self._booking if trigger == "booking" else self._wants
                revised[revision.slot] = revision.value
                return {revision.slot: revision.value}
        return {}


def _named(constraints: Mapping[str, str]) -> dict[str, str]:
    return {slot: value for slot, value in constraints.items() if value != ANY}
