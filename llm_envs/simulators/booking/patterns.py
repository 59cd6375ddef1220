"""Whole-sentence patterns of the agent turns that the booking user understands.

A pattern is a regular expression over one sentence without its final mark. ``{NAME}``, ``{NP}``
and the like stand for sub-patterns; square brackets mark optional words: ``[please] tell me``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final, Literal

from llm_envs.simulators.booking.goals import BOOKING_VALUES
from llm_envs.simulators.booking.language import PRICE_OF_WORD
from llm_envs.simulators.booking.venues import (
    AREAS,
    FOODS,
    HOUSE_NUMBERS,
    NAME_ADJECTIVES,
    NAME_NOUNS,
    PHONE_TOKENS,
    POSTCODES,
    STREET_KINDS,
    STREETS,
    STYLES,
    THEMES,
    TYPES,
)

Kind = Literal["ask", "offer", "no_match", "answer", "book", "ask_more", "ask_book", "check", "greet", "bye"]


def _any_of(*words: str) -> str:
    return "(?:" + "|".join(sorted(words, key=len, reverse=True)) + ")"


_NAME = f"(?:the )?(?P<name>{_any_of(*NAME_ADJECTIVES)} {_any_of(*NAME_NOUNS)})"
_AREA = f"(?P<area>{_any_of(*AREAS)})"
_PRICE = f"(?P<pricew>{_any_of(*PRICE_OF_WORD)})"
_KIND = f"(?P<kind>{_any_of(*FOODS, *STYLES, *THEMES)})"
_TYPE = f"(?P<type>{_any_of(*TYPES, 'place')})"
_IN = f"(?:(?:in|on) the {_AREA}(?: of town| side| part of town)?)"
_NP = (
    f"(?:(?:{_PRICE} )?(?:{_KIND} )?{_TYPE}(?: {_IN})?"
    f"|(?:{_PRICE} )?{_TYPE} (?:with|serving) {_KIND} food(?: {_IN})?)"
)
_PHONE = f"{_any_of(*PHONE_TOKENS)} {_any_of(*PHONE_TOKENS)}"
_ADDRESS = f"{_any_of(*HOUSE_NUMBERS)} {_any_of(*STREETS)} {_any_of(*STREET_KINDS)}"
_VENUE = f"(?:{_NAME}|it|they|this place|the place|the {_any_of(*TYPES)})"
_DETAIL = (
    f"(?:for {_any_of(*BOOKING_VALUES['people'])} (?:people|person|guests)"
    f"|for {_any_of(*BOOKING_VALUES['nights'])} nights?"
    f"|(?:on|from|for) {_any_of(*BOOKING_VALUES['day'])}"
    f"|at {_any_of(*BOOKING_VALUES['time'])})"
)
_DETAILS = f"(?P<details>{_DETAIL}(?:(?: ,)?(?: and)? {_DETAIL}){{0,3}})"

#: Nouns by which a question names a slot.
_SLOT_NOUNS: Final[dict[str, str]] = {
    "type": "(?:kind|type|sort) of (?:place|venue)",
    "food": "(?:(?:kind|type|sort) of )?(?:food|cuisine)",
    "style": "style|(?:kind|type|sort|style) of hotel",
    "theme": "theme|topic|(?:kind|type|sort) of museum",
    "area": "area(?: of town)?|(?:part|side) of (?:the )?town|part of the city",
    "price": "price|price range|budget",
    "people": "number of (?:people|guests)",
    "day": "day",
    "time": "time",
    "nights": "number of nights",
}
_WISH = (
    "(?:would you like|do you want|do you prefer|would you prefer|do you need|do you have in mind|"
    "did you have in mind|should it be(?: in| on| for)?|should i look for|should i look in|"
    "are you looking for|are you looking in|are you interested in|would suit you|"
    "suits you(?: best)?|is best for you|works for you|is it for|"
    "should (?:i|we) book(?: it)?(?: for)?|"
    "(?:would you like|do you want) to (?:eat|stay|visit|go|come|arrive|book|spend)(?: in)?|"
    "would you like (?:it|the booking|the room|the table)(?: for| to be)?|will you (?:come|arrive))"
)
_QUESTIONS: Final = (
    f"[and] [in|on|for|at] (?:what|which) {{NOUN}} [{_WISH}]",
    "[and] what is your [preferred] {NOUN}",
    "do you have (?:a|an|any|a certain) {NOUN} in mind",
    "do you have (?:a|any) preference for the {NOUN}",
    "do you have a (?:preferred|favourite) {NOUN}",
    "any preference for the {NOUN}",
    "(?:could|can) you tell me (?:the|your) {NOUN}",
    "[please] tell me (?:the|your) {NOUN}",
    f"(?:could|can|may) (?:you tell me|i ask|i know) (?:what|which) {{NOUN}} {_WISH}",
    f"[please] tell me (?:what|which) {{NOUN}} {_WISH}",
)
_SPECIAL_QUESTIONS: Final[dict[str, tuple[str, ...]]] = {
    "area": (
        "where [in town|in the town|in the city] should it be",
        "where [in town|in the city] (?:would you like|do you want) (?:it|to (?:eat|stay|go))",
        "should it be in a (?:particular|certain|special) {NOUN}",
    ),
    "price": (
        "how much (?:would you like|do you want|are you willing) to (?:pay|spend)",
        "how expensive (?:should|may|can) it be",
    ),
    "food": (
        "what (?:would you like|do you want|do you feel like) to eat",
        "what do you feel like eating",
    ),
    "people": (
        "[and] [for] how many (?:people|guests|of you) [will there be|will come|is it for|is that "
        "for|is the booking for|are coming|are you|should i book [it|for]|would you like to book]",
        "how many (?:people|guests|of you) (?:will there be|are there|are coming|will come)",
        "how many are you",
    ),
    "day": (
        "when (?:would you like|do you want) to (?:go|come|arrive|eat|visit)",
        "when (?:should i book it for|will you come|will you arrive|would you like it)",
    ),
    "time": ("[at] what time", "what time is good [for you]"),
    "nights": (
        "[and] [for] how many nights [will you stay|would you like to stay|would you like|do you "
        "want to stay|should i book|is it for|do you need]",
        "how long (?:will you stay|would you like to stay|do you want to stay)",
    ),
}
_OFFERS: Final = (
    "{NAME} is {ANP}",
    "there is {NAME} , {ANP}",
    "there is {ANP} called {NAME}",
    "(?:how|what) about {NAME} [, [it is] {ANP}]",
    "i (?:can|would|could) (?:recommend|suggest|offer you) {NAME} [, [it is] {ANP}]",
    "i [have] found {NAME} [for you] [, [it is] {ANP}]",
    "i [have] found {ANP} [for you] (?:called|,) {NAME}",
    "{NAME} (?:would|could|might|should) (?:suit you|fit|be right [for you]) [, it is {ANP}]",
    "{NAME} (?:matches|fits) (?:that|what you (?:want|need)) [, it is {ANP}]",
    "[you could|you can|you might] try {NAME} [, [it is] {ANP}]",
    "{NAME} {IN} is {ADJ}",
    "{NAME} is {ADJ} [and] {IN}",
)
_NO_MATCHES: Final = (
    "there is no {NP} [that fits|like that|, i am afraid]",
    "i (?:can not|could not|did not) find (?:a|an|any) {NP}",
    "i (?:found|have|see) no {NP} [for you]",
    "i (?:found|have) nothing [like that|that fits|for you]",
    "no {NP} (?:was found|fits|matches|is listed)",
    "nothing (?:fits|matches|was found|fits that|matches that)",
    "we do not have (?:a|an|any) {NP}",
)
_OF = f"[of {_VENUE}]"
_ANSWERS: Final[dict[str, tuple[str, ...]]] = {
    "phone": (
        f"(?:the|its|their) (?:phone|phone number|telephone number|number) {_OF} is {{PHONE}}",
        "you can (?:call|reach|phone) (?:them|it|{NAME}) (?:at|on|under) {PHONE}",
        "(?:call|phone) (?:them on )?{PHONE}",
        "(?:they have|it has) the [phone] number {PHONE}",
    ),
    "address": (
        f"(?:the|its|their) address {_OF} is {{ADDRESS}}",
        f"{_VENUE} (?:is|are) [located] (?:at|on|in) {{ADDRESS}}",
        "you [can|will] find (?:it|them|{NAME}) (?:at|on|in) {ADDRESS}",
        "go to {ADDRESS}",
    ),
    "postcode": (
        f"(?:the|its|their) (?:postcode|code|post code|postal code) {_OF} is {{CODE}}",
        "(?:it has|they have) the (?:postcode|code) {CODE}",
        "(?:you need|use) the postcode {CODE}",
    ),
    "price": (
        f"{_VENUE} is {{PRICE}}",
        f"(?:the|its|their) (?:price|price range) {_OF} is {{PRICE}}",
        f"(?:the|its|their) prices {_OF} are {{PRICE}}",
        "{NAME} has {PRICE} prices",
        "it is (?:a|an) {PRICE} (?:place|restaurant|hotel|museum)",
    ),
    "area": (
        f"{_VENUE} is [located|right] {{IN}}",
        f"(?:the|its) area {_OF} is the {{AREA}}",
        "you [can|will] find it {IN}",
        "it is (?:a place|a restaurant|a hotel|a museum) {IN}",
    ),
}
_AT = "[(?:at|in|for) {NAME}]"
_BOOKINGS: Final = (
    "i [have] (?:booked|reserved) (?:it|{NAME}) [for you] {DETAILS}",
    f"i [have] (?:booked|reserved) (?:a table|a room|tickets) {_AT} [for you] {{DETAILS}}",
    f"your (?:table|room|booking|tickets) {_AT} (?:is|are) (?:booked|confirmed|reserved) {{DETAILS}}",
    "(?:{NAME}|it) is [now] (?:booked|reserved) [for you] {DETAILS}",
    "you have (?:a table|a room|tickets|a booking) [at {NAME}] {DETAILS}",
    "(?:booked|done) , {NAME} {DETAILS}",
)
_CLOSERS: Final[dict[Kind, tuple[str, ...]]] = {
    "ask_more": (
        "[is there] anything else [i can do [for you]|you need|you would like [to know]|for you]",
        "(?:do|would) you (?:need|want|like) anything else",
        "(?:can|may) i help [you] with anything else",
        "what else can i do [for you]",
        "would you like (?:something else|to try something else|another one|to change something)",
        "(?:shall|should) i (?:look for|try) something else",
    ),
    "ask_book": (
        "(?:shall|should|may|can) i (?:book|reserve) (?:it|that|{NAME}|a table|a room|tickets) [for you]",
        "would you like [me] to (?:book|reserve) (?:it|that|a table|a room|tickets) [for you]",
        "(?:would you like|do you want|do you need) (?:a table|a room|tickets|a booking)",
    ),
    "check": (
        "is that (?:okay|all right|fine|good) [for you|with you]",
        "(?:would|does) that (?:suit you|work [for you]|sound good|be okay [for you])",
        "would you like that [one|place]",
        "do you like it",
    ),
    "greet": (
        "(?:hello|hi|good morning|good evening|welcome) [, (?:how|what) can i (?:help|do) [for] [you]]",
        "how (?:can|may) i help [you]",
    ),
    "bye": (
        "[thank you ,] (?:goodbye|bye) [, have a nice (?:day|time)]",
        "have a nice (?:day|time)",
    ),
}

_SUBPATTERNS: Final = {
    "NAME": _NAME,
    "NP": _NP,
    "ANP": f"(?:a|an|one) {_NP}",
    "IN": _IN,
    "AREA": _AREA,
    "ADJ": _PRICE,
    "PRICE": _PRICE,
    "PHONE": f"(?P<phone>{_PHONE})",
    "ADDRESS": f"(?P<address>{_ADDRESS})",
    "CODE": f"(?P<postcode>{_any_of(*POSTCODES)})",
    "DETAILS": _DETAILS,
}

_OPTIONAL = re.compile(r"( ?)\[([^\[\]]*)\]( ?)")
_GROUP = re.compile(r"\(\?P<(\w+?)>")


def _compile(template: str, noun: str = "") -> re.Pattern[str]:
    """A template as a regular expression.

    An optional part takes the space before it along, or the one behind it where it comes first.
    The n-th repetition of a group gets a name of its own, ``area_2``, which ``captured`` folds.
    """

    def optional(match: re.Match[str]) -> str:
        before, part, behind = match.groups()
        return f"(?: (?:{part}))?{behind}" if before else f"(?:(?:{part}) )?"

    while _OPTIONAL.search(template):
        template = _OPTIONAL.sub(optional, template, count=1)
    seen: Counter[str] = Counter()

    def unique(match: re.Match[str]) -> str:
        seen[match.group(1)] += 1
        repetition = seen[match.group(1)]
        return match.group() if repetition == 1 else f"(?P<{match.group(1)}_{repetition}>"

    return re.compile(_GROUP.sub(unique, template.format(**_SUBPATTERNS, NOUN=f"(?:{noun})")))


def captured(match: re.Match[str]) -> dict[str, str]:
    """The groups of a match that took part, by the name they have in the template."""
    return {name.split("_")[0]: value for name, value in match.groupdict().items() if value}


def _sentences() -> Iterator[tuple[Kind, str, re.Pattern[str]]]:
    for slot, noun in _SLOT_NOUNS.items():
        for template in (*_QUESTIONS, *_SPECIAL_QUESTIONS.get(slot, ())):
            yield "ask", slot, _compile(template, noun)
    for slot, templates in _ANSWERS.items():
        for template in templates:
            yield "answer", slot, _compile(template)
    contents: tuple[tuple[Kind, tuple[str, ...]], ...] = (
        ("offer", _OFFERS),
        ("no_match", _NO_MATCHES),
        ("book", _BOOKINGS),
        *_CLOSERS.items(),
    )
    for kind, templates in contents:
        for template in templates:
            yield kind, "", _compile(template)


#: (act, slot, pattern) of every sentence that is understood.
SENTENCES: Final = tuple(_sentences())
#: A sentence without content, tolerated once in a turn.
COURTESY: Final = re.compile(
    "(?:okay|sure|certainly|of course|great|all right|thank you|thanks|sorry|i am sorry|"
    "no problem|one moment(?: please)?|very well|good|perfect|i see)(?: ,? ?please)?"
)
#: Words that may open a sentence with content.
OPENER: Final = re.compile(
    "^(?:okay|sure|certainly|of course|great|all right|thank you|thanks|sorry|i am sorry|"
    "no problem|very well|good|perfect|i see|yes|unfortunately|then|and|i am afraid)(?: ,)? "
)
#: One detail of a booking, with its slot as the group that matched.
DETAIL: Final = re.compile(
    f"for (?P<people>{_any_of(*BOOKING_VALUES['people'])}) (?:people|person|guests)"
    f"|for (?P<nights>{_any_of(*BOOKING_VALUES['nights'])}) nights?"
    f"|(?:on|from|for) (?P<day>{_any_of(*BOOKING_VALUES['day'])})"
    f"|at (?P<time>{_any_of(*BOOKING_VALUES['time'])})"
)
NAME_ANYWHERE: Final = re.compile(_NAME)
SLOT_NOUN_ANYWHERE: Final = re.compile(
    r"\b(?:(?P<food>food|cuisine)|(?P<area>area|town)|(?P<price>price|budget)|(?P<people>people|guests)"
    "|(?P<day>day)|(?P<time>time)|(?P<nights>nights)|(?P<phone>phone)|(?P<address>address)"
    r"|(?P<postcode>postcode|code)|(?P<style>style)|(?P<theme>theme))\b"
)
