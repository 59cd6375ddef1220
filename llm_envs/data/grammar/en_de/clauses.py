"""What English-German clauses may mean: the constructions of a single clause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from llm_envs.data.grammar.en_de import lexicon as tables
from llm_envs.data.grammar.en_de.participants import Participants, pronoun
from llm_envs.data.grammar.engine import Choose
from llm_envs.data.grammar.meaning import Adjective, Clause, Noun, Phrase, Verb

OWNED = frozenset(["clothes", "vehicle", "thing", "furniture", "art", "machine", "pet", "home"])


@dataclass(frozen=True)
class Frame:
    """How a statement is put: its tense, the kind of its time adverb, and the turns it may take."""

    tense: str
    times: str
    modal: bool = False
    negated: bool = False
    time_first: bool = False
    asks: str = ""


PRESENT = Frame("present", "")
STATEMENTS = (
    PRESENT,
    Frame("present", "present"),
    Frame("past", "past"),
    Frame("past", ""),
    Frame("future", "future"),
    Frame("habit", "habit"),
)
NEGATIONS = (
    Frame("present", "", negated=True),
    Frame("present", "present", negated=True),
    Frame("past", "past", negated=True),
    Frame("future", "", negated=True),
)
INVERSIONS = (
    Frame("present", "present", time_first=True),
    Frame("past", "past", time_first=True),
    Frame("future", "future", time_first=True),
)
MODALS = (
    Frame("present", "", modal=True),
    Frame("present", "modal", modal=True),
    Frame("present", "modal", modal=True, time_first=True),
    Frame("present", "", modal=True, negated=True),
    Frame("past", "pastmodal", modal=True),
)
GIVING_FRAMES = (
    *STATEMENTS[:5],
    Frame("present", "", negated=True),
    Frame("past", "past", negated=True),
    *INVERSIONS,
    Frame("present", "modal", modal=True),
    Frame("present", "", asks="polar"),
    Frame("past", "past", asks="polar"),
)
QUESTIONS = (
    Frame("present", "", asks="polar"),
    Frame("past", "past", asks="polar"),
    Frame("present", "", modal=True, asks="polar"),
    Frame("habit", "habit", asks="polar"),
)


class Clauses(Participants):
    """Constructions of one clause; each makes its choices and returns a meaning."""

    def first_steps(self, choose: Choose) -> Clause | None:
        """Level 1: subject, verb, object, and one of *today*, *now*, negation or nothing."""
        subject = choose(
            [pronoun(name) for name in ("I", "he", "she", "we", "they")]
            + [Phrase(name) for name in self.names[:2]]
            + [Phrase(noun, "the") for noun in self.people]
        )
        verb = choose(self.plain)
        things = [self.nouns[name] for name in ("dog", "apple", "cat", "flower", "book", "house")]
        obj = Phrase(choose(things), choose(("a", "the")))
        negated = choose((False, True))
        time = None if negated else choose([None, *self.times])
        return Clause(verb, subject, obj, negated=negated, time=time, time_first=time is not None)

    def activity(
        self, choose: Choose, verbs: Sequence[Verb], frame: Frame, subject: Phrase | None = None
    ) -> Clause | None:
        """Somebody does something, perhaps somewhere: the stock of most constructions."""
        subject = subject or self.subject(choose)
        verb = choose(verbs)
        if verb.stative and (frame.modal or frame.tense == "future"):
            return None
        if verb.key in tables.LASTING and frame.times:
            return None
        if verb.key in tables.SUDDEN and frame.tense != "past":
            return None
        if frame.tense == "habit" and verb.key not in tables.HABITS:
            return None
        obj = None
        single = frame.negated or frame.tense == "habit"
        if "person" in verb.objects and choose((True, True, False)):
            obj = self.object_person(choose, subject)
        elif verb.objects:
            obj = self.thing(choose, verb, choose(self.objects[verb]), subject, single)
            if obj.noun is subject.noun:
                return None
        place = None
        if verb.key in tables.GOING or verb.key in tables.STAYING:
            place = choose(self.at[verb])
        elif self.at[verb] and (not obj or not obj.noun or "person" not in obj.noun.kinds):
            place = choose([None, None, choose(self.at[verb])])
        modal = choose(self.modals) if frame.modal else None
        if modal and frame.tense == "past" and not modal.past:
            return None
        time = self.time(choose, frame.times, medial=not frame.time_first)
        return Clause(
            verb,
            subject,
            obj,
            place=place,
            time=time,
            tense=frame.tense,
            modal=modal,
            negated=frame.negated,
            asks=frame.asks,
            time_first=frame.time_first,
        )

    def statement(self, choose: Choose) -> Clause | None:
        """Somebody does, did, will do or keeps doing something."""
        return self.activity(choose, self.plain, choose(STATEMENTS))

    def negation(self, choose: Choose) -> Clause | None:
        """Somebody does not do something."""
        return self.activity(choose, self.plain, choose(NEGATIONS))

    def inversion(self, choose: Choose) -> Clause | None:
        """The time first, and so the subject behind the verb."""
        return self.activity(choose, self.plain, choose(INVERSIONS))

    def modality(self, choose: Choose) -> Clause | None:
        """Somebody wants to, has to, should or may do something."""
        return self.activity(choose, self.dynamic, choose(MODALS))

    def question(self, choose: Choose) -> Clause | None:
        """Does somebody do something?"""
        return self.activity(choose, self.plain, choose(QUESTIONS))

    def giving(self, choose: Choose) -> Clause | None:
        """Somebody gives somebody something."""
        subject, verb = self.subject(choose), choose(self.give)
        frame = choose(GIVING_FRAMES)
        return Clause(
            verb,
            subject,
            self.thing(choose, verb, choose(self.objects[verb]), subject, frame.negated),
            recipient=self.object_person(choose, subject),
            time=self.time(choose, frame.times, medial=not frame.time_first),
            tense=frame.tense,
            modal=choose(self.modals[:3]) if frame.modal else None,
            negated=frame.negated,
            asks=frame.asks,
            time_first=frame.time_first,
        )

    def quality(self, choose: Choose) -> Clause | None:
        """Something is, was or is not so; or is it?"""
        subject, quality = self.qualified(choose)
        tense, kind = choose((("habit", ""), ("habit", "state"), ("past", "paststate")))
        negated, asks = choose(((False, ""), (False, ""), (True, ""), (False, "polar")))
        time = self.time(choose, kind) if quality.name in tables.PASSING else None
        be = self.special["be"]
        return Clause(be, subject, quality=quality, time=time, tense=tense, negated=negated, asks=asks)

    def qualified(self, choose: Choose) -> tuple[Phrase, Adjective]:
        """A subject and a quality that fits it."""
        if choose((True, False)):
            subject = self.subject(choose)
            noun = subject.noun or self.nouns["man"]
            subject = replace(subject, adjective=None)
            if subject.noun and "name" in subject.noun.kinds:
                noun = self.nouns["man"]
            return subject, choose([q for q in self.qualities[noun] if q.name in tables.MOODS])
        noun = choose(self.describable)
        plural = bool(noun.plural) and "kin" not in noun.kinds and choose((False, False, True))
        determiner = choose(self.determiners_of(noun))
        return Phrase(noun, determiner, plural=plural), choose(self.qualities[noun])

    def determiners_of(self, noun: Noun) -> tuple[str, ...]:
        """The determiners of something that is said to be so."""
        if "kin" in noun.kinds:
            return ("my", "your")
        if not noun.plural:
            return ("the",)
        return ("the", "my", "this", "your") if noun.kinds & OWNED else ("the", "this")

    def comparison(self, choose: Choose) -> Clause | None:
        """One is more so than the other."""
        subject, quality = self.qualified(choose)
        if quality.name in tables.INCOMPARABLE or subject.noun is self.nouns["weather"]:
            return None
        if subject.noun is None or subject.noun in self.names:
            than = Phrase(choose(self.names))
        else:
            others = [
                noun
                for noun in self.describable
                if quality in self.qualities[noun] and noun.kinds & subject.noun.kinds
            ]
            other = choose(others)
            than = Phrase(other, choose(self.determiners_of(other)))
        if subject.noun is than.noun or than.noun is self.nouns["weather"]:
            return None
        asks = choose(("", "", "polar"))
        be = self.special["be"]
        return Clause(be, subject, quality=quality, than=than, tense="habit", asks=asks)

    def relative(self, choose: Choose) -> Clause | None:
        """The thing that somebody bought is so."""
        verb = choose(self.relatable)
        noun = choose(self.objects[verb])
        buyer = self.subject(choose)
        if not noun.plural or not self.qualities[noun] or "person" in noun.kinds:
            return None
        time = choose([None, *(t for t in self.times if "past" in t.tenses)])
        gap = Clause(verb, replace(buyer, adjective=None), time=time, tense="past")
        subject = Phrase(noun, "the", plural=choose((True, False, False)), relative=gap)
        if gap.subject.noun is noun:
            return None
        return Clause(self.special["be"], subject, quality=choose(self.qualities[noun]), tense="habit")

    def location(self, choose: Choose) -> Clause | None:
        """Something is put somewhere, or is there."""
        verb = self.special["put"]
        noun, kind = choose(self.objects[verb]), choose(("surface", "stand"))
        place = choose(self.places[kind])
        if place.phrase and place.phrase.noun is noun:
            return None
        if kind == "stand":
            subject = Phrase(noun, choose(("the", "my", "your", "this", "the")))
            subject = replace(subject, plural=choose((True, False, False)))
            tense, kind = choose((("habit", ""), ("habit", "state"), ("past", "paststate")))
            negated, asks = choose(((False, ""), (False, ""), (True, ""), (False, "polar")))
            time = self.time(choose, kind)
            be = self.special["be"]
            return Clause(be, subject, place=place, time=time, tense=tense, negated=negated, asks=asks)
        subject, frame = self.subject(choose), choose(STATEMENTS[:4] + NEGATIONS + INVERSIONS)
        obj = self.thing(choose, verb, noun, subject, frame.negated)
        return Clause(
            verb,
            subject,
            obj,
            place=place,
            time=self.time(choose, frame.times, medial=False),
            tense=frame.tense,
            negated=frame.negated,
            time_first=frame.time_first,
        )

    def ownership(self, choose: Choose) -> Clause | None:
        """Something belongs to somebody."""
        things = [noun for noun in self.describable if noun.kinds & OWNED]
        subject = Phrase(choose(things), choose(("the", "this")), plural=choose((True, False, False)))
        subject = self.described(choose, subject)
        tense = choose(("habit", "habit", "past"))
        negated, asks = choose(((False, ""), (False, ""), (True, ""), (False, "polar")))
        owner = self.object_person(choose, subject)
        return Clause(self.special["belong to"], subject, owner, tense=tense, negated=negated, asks=asks)
