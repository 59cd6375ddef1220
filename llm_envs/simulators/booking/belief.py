"""The beliefs of the booking expert: the user's wishes and the database's rows, read from text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from llm_envs.simulators.booking.goals import ANY, DAYS
from llm_envs.simulators.booking.language import PRICE_OF_WORD
from llm_envs.simulators.booking.venues import AREAS, KIND_SLOT, SLOT_VALUES, TYPES, Venue

_TYPE_CUES = {"place to eat": "restaurant", "dinner": "restaurant", "place to stay": "hotel"}
_TYPE_CUES |= {"place to sleep": "hotel"}
_TYPES = re.compile(rf"\b({'|'.join(TYPES)})s?\b")
_AREAS = re.compile(rf"\b({'|'.join(AREAS)})\b")
_PRICES = re.compile(rf"\b({'|'.join(PRICE_OF_WORD)})\b")
_KINDS = {slot: re.compile(rf"\b({'|'.join(SLOT_VALUES[slot])})\b") for slot in KIND_SLOT.values()}
_INDIFFERENT = re.compile(r"\b(any|not care|not matter|not mind|no preference|whatever)\b")
_INDIFFERENT_NOUN = re.compile(r"(?:any|about the|the) (area|price range|food|style|topic)\b")
_SLOT_OF_NOUN = {"area": "area", "price range": "price", "food": "food", "style": "style"}
_SLOT_OF_NOUN |= {"topic": "theme"}
_REQUESTS = {
    "phone": re.compile(r"phone number|their number|call them"),
    "address": re.compile(r"\baddress|where exactly|which street"),
    "postcode": re.compile(r"\bpostcode"),
    "price": re.compile(r"price range|\bcost|\bprices|how expensive"),
    "area": re.compile(r"\barea\b|part of town|where in town"),
}
_BOOKING = re.compile(r"\b(book|reserve)\b|need (a table|a room|tickets)")
_NO_BOOKING = re.compile(r"no booking|no need to book|not need a booking|not book|ask for a booking")
_DETAILS = {
    "people": re.compile(r"\b(\d) (?:people|person)\b"),
    "day": re.compile(rf"\b({'|'.join(DAYS)})\b"),
    "time": re.compile(r"\b(\d+[ap]m)\b"),
    "nights": re.compile(r"\b(\d) nights?\b"),
}
_ROW = re.compile(
    r"(?P<name>\w+ \w+) , (?P<kind>\w+) , (?P<area>\w+) , (?P<price>\w+) , "
    r"(?P<address>\w+ \w+ \w+) , code (?P<postcode>\w+) , phone (?P<phone>\w+ \w+)"
)


@dataclass
class Belief:
    """The wishes the user has uttered.

    Attributes:
        constraints: Slot to value; ``"any"`` if the user does not care.
        requests: Slots that the user asked for and that are not answered yet.
        booking_wished: True if the user has asked for a booking.
        details: Booking details.
    """

    constraints: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    booking_wished: bool = False
    details: dict[str, str] = field(default_factory=dict)

    @property
    def named(self) -> dict[str, str]:
        """The constraints that restrict anything, in the order of a query."""
        order = ("type", *KIND_SLOT.values(), "area", "price")
        return {s: self.constraints[s] for s in order if self.constraints.get(s, ANY) != ANY}

    def read_user(self, text: str, asked: str, has_offered: bool) -> bool:
        """Reads a user turn.

        Args:
            text: The turn.
            asked: The slot the expert asked for last, or empty.
            has_offered: True if a venue has been offered, so that questions are about it.

        Returns:
            True if the turn asks for a booking, for the first time or again.
        """
        self._read_type(text)
        indifferent = bool(_INDIFFERENT.search(text))
        if indifferent:
            noun = _INDIFFERENT_NOUN.search(text)
            slot = _SLOT_OF_NOUN[noun.group(1)] if noun else asked
            if slot:
                self.constraints[slot] = ANY
        elif has_offered:
            for slot, pattern in _REQUESTS.items():
                if pattern.search(text) and slot not in self.requests:
                    self.requests.append(slot)
        self._read_constraints(text.replace("how expensive", ""))
        wishes_booking = bool(_BOOKING.search(text)) and not _NO_BOOKING.search(text)
        self.booking_wished = self.booking_wished or wishes_booking
        for slot, pattern in _DETAILS.items():
            for value in pattern.findall(text):
                self.details[slot] = value
        return wishes_booking

    def _read_type(self, text: str) -> None:
        for cue, venue_type in _TYPE_CUES.items():
            if cue in text:
                self.constraints["type"] = venue_type
        match = _TYPES.search(text)
        if match:
            self.constraints["type"] = match.group(1)

    def _read_constraints(self, text: str) -> None:
        kind_slot = KIND_SLOT.get(self.constraints.get("type", ""))
        for slot, pattern in (("area", _AREAS), ("price", _PRICES), *_KINDS.items()):
            if slot in KIND_SLOT.values() and slot != kind_slot:
                continue
            for word in pattern.findall(text):
                self.constraints[slot] = PRICE_OF_WORD.get(word, word)


def read_rows(text: str, venue_type: str) -> list[Venue]:
    """The venues among the rows of a database reply."""
    return [Venue(type=venue_type, **match.groupdict()) for match in _ROW.finditer(text)]
