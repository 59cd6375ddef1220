"""What English-Chinese clauses may mean: the constructions of a single clause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from llm_envs.data.grammar.en_zh import lexicon as tables
from llm_envs.data.grammar.en_zh.participants import Participants, pronoun
from llm_envs.data.grammar.engine import Choose
from llm_envs.data.grammar.meaning import Clause, Phrase, Verb


@dataclass(frozen=True)
class Frame:
    """How a statement is put: its tense, the kind of its time adverb, and the turns it may take."""

    tense: str
    times: str = ""
    modal: bool = False
    negated: bool = False
    time_first: bool = False
    asks: str = ""


STATEMENTS = (
    Frame("present"),
    Frame("past", "past"),
    Frame("past"),
    Frame("future", "future"),
    Frame("habit", "habit"),
)
OPENED = (
    Frame("past", "past", time_first=True),
    Frame("future", "future", time_first=True),
)
NEGATIONS = (
    Frame("habit", negated=True),
    Frame("present", negated=True),
    Frame("past", "past", negated=True),
    Frame("future", "future", negated=True),
)
MODALS = (
    Frame("present", modal=True),
    Frame("present", "modal", modal=True),
    Frame("present", modal=True, negated=True),
    Frame("present", modal=True, asks="polar"),
)
QUESTIONS = (
    Frame("present", asks="polar"),
    Frame("past", "past", asks="polar"),
    Frame("habit", "habit", asks="polar"),
    Frame("future", "future", asks="polar"),
)
EXPERIENCES = (
    Frame("experience"),
    Frame("experience", negated=True),
    Frame("experience", asks="polar"),
)

FIRST_LASTING = (
    Frame("habit"),
    Frame("habit", negated=True),
    Frame("habit", asks="polar"),
)
FIRST = (
    *FIRST_LASTING,
    Frame("present"),
    Frame("past"),
    Frame("past", negated=True),
    Frame("future"),
    Frame("present", modal=True),
    Frame("present", modal=True, negated=True),
)


class Clauses(Participants):
    """Constructions of one clause; each makes its choices and returns a meaning."""

    def first_steps(self, choose: Choose) -> Clause | None:
        """Level 1: habit, wish, plan, ongoing and finished action, negation, question, number."""
        people = [pronoun(name) for name in ("I", "you", "he", "she", "we", "they")]
        people += [Phrase(name) for name in self.names[:2]]
        people += [Phrase(self.nouns[name], "the") for name in ("teacher", "child")]
        subject, verb = choose(people), choose(self.plain)
        noun = self.nouns[choose(tables.FIRST_OBJECTS[verb.key])]
        frame = choose(FIRST_LASTING if verb.stative else FIRST)
        number = choose(("", "two", "three")) if frame.tense == "past" and noun.plural else ""
        if number and frame.negated:
            return None
        return Clause(
            verb,
            subject,
            Phrase(noun, number, plural=bool(noun.plural)),
            tense=frame.tense,
            modal=self.modals[0] if frame.modal else None,
            negated=frame.negated,
            asks=frame.asks,
        )

    def activity(
        self, choose: Choose, verbs: Sequence[Verb], frame: Frame, subject: Phrase | None = None
    ) -> Clause | None:
        """Somebody does something, perhaps somewhere: the stock of most constructions."""
        subject = subject or self.subject(choose)
        verb = choose(verbs)
        lasting = verb.key in tables.LASTING
        if lasting and (frame.modal or frame.times or frame.tense in ("past", "future")):
            return None
        if frame.tense == "habit" and verb.key not in tables.HABITS and not lasting:
            return None
        if verb.key == "go" and frame.tense == "present" and not frame.modal:
            return None
        if lasting and frame.tense == "present":
            frame = replace(frame, tense="habit")
        obj, place = None, None
        single = frame.negated or frame.tense in ("habit", "experience")
        if "person" in verb.objects and choose((True, True, False)):
            obj = self.someone(choose, subject)
        elif verb.objects:
            obj = self.thing(choose, verb, choose(self.objects[verb]), subject, single)
            if obj.noun is subject.noun:
                return None
            if (
                frame.tense == "habit"
                and not lasting
                and (obj.determiner in ("a", "this", "the") or obj.determiner.endswith("'s"))
            ):
                obj = replace(obj, determiner="", plural=bool(obj.noun and obj.noun.plural))
        if verb.key == "go":
            place = choose(self.at[verb])
        elif self.at[verb]:
            place = choose([None, None, choose(self.at[verb])])
        return Clause(
            verb,
            subject,
            obj,
            place=place,
            time=self.time(choose, frame.times, medial=not frame.asks),
            tense=frame.tense,
            modal=choose(self.modals) if frame.modal else None,
            negated=frame.negated,
            asks=frame.asks,
            time_first=frame.time_first,
        )

    def statement(self, choose: Choose) -> Clause | None:
        """Somebody does, did, will do or keeps doing something."""
        return self.activity(choose, self.plain, choose(STATEMENTS))

    def opened(self, choose: Choose) -> Clause | None:
        """The time first."""
        return self.activity(choose, self.dynamic, choose(OPENED))

    def negation(self, choose: Choose) -> Clause | None:
        """Somebody does not do something."""
        return self.activity(choose, self.plain, choose(NEGATIONS))

    def modality(self, choose: Choose) -> Clause | None:
        """Somebody wants to, has to, should or may do something."""
        return self.activity(choose, self.dynamic, choose(MODALS))

    def question(self, choose: Choose) -> Clause | None:
        """Does somebody do something?"""
        return self.activity(choose, self.plain, choose(QUESTIONS))

    def experience(self, choose: Choose) -> Clause | None:
        """What one has done before: 过."""
        verbs = [verb for verb in self.dynamic if verb.key in tables.EXPERIENCES]
        clause = self.activity(choose, verbs, choose(EXPERIENCES))
        if clause and clause.object and clause.object.determiner == "a":
            return replace(clause, object=replace(clause.object, determiner="this"))
        return clause

    def giving(self, choose: Choose) -> Clause | None:
        """Somebody gives somebody something."""
        subject, verb = self.subject(choose), choose(self.give)
        frame = choose((*STATEMENTS[1:4], NEGATIONS[2], *OPENED, QUESTIONS[1], MODALS[0]))
        obj = self.thing(choose, verb, choose(self.objects[verb]), subject, frame.negated)
        if not obj.determiner:
            obj = replace(obj, determiner="a", plural=False)
        if (obj.determiner == "a" and frame.negated) or obj.determiner.endswith("'s"):
            obj = replace(obj, determiner="this")
        return Clause(
            verb,
            subject,
            obj,
            recipient=self.someone(choose, subject),
            time=self.time(choose, frame.times),
            tense=frame.tense,
            modal=self.modals[0] if frame.modal else None,
            negated=frame.negated,
            asks=frame.asks,
            time_first=frame.time_first,
        )

    def disposal_told(self, choose: Choose) -> Clause | None:
        """What became of a thing: 把."""
        verb = choose([self.special["put"], self.special["put"], *self.disposal])
        subject, noun = self.subject(choose), choose(self.objects[verb])
        frames = (*STATEMENTS[1:4], NEGATIONS[2], QUESTIONS[1], OPENED[0], MODALS[0], MODALS[3])
        frame = choose(frames)
        if verb.key == "lose" and (frame.modal or frame.tense != "past"):
            return None
        determiner = choose(("the", "the", "own", "this"))
        if determiner == "own":
            determiner = self.own(subject) if noun.kinds & {"thing", "vehicle", "hat"} else "the"
        if not noun.plural:
            determiner = "the"
        place = choose(self.places["surface"]) if verb.key == "put" else None
        if place and place.phrase and place.phrase.noun is noun:
            return None
        return Clause(
            verb,
            subject,
            Phrase(noun, determiner),
            place=place,
            time=self.time(choose, frame.times),
            tense=frame.tense,
            modal=choose(self.modals) if frame.modal else None,
            negated=frame.negated,
            asks=frame.asks,
            time_first=frame.time_first,
        )

    def quality(self, choose: Choose) -> Clause | None:
        """Something is so, or not, or is it?"""
        subject, quality = self.qualified(choose)
        negated, asks = choose(((False, ""), (False, ""), (True, ""), (False, "polar")))
        time = None
        if quality.name in tables.PASSING:
            time = choose([None, *(t for t in self.times if "state" in t.tenses)])
        be = self.special["be"]
        return Clause(be, subject, quality=quality, time=time, tense="habit", negated=negated, asks=asks)

    def profession(self, choose: Choose) -> Clause | None:
        """Somebody is a doctor: 是."""
        subject, noun = self.subject(choose), choose(self.objects[self.special["be"]])
        negated, asks = choose(((False, ""), (True, ""), (False, "polar")))
        if (subject.noun and "job" in subject.noun.kinds) or subject.pronoun in ("we", "they"):
            return None
        job = Phrase(noun, "a")
        return Clause(self.special["be"], subject, job, tense="habit", negated=negated, asks=asks)

    def located(self, choose: Choose) -> Clause | None:
        """Something is somewhere: 在."""
        noun = choose(self.objects[self.special["exist"]])
        place = choose(self.places["stand"])
        negated, asks = choose(((False, ""), (False, ""), (True, ""), (False, "polar")))
        determiner = choose(("the", "my", "your", "her", "this", "his"))
        if place.phrase and place.phrase.noun is noun:
            return None
        subject = Phrase(noun, determiner)
        return Clause(self.special["be"], subject, place=place, tense="habit", negated=negated, asks=asks)

    def existing(self, choose: Choose) -> Clause | None:
        """There is something somewhere: 桌子上有."""
        verb = self.special["exist"]
        noun, place = choose(self.objects[verb]), choose(self.places["stand"])
        if place.phrase and place.phrase.noun is noun:
            return None
        negated, asks = choose(((False, ""), (False, ""), (True, ""), (False, "polar")))
        determiner = "a" if negated or asks else choose(("a", "two", "three"))
        subject = self.described(choose, Phrase(noun, determiner, plural=determiner != "a"))
        return Clause(verb, subject, place=place, tense="habit", negated=negated, asks=asks)

    def comparison(self, choose: Choose) -> Clause | None:
        """One is more so than the other: 比."""
        subject, quality = self.qualified(choose)
        if quality.name in tables.INCOMPARABLE or (
            subject.noun and not subject.noun.target.measure and subject.noun not in self.names
        ):
            return None
        if subject.noun is None or subject.noun in self.names or "person" in subject.noun.kinds:
            than = self.someone(choose, subject)
        else:
            others = [
                noun
                for noun in self.describable
                if quality in self.qualities[noun] and noun.kinds & subject.noun.kinds
            ]
            than = Phrase(choose(others), choose(("this", "that")))
        if subject.noun is than.noun and not subject.pronoun:
            return None
        asks = choose(("", "", "polar"))
        be = self.special["be"]
        return Clause(be, subject, quality=quality, than=than, tense="habit", asks=asks)

    def relative(self, choose: Choose) -> Clause | None:
        """The thing that somebody bought is so: 的."""
        verb = choose(self.doing)
        noun, buyer = choose(self.objects[verb]), self.subject(choose)
        if not noun.plural or not self.qualities[noun] or "person" in noun.kinds:
            return None
        time = choose([None, *(t for t in self.times if "past" in t.tenses)])
        gap = Clause(verb, buyer, time=time, tense="past")
        subject = Phrase(noun, "the", plural=choose((True, False, False)), relative=gap)
        negated = choose((False, False, True))
        quality = choose(self.qualities[noun])
        be = self.special["be"]
        return Clause(be, subject, quality=quality, tense="habit", negated=negated)
