"""Meanings: what a sentence says before any language says it.

A lexical entry (`Noun`, `Verb`, ...) carries its English word and, in ``target``, whatever the
other language's realiser needs for the same concept. `Phrase` and `Clause` combine entries without
saying anything about order, agreement, case or articles; that is left to the realisers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PRONOUNS = ("I", "you", "he", "she", "it", "we", "they")
POSSESSIVES = {
    "I": "my",
    "you": "your",
    "he": "his",
    "she": "her",
    "it": "its",
    "we": "our",
    "they": "their",
}


@dataclass(frozen=True, eq=False, slots=True)
class Noun:
    """``plural`` is empty where there is none (milk, Anna); ``kinds`` drive the selection."""

    name: str
    plural: str
    kinds: frozenset[str]
    target: Any


@dataclass(frozen=True, eq=False, slots=True)
class Adjective:
    """``kinds`` are the kinds of nouns that the quality fits."""

    name: str
    comparative: str
    kinds: frozenset[str]
    target: Any


@dataclass(frozen=True, eq=False, slots=True)
class Verb:
    """English principal parts; ``objects`` and ``places`` are the kinds that the verb selects.

    Attributes:
        particle: What follows the verb in English: ``for`` in *look for*, ``up`` in *get up*.
        stative: True for verbs without a progressive (*see*, *need*).
    """

    name: str
    past: str
    participle: str
    particle: str
    stative: bool
    objects: frozenset[str]
    places: frozenset[str]
    target: Any

    @property
    def key(self) -> str:
        """The verb with its particle, which names it: *put on* is not *put*."""
        return f"{self.name} {self.particle}".strip()


@dataclass(frozen=True, eq=False, slots=True)
class Modal:
    """``auxiliary`` modals invert and do not inflect (*can*); others need *do* (*want to*)."""

    name: str
    third: str
    past: str
    auxiliary: bool
    target: Any


@dataclass(frozen=True, eq=False, slots=True)
class Time:
    """``medial`` adverbs stand beside the verb (*often*); the others begin or end the clause."""

    name: str
    tenses: frozenset[str]
    medial: bool
    target: Any


@dataclass(frozen=True, eq=False, slots=True)
class Link:
    """A conjunction, a question word, or any other word without inflection."""

    name: str
    target: Any


@dataclass(frozen=True, slots=True)
class Phrase:
    """A participant.

    Attributes:
        noun: The head; beside a pronoun *it*, the noun that the pronoun stands for.
        determiner: English: ``""``, ``the``, ``a``, ``this``, ``which``, ``how many``, ``my``,
            ``Anna's``, ``two``, ...
        relative: A clause about the noun that lacks its object, which is the noun.
    """

    noun: Noun | None = None
    determiner: str = ""
    adjective: Adjective | None = None
    plural: bool = False
    pronoun: str = ""
    relative: Clause | None = None

    @property
    def indefinite(self) -> bool:
        """True if it is neither known nor counted: *a dog*, *dogs*, *tea*."""
        if self.pronoun or self.noun is None or "name" in self.noun.kinds:
            return False
        return self.determiner in ("", "a")

    @property
    def shape(self) -> str:
        """The phrase without its content words, as templates show it."""
        if self.pronoun:
            return "pronoun"
        if self.noun is None or "name" in self.noun.kinds:
            return "name"
        own = self.determiner in POSSESSIVES.values() or self.determiner.endswith("'s")
        parts = [
            "own" if own else self.determiner or "bare",
            "adj" if self.adjective else "",
            "noun-pl" if self.plural else "noun",
            "that" if self.relative else "",
        ]
        return "-".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Place:
    """A location or a direction: a preposition with a phrase, or a fixed adverbial (*home*)."""

    name: str
    phrase: Phrase | None
    target: Any
    direction: bool = False


@dataclass(frozen=True, slots=True)
class Clause:
    """Who does what to whom, when, where, and how the speaker puts it.

    Attributes:
        tense: ``present`` (going on now), ``habit``, ``past``, ``experience`` or ``future``.
        asks: The role that is asked for: ``polar``, ``subject``, ``object``, ``place``, ``time``,
            ``reason``, or empty for a statement. A given object that is asked for is *which* or
            *how many* of something.
        asked: The question word, where there is one.
        time_first: True if the time opens the clause.
        link, other: A second clause and the conjunction that begins it; ``other_first`` puts that
            clause in front.
    """

    verb: Verb
    subject: Phrase
    object: Phrase | None = None
    recipient: Phrase | None = None
    place: Place | None = None
    time: Time | None = None
    quality: Adjective | None = None
    than: Phrase | None = None
    tense: str = "present"
    modal: Modal | None = None
    negated: bool = False
    asks: str = ""
    asked: Link | None = None
    time_first: bool = False
    link: Link | None = None
    other: Clause | None = None
    other_first: bool = False

    @property
    def template(self) -> str:
        """The construction skeleton: this clause without its content words."""
        parts = [self.construction, self.subject.shape]
        if self.recipient:
            parts.append("to:" + self.recipient.shape)
        if self.object:
            parts.append(self.object.shape)
        if self.quality:
            parts.append("than:" + self.than.shape if self.than else "quality")
        if self.place:
            parts.append("to-place" if self.place.direction else "place")
        if self.time:
            parts.append("time")
        text = " ".join(parts)
        for clause in (self.subject.relative, self.other):
            if clause:
                text += f" [{clause.template}]"
        return text

    @property
    def construction(self) -> str:
        """Tense, modality, polarity and order, as in ``past negated time-first``."""
        parts = [
            self.tense,
            self.modal.name if self.modal else "",
            "negated" if self.negated else "",
            f"asks-{self.asks}" if self.asks else "",
            "time-first" if self.time_first else "",
            self.link.name if self.link else "",
            "reversed" if self.other_first else "",
        ]
        return " ".join(part for part in parts if part)

    @property
    def units(self) -> list[str]:
        """The combinations that the splits may hold out, the main one first."""
        found = []
        verb = self.verb.key
        if self.quality and self.subject.noun:
            found.append(f"{self.subject.noun.name}+{self.quality.name}")
        if self.object and self.object.noun and "name" not in self.object.noun.kinds:
            found.append(f"{verb}+{self.object.noun.name}")
        if self.place:
            goal = self.place.phrase.noun if self.place.phrase else None
            found.append(f"{verb}+{goal.name if goal else self.place.name}")
        if not self.quality:
            found.append(f"{self.construction}*{verb}")
        else:
            found.append(f"{self.construction}*{self.quality.name}")
        if self.subject.relative and self.subject.noun:
            gap = self.subject.relative
            found.append(f"{gap.verb.key}+{self.subject.noun.name}")
        if self.other:
            found.extend(self.other.units)
        return found
