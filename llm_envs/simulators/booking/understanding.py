"""How the booking user understands the agent's text.

Every sentence of an agent turn must match a whole-sentence pattern: slot words outside a grammatical sentence
mean nothing. A turn carries one content act (a question, an offer, a booking, ...) or two answers, and may
add one closing question ("shall i book it ?"). A turn that piles up venues or slots is ``several``.
Everything else is ``unclear``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from llm_envs.simulators.booking import patterns
from llm_envs.simulators.booking.language import PRICE_OF_WORD, normalise
from llm_envs.simulators.booking.venues import KIND_SLOT, SLOT_VALUES

ActKind = Literal[
    "query",
    "bad_query",
    "ask",
    "offer",
    "no_match",
    "answer",
    "book",
    "ask_more",
    "ask_book",
    "check",
    "greet",
    "bye",
    "unclear",
    "several",
]
#: Acts that may follow a content act in the same turn.
CLOSERS = ("ask_more", "ask_book", "check")
_CONTENT_WITH_CLOSER = ("offer", "answer", "book", "no_match")


@dataclass(frozen=True)
class AgentAct:
    """One thing the agent said.

    Attributes:
        kind: The dialogue act.
        slot: The slot asked for or answered, else empty.
        values: Slot to value: the query, the claims of an offer or a no-match, the answer, or the booking
            details. ``name`` is the venue, if one is named.
    """

    kind: ActKind
    slot: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


def understand(text: str) -> list[AgentAct]:
    """Returns the acts of an agent turn. If it fails, the only act is "unclear" or "several"."""
    text = normalise(text)
    if text.startswith("query"):
        return [_read_query(text)]
    sentences = [s.strip(" ,") for s in re.split(r"[.?!]", text)]
    acts: list[AgentAct] = []
    courtesies = 0
    for sentence in filter(None, sentences):
        if patterns.COURTESY.fullmatch(sentence):
            courtesies += 1
            continue
        read = _read_sentence(sentence)
        if read is None:
            return [_failure(text)]
        acts.extend(read)
    if courtesies > 1 or not _one_thing_at_a_time(acts):
        return [_failure(text)]
    return acts


def _one_thing_at_a_time(acts: list[AgentAct]) -> bool:
    kinds = [act.kind for act in acts]
    if len(kinds) == 1:
        return True
    if kinds and kinds[-1] in CLOSERS:
        kinds = kinds[:-1]
        if len(kinds) == 1:
            return kinds[0] in _CONTENT_WITH_CLOSER
    slots = {act.slot for act in acts if act.kind == "answer"}
    return kinds == ["answer", "answer"] and len(slots) == 2


def _failure(text: str) -> AgentAct:
    names = {match.group("name") for match in patterns.NAME_ANYWHERE.finditer(text)}
    nouns = {m.lastgroup for m in patterns.SLOT_NOUN_ANYWHERE.finditer(text)}
    return AgentAct("several" if len(names) > 1 or len(nouns) > 1 else "unclear")


def _read_query(text: str) -> AgentAct:
    match = re.fullmatch(r"query : (.+?)(?: \.)?", text)
    values: dict[str, str] = {}
    for pair in match.group(1).split(" , ") if match else ["?"]:
        slot, _, value = pair.partition(" ")
        if slot in values or value not in SLOT_VALUES.get(slot, ()):
            return AgentAct("bad_query")
        values[slot] = value
    kinds = [slot for slot in KIND_SLOT.values() if slot in values]
    own_kind = [KIND_SLOT[values["type"]]] if "type" in values else kinds[:1]
    if any(slot not in own_kind for slot in kinds):
        return AgentAct("bad_query")
    return AgentAct("query", values=values)


def _read_sentence(sentence: str) -> list[AgentAct] | None:
    """The acts of one sentence (two answers at most), or None."""
    for _ in range(2):
        act = _match_sentence(sentence)
        if act is not None:
            return [act]
        without_opener = patterns.OPENER.sub("", sentence, count=1)
        if without_opener == sentence:
            break
        sentence = without_opener
    halves = re.split(r" ,? ?and ", sentence, maxsplit=1)
    if len(halves) == 2:
        answers = [_match_sentence(half.strip(" ,")) for half in halves]
        if all(answer is not None and answer.kind == "answer" for answer in answers):
            return [answer for answer in answers if answer is not None]
    return None


def _match_sentence(sentence: str) -> AgentAct | None:
    for kind, slot, pattern in patterns.SENTENCES:
        match = pattern.fullmatch(sentence)
        if match is None:
            continue
        values = patterns.captured(match)
        if kind == "book":
            details = _read_details(values.pop("details", ""))
            return None if details is None else AgentAct(kind, values={**values, **details})
        if "pricew" in values:
            values["price"] = PRICE_OF_WORD[values.pop("pricew")]
        if "kind" in values:
            kind_word = values.pop("kind")
            values[_slot_of_kind(kind_word)] = kind_word
        if values.get("type") == "place":
            del values["type"]
        return AgentAct(kind, slot, values)
    return None


def _slot_of_kind(kind: str) -> str:
    return next(slot for slot in KIND_SLOT.values() if kind in SLOT_VALUES[slot])


def _read_details(text: str) -> dict[str, str] | None:
    """Returns booking details, or None if one is named twice."""
    details: dict[str, str] = {}
    for match in patterns.DETAIL.finditer(text):
        for slot, value in match.groupdict().items():
            if value and slot in details:
                return None
            if value:
                details[slot] = value
    return details
