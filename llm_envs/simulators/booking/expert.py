"""The rule-based expert of the booking dialogue, which plays the references.

It tracks its beliefs from the text of the dialogue alone. It asks for what is open, queries, offers the first
row, answers and books, and varies its wording. It never sees the goal.
"""

from __future__ import annotations

import numpy as np

from llm_envs.simulators.booking.belief import Belief, read_rows
from llm_envs.simulators.booking.language import RESERVED, detail_phrase, noun_phrase, pick
from llm_envs.simulators.booking.understanding import understand
from llm_envs.simulators.booking.venues import KIND_SLOT, Venue

_ASK_NOUNS = {
    "type": ("kind of place", "type of place"),
    "food": ("kind of food", "food", "cuisine", "type of food"),
    "style": ("style", "kind of hotel", "style of hotel"),
    "theme": ("topic", "kind of museum", "type of museum"),
    "area": ("area", "part of town"),
    "price": ("price range",),
    "day": ("day",),
    "time": ("time",),
}
_ASK = (
    "what {noun} would you like ?",
    "which {noun} do you prefer ?",
    "what {noun} do you have in mind ?",
    "do you have any {noun} in mind ?",
    "what {noun} are you looking for ?",
)
_ASK_SPECIALLY = {
    "area": (
        "where in town should it be ?",
        "where should it be ?",
        "which part of town should it be in ?",
        "do you have a preference for the area ?",
    ),
    "price": (
        "how much would you like to spend ?",
        "how expensive should it be ?",
        "what is your budget ?",
        "do you have a preference for the price range ?",
    ),
    "food": ("what would you like to eat ?", "what do you feel like eating ?"),
    "theme": ("what topic are you interested in ?",),
}
_ASK_DETAIL = {
    "people": (
        "for how many people ?",
        "how many people will there be ?",
        "how many people is it for ?",
        "sure , for how many people ?",
        "how many of you will come ?",
    ),
    "day": (
        "for what day ?",
        "which day would you like ?",
        "on which day ?",
        "sure , what day should i book ?",
        "what day would suit you ?",
        "when would you like to come ?",
    ),
    "time": (
        "at what time ?",
        "what time would you like ?",
        "sure , for what time ?",
        "what time would suit you ?",
        "and at what time should i book it ?",
    ),
    "nights": (
        "for how many nights ?",
        "how many nights would you like to stay ?",
        "how long will you stay ?",
        "how many nights will you stay ?",
        "sure , for how many nights ?",
    ),
}
_OFFER = (
    "{name} is {np} .",
    "how about {name} , {np} ?",
    "i can recommend {name} . ",
    "i found {name} , {np} .",
    "there is {name} , {np} .",
    "what about {name} ? ",
    "i would suggest {name} , {np} .",
    "{name} would suit you , it is {np} .",
)
_CHECK = ("is that okay ?", "would that suit you ?", "does that sound good ?")
_NO_MATCH = (
    "sorry , there is no {bare} .",
    "i am afraid there is no {bare} .",
    "unfortunately i can not find {np} .",
    "i found no {bare} . would you like something else ?",
    "sorry , i have no {bare} for you .",
    "there is no {bare} . shall i try something else ?",
)
_ANSWER = {
    "phone": (
        "the phone number is {v} .",
        "their number is {v} .",
        "you can call them at {v} .",
        "the phone number of {name} is {v} .",
        "sure , the number is {v} .",
    ),
    "address": (
        "the address is {v} .",
        "it is at {v} .",
        "you can find it at {v} .",
        "{name} is at {v} .",
        "sure , it is located at {v} .",
    ),
    "postcode": (
        "the postcode is {v} .",
        "its postcode is {v} .",
        "sure , the postcode is {v} .",
        "the postcode of {name} is {v} .",
        "it has the postcode {v} .",
    ),
    "price": (
        "it is {v} .",
        "the price range is {v} .",
        "the prices are {v} .",
        "{name} is {v} .",
        "sure , its price range is {v} .",
    ),
    "area": (
        "it is in the {v} .",
        "it is in the {v} of town .",
        "{name} is in the {v} .",
        "you can find it in the {v} .",
        "the area is the {v} .",
    ),
}
_ANSWER_TWO = {
    "phone": "the phone number is {v}",
    "address": "the address is {v}",
    "postcode": "the postcode is {v}",
    "price": "the price range is {v}",
    "area": "it is in the {v}",
}
_BOOKED = (
    "i have booked {name} {details} .",
    "i booked {a} at {name} {details} .",
    "your {a} at {name} {are} booked {details} .",
    "{name} is booked {details} .",
    "okay , i have reserved it {details} .",
    "you have {a} at {name} {details} .",
    "done , {name} {details} .",
)
_ANYTHING_ELSE = (
    "is there anything else ?",
    "anything else ?",
    "do you need anything else ?",
    "can i help you with anything else ?",
    "what else can i do for you ?",
)
_P_CLOSER = 0.12


class BookingExpert:
    """Plays the agent by rules; every choice of wording is drawn from ``rng``."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self.reset()

    def reset(self) -> None:
        """Forgets the dialogue."""
        self._belief = Belief()
        self._asked = ""
        self._queried: dict[str, str] = {}
        self._awaiting_rows = False
        self._offered: Venue | None = None
        self._booked: dict[str, str] = {}
        self._note_undecided()

    def act(self, speaker: str, text: str) -> str:
        """The expert's next turn.

        Args:
            speaker: ``"user"`` or ``"database"``: who spoke last.
            text: What was said.

        Raises:
            ValueError: If the speaker is neither.
        """
        if speaker == "database":
            return self._after_rows(text)
        if speaker != "user":
            raise ValueError(f"unknown speaker {speaker!r}; the expert hears 'user', 'database'")
        if self._belief.read_user(text, self._asked, self._offered is not None):
            self._booked = {}
        return self._decide()

    def replaced(self, text: str) -> None:
        """Records that the agent said this instead of the last result of `act`.

        Used when a person plays with help.

        Args:
            text: The agent's turn.
        """
        self._queried, self._awaiting_rows, self._belief.requests, self._booked = self._undecided
        self._asked = ""
        for act in understand(text):
            if act.kind == "query":
                known = {s: v for s, v in self._belief.named.items() if s == "type"}
                self._queried, self._awaiting_rows, self._offered = {**known, **act.values}, True, None
            elif act.kind == "ask":
                self._asked = act.slot
            elif act.kind == "answer":
                self._belief.requests = [slot for slot in self._belief.requests if slot != act.slot]
            elif act.kind == "book":
                self._booked = {slot: v for slot, v in act.values.items() if slot in self._belief.details}

    def _decide(self) -> str:
        self._asked = ""
        self._note_undecided()
        missing = self._missing_slots()
        if missing:
            return self._ask(missing[0] if "type" in missing else pick(self._rng, missing))
        if self._belief.named != self._queried or self._awaiting_rows:
            return self._query()
        if self._offered is None:
            return self._no_match()
        if self._belief.requests:
            return self._answer(self._offered)
        if self._belief.booking_wished and self._belief.details != self._booked:
            return self._book(self._offered)
        return self._offer(self._offered) if not self._booked else pick(self._rng, _ANYTHING_ELSE)

    def _note_undecided(self) -> None:
        requests = list(self._belief.requests)
        self._undecided = self._queried, self._awaiting_rows, requests, self._booked

    def _missing_slots(self) -> list[str]:
        known = self._belief.constraints
        if "type" not in known:
            return ["type"]
        return [s for s in (KIND_SLOT[known["type"]], "area", "price") if s not in known]

    def _ask(self, slot: str) -> str:
        self._asked = slot
        special = _ASK_SPECIALLY.get(slot, ())
        index = int(self._rng.integers(len(_ASK) + len(special)))
        if index >= len(_ASK):
            return special[index - len(_ASK)]
        return _ASK[index].format(noun=pick(self._rng, _ASK_NOUNS[slot]))

    def _query(self) -> str:
        self._queried = self._belief.named
        self._offered = None
        self._awaiting_rows = True
        return "query : " + " , ".join(f"{slot} {v}" for slot, v in self._queried.items())

    def _after_rows(self, text: str) -> str:
        self._awaiting_rows = False
        if "type" not in self._queried or text.startswith("error"):  # not the expert's own query
            self._queried = {}
            return self._decide()
        rows = read_rows(text, self._queried["type"])
        self._note_undecided()
        if not rows:
            return self._no_match()
        self._offered = rows[0]
        return self._offer(self._offered)

    def _no_match(self) -> str:
        return pick(self._rng, _NO_MATCH).format(
            bare=noun_phrase(self._rng, self._queried, article=False, varied=False),
            np=noun_phrase(self._rng, self._queried, varied=False),
        )

    def _offer(self, venue: Venue) -> str:
        facts = {"type": venue.type, KIND_SLOT[venue.type]: venue.kind, "area": venue.area}
        facts["price"] = venue.price
        # What the user asked to hear about later is not given away: only what was constrained.
        facts = {slot: value for slot, value in facts.items() if slot in self._queried}
        phrase = noun_phrase(self._rng, facts, varied=self._rng.random() < 0.3)
        offer = pick(self._rng, _OFFER).format(name=venue.name, np=phrase).strip()
        return self._close(offer, _CHECK)

    def _answer(self, venue: Venue) -> str:
        requests, self._belief.requests = self._belief.requests[:2], self._belief.requests[2:]
        if len(requests) == 2:
            halves = [_ANSWER_TWO[slot].format(v=venue.value(slot)) for slot in requests]
            return f"{halves[0]} and {halves[1]} ."
        (slot,) = requests
        answer = pick(self._rng, _ANSWER[slot]).format(v=venue.value(slot), name=venue.name)
        return self._close(answer, _ANYTHING_ELSE)

    def _book(self, venue: Venue) -> str:
        details = self._belief.details
        needed = ("people", "day", "nights" if venue.type == "hotel" else "time")
        for slot in needed:
            if slot not in details:
                self._asked = slot
                return pick(self._rng, _ASK_DETAIL[slot])
        self._booked = dict(details)
        reserved = RESERVED[venue.type]
        text = pick(self._rng, _BOOKED)
        if text.startswith("your"):
            reserved = reserved.split()[-1]
        booked = text.format(
            name=venue.name,
            details=detail_phrase({slot: details[slot] for slot in needed}),
            a=reserved,
            are="are" if venue.type == "museum" else "is",
        )
        return self._close(booked, _ANYTHING_ELSE)

    def _close(self, text: str, closers: tuple[str, ...]) -> str:
        """Adds a closing question to some turns."""
        if self._rng.random() >= _P_CLOSER:
            return text
        return f"{text} {pick(self._rng, closers)}"
