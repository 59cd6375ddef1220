"""Wording that booking user and expert share: noun phrases, booking details, normal form."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from llm_envs.simulators.booking.goals import ANY
from llm_envs.simulators.booking.venues import KIND_SLOT

#: Price range -> the words for it, the plainest first.
PRICE_WORDS: dict[str, tuple[str, ...]] = {
    "cheap": ("cheap", "inexpensive"),
    "moderate": ("moderately priced", "mid range"),
    "expensive": ("expensive", "fancy"),
}
#: A word for a price range -> the price range.
PRICE_OF_WORD = {word: price for price, words in PRICE_WORDS.items() for word in (price, *words)}
#: What is reserved at a venue of each type.
RESERVED = {"restaurant": "a table", "hotel": "a room", "museum": "tickets"}

_PUNCTUATION = re.compile(r"\s*([,.?!;:])\s*")


def normalise(text: str) -> str:
    """Lower case, punctuation as words of its own, single spaces."""
    return " ".join(_PUNCTUATION.sub(r" \1 ", text.lower()).split())


def pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    """One of the options, uniformly."""
    return options[int(rng.integers(len(options)))]


def kind_of(constraints: Mapping[str, str]) -> str:
    """The food, style or theme among the constraints; empty if none is named."""
    for slot in KIND_SLOT.values():
        if constraints.get(slot, ANY) != ANY:
            return constraints[slot]
    return ""


def noun_phrase(
    rng: np.random.Generator,
    constraints: Mapping[str, str],
    *,
    noun: str | None = None,
    article: bool = True,
    varied: bool = True,
) -> str:
    """The constraints as a noun phrase: ``a cheap thai restaurant in the north``.

    Args:
        rng: Source of the choice between wordings.
        constraints: Slot to value; values ``"any"`` are left unsaid.
        noun: The head noun; the venue type if None.
        article: True if the phrase starts with ``a`` or ``an``.
        varied: True if food may follow the noun ("with thai food") and prices use synonyms.
    """
    head = noun or constraints["type"]
    price = constraints.get("price", ANY)
    words = []
    if price != ANY:
        options = PRICE_WORDS[price]
        words.append(pick(rng, options) if varied else options[0])
    kind, tail = kind_of(constraints), ""
    if kind and varied and "food" in constraints and rng.random() < 0.25:
        tail = f" with {kind} food"
    elif kind:
        words.append(kind)
    words.append(head)
    phrase = " ".join(words) + tail
    if constraints.get("area", ANY) != ANY:
        phrase += f" in the {constraints['area']}"
    if not article:
        return phrase
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def detail_phrase(details: Mapping[str, str]) -> str:
    """Booking details in words: ``for 4 people on friday at 7pm``."""
    forms = {
        "people": lambda n: "for 1 person" if n == "1" else f"for {n} people",
        "day": lambda day: f"from {day}" if "nights" in details else f"on {day}",
        "nights": lambda n: "for 1 night" if n == "1" else f"for {n} nights",
        "time": lambda time: f"at {time}",
    }
    return " ".join(form(details[slot]) for slot, form in forms.items() if slot in details)
