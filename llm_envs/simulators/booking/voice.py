"""The voice of the booking user: turns user acts into words, from the templates of the phrases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from llm_envs.simulators.booking import phrases
from llm_envs.simulators.booking.goals import ANY
from llm_envs.simulators.booking.language import (
    PRICE_WORDS,
    RESERVED,
    detail_phrase,
    noun_phrase,
    pick,
)


class UserVoice:
    """Turns user acts into words; every choice of wording is drawn from ``rng``."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def _one_of(self, *options: str) -> str:
        return pick(self._rng, options)

    def open(self, constraints: Mapping[str, str]) -> str:
        """The first turn, naming ``constraints``."""
        if len(constraints) == 1 and self._rng.random() < 0.6:
            return self._one_of(*phrases.VAGUE_OPENINGS[constraints["type"]])
        return self._one_of(*phrases.OPENINGS).format(np=noun_phrase(self._rng, constraints))

    def need(self, constraints: Mapping[str, str]) -> str:
        """Returns everything said so far, said again."""
        return self._one_of(*phrases.NEEDS).format(np=noun_phrase(self._rng, constraints))

    def inform(self, constraints: Mapping[str, str], venue_type: str) -> str:
        """The values of some slots; the first is the one that was asked for."""
        indifferent = [slot for slot, value in constraints.items() if value == ANY]
        named = {slot: value for slot, value in constraints.items() if value != ANY}
        if indifferent:
            options = phrases.INDIFFERENT_BUT if named else phrases.INDIFFERENT
            return self._one_of(*options).format(
                noun=_slot_noun(indifferent[0]), one=self._one(named, venue_type)
            )
        if len(named) == 1:
            ((slot, value),) = named.items()
            word = self._one_of(*PRICE_WORDS[value]) if slot == "price" else value
            text = self._one_of(*phrases.INFORM[slot]).format(v=word)
            return text.replace(f" a {word}", f" an {word}") if word[0] in "aei" else text
        return self._one_of(*phrases.INFORM_SEVERAL).format(one=self._one(named, venue_type))

    def correct(self, constraints: Mapping[str, str], venue_type: str) -> str:
        """The constraints an offer violates."""
        return self._one_of(*phrases.CORRECT).format(x=self.inform(constraints, venue_type))

    def change(self, constraints: Mapping[str, str], venue_type: str) -> str:
        """A change of mind."""
        return self._one_of(*phrases.CHANGE).format(one=self._one(constraints, venue_type))

    def relax(self, constraints: Mapping[str, str], venue_type: str) -> str:
        """Another value, or any, for a constraint that nothing matched."""
        ((slot, value),) = constraints.items()
        if value == ANY:
            return self._one_of(*phrases.RELAX_ANY).format(noun=_slot_noun(slot))
        return self._one_of(*phrases.RELAX).format(one=self._one(constraints, venue_type))

    def request(self, slots: Sequence[str]) -> str:
        """A question for one or two facts about the venue."""
        if len(slots) == 1:
            return self._one_of(*phrases.ASK[slots[0]])
        return self._one_of(*phrases.ASK_TWO).format(*(phrases.ASK_NOUN[slot] for slot in slots))

    def book(self, details: Mapping[str, str], venue_type: str) -> str:
        """A wish to book, with some details."""
        return self._one_of(*phrases.BOOK).format(a=RESERVED[venue_type], details=detail_phrase(details))

    def detail(self, details: Mapping[str, str]) -> str:
        """Booking details that were asked for."""
        return self._one_of(*phrases.DETAIL).format(details=detail_phrase(details))

    def change_booking(self, details: Mapping[str, str]) -> str:
        """A change of a booking that was made."""
        return self._one_of(*phrases.CHANGE_BOOKING).format(details=detail_phrase(details))

    def correct_booking(self, details: Mapping[str, str]) -> str:
        """The details that were booked wrongly."""
        return self._one_of(*phrases.CORRECT_BOOKING).format(details=detail_phrase(details))

    def complaint(self, reason: str) -> str:
        """Returns the user's comment on an unhelpful turn, before repeating the need."""
        return self._one_of(*phrases.COMPLAINTS[reason])

    def accept(self) -> str:
        """Returns agreement with an offer. The next act follows it."""
        return self._one_of(*phrases.ACCEPT)

    def heard(self) -> str:
        """Returns acknowledgement of an answer. The next act follows it."""
        return self._one_of(*phrases.HEARD)

    def no_booking(self) -> str:
        """Returns the answer to an offer to book if the user wants none."""
        return self._one_of(*phrases.NO_BOOKING)

    def bye(self) -> str:
        """The end of a dialogue in which nothing is left to do."""
        return self._one_of(*phrases.BYE)

    def hang_up(self) -> str:
        """The end of a dialogue whose user has lost patience."""
        return self._one_of(*phrases.HANG_UP)

    def _one(self, constraints: Mapping[str, str], venue_type: str) -> str:
        if "theme" in constraints or self._rng.random() < 0.3:
            return noun_phrase(self._rng, constraints, noun=venue_type)
        if self._rng.random() < 0.5:
            return noun_phrase(self._rng, constraints, noun="place")
        # "one" needs an adjective before it: not "a one with thai food", not "a one in the north".
        return noun_phrase(
            self._rng,
            constraints,
            noun="one",
            article=set(constraints) != {"area"},
            varied="price" in constraints,
        )


def _slot_noun(slot: str) -> str:
    return {"price": "price range", "food": "food", "style": "style", "theme": "topic"}.get(slot, slot)
