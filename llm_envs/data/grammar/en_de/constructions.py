"""What English-German sentences may mean: questions with a word, linked clauses, and the quotas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from llm_envs.data.grammar import lexicon
from llm_envs.data.grammar.en_de.clauses import NEGATIONS, PRESENT, STATEMENTS, Clauses, Frame
from llm_envs.data.grammar.en_de.participants import pronoun
from llm_envs.data.grammar.engine import Choose
from llm_envs.data.grammar.meaning import Clause, Phrase

WHO = lexicon.links(what="was", who="wen", whom="wem")
WH = lexicon.links(where="wo", when="wann", why="warum")
WHERE_TO = lexicon.links(where="wohin")["where"]
LINKS = lexicon.links(that="dass", because="weil", if_="wenn", but="aber")
# What speaks for a thing, and what against it.
PRAISED = frozenset(["new", "good", "beautiful", "cheap", "interesting", "warm", "fresh", "famous", "easy"])
BLAMED = frozenset(["old", "expensive", "small", "heavy", "difficult", "cold", "long"])
EXCUSES = frozenset(["tired", "ill", "busy", "sad"])


class EnglishGerman(Clauses):
    """All constructions of a level."""

    def constructions(self) -> list[tuple[Callable[[Choose], Clause | None], int]]:
        """The constructions of the level and how many sentences each gives at most."""
        counts = [
            (self.statement, 2500, 2600),
            (self.negation, 1500, 1500),
            (self.inversion, 1800, 1700),
            (self.modality, 2000, 1600),
            (self.question, 1900, 1600),
            (self.giving, 1400, 1500),
            (self.quality, 400, 1100),
            (self.comparison, 0, 600),
            (self.relative, 0, 1200),
            (self.location, 0, 1000),
            (self.ownership, 0, 600),
            (self.asking, 0, 1800),
            (self.reported, 0, 1500),
            (self.excused, 0, 1000),
            (self.judged, 0, 800),
            (self.conditional, 0, 1000),
            (self.contrast, 0, 800),
        ]
        return [(construction, row[self.level - 2]) for construction, *row in counts if row[self.level - 2]]

    # ---------------------------------------------------------------- questions with a word

    def asking(self, choose: Choose) -> Clause | None:
        """Who, what, which, how many, where, when, why."""
        role = choose(("subject", "object", "object", "which", "place", "time", "reason"))
        frame = choose((PRESENT, Frame("past", ""), Frame("present", "", modal=True)))
        if role == "subject":
            clause = self.activity(choose, self.plain, frame, pronoun("who"))
            return clause and replace(clause, asks="subject")
        if role in ("object", "which"):
            verb = choose([v for v in self.transitive if not v.target.preposition])
            subject = self.subject(choose)
            subject = replace(subject, adjective=None)
            obj, asked = None, None
            if role == "which":
                determiner = choose(("which", "which", "how many"))
                noun = choose(self.objects[verb])
                if not noun.plural or "person" in noun.kinds or verb.target.case == "dat":
                    return None
                obj = Phrase(noun, determiner, plural=determiner == "how many")
            elif "person" in verb.objects or "kin" in verb.objects:
                asked = WHO["whom"] if verb.target.case == "dat" else WHO["who"]
            else:
                asked = WHO["what"]
            if asked is WHO["whom"]:
                asked = replace(asked, name="who")
            modal = choose(self.modals[:3]) if frame.modal else None
            if modal and verb.stative:
                return None
            tense = frame.tense
            return Clause(verb, subject, obj, tense=tense, modal=modal, asks="object", asked=asked)
        verbs = self.local if role == "place" else self.dynamic
        clause = self.activity(choose, verbs, frame)
        if clause is None:
            return None
        if role == "place":
            asked = WHERE_TO if clause.place and clause.place.direction else WH["where"]
            if asked is WH["where"] and not clause.place:
                return None
            return replace(clause, place=None, asks=role, asked=asked)
        if role == "time" and frame is PRESENT:
            clause = replace(clause, tense="future")
        return replace(clause, asks=role, asked=WH["when" if role == "time" else "why"])

    # ---------------------------------------------------------------- two clauses

    def reported(self, choose: Choose) -> Clause | None:
        """Somebody knows, thinks, says or hopes that ..."""
        subject = choose(
            [pronoun(name) for name in ("I", "he", "she", "we")] + [Phrase(name) for name in self.names]
        )
        inner = self.subject(choose)
        if inner.noun is subject.noun and inner.pronoun == subject.pronoun:
            return None
        builders = (self.activity_of(inner, STATEMENTS[:5] + NEGATIONS), self.state_of(inner))
        other = choose(builders)(choose)
        matrix = self.special[choose(("know", "think", "say", "hope"))]
        if other and other.quality and other.quality.name in EXCUSES and matrix.key == "hope":
            return None
        return other and Clause(matrix, subject, tense="habit", link=LINKS["that"], other=other)

    def activity_of(self, subject: Phrase, frames: Sequence[Frame]) -> Callable[[Choose], Clause | None]:
        """Any activity of a given subject."""
        return lambda choose: self.activity(choose, self.plain, choose(frames), subject)

    def state_of(self, subject: Phrase) -> Callable[[Choose], Clause | None]:
        """A person is ill, happy, ..."""
        moods = [q for q in self.adjectives if q.name in EXCUSES | {"happy", "hungry"}]
        return lambda choose: Clause(
            self.special["be"],
            replace(subject, adjective=None),
            quality=choose(moods),
            time=choose([None, self.times[0]]),
            tense="habit",
        )

    def excused(self, choose: Choose) -> Clause | None:
        """Somebody is not doing something because they are ill; the reason may come first."""
        subject = self.subject(choose)
        again = self.pronoun_of(subject)
        main = self.activity(choose, self.dynamic, choose(NEGATIONS[:2]), subject)
        if not again or main is None:
            return None
        moods = [quality for quality in self.adjectives if quality.name in EXCUSES]
        reason = Clause(self.special["be"], pronoun(again), quality=choose(moods), tense="habit")
        return replace(main, link=LINKS["because"], other=reason, other_first=choose((False, False, True)))

    def judged(self, choose: Choose) -> Clause | None:
        """Somebody buys the coat because it is cheap, or does not because it is expensive."""
        negated = choose((False, True))
        verb = choose([v for v in self.transitive if v.name in ("buy", "like", "wear", "need")])
        noun, subject = choose(self.objects[verb]), self.subject(choose)
        known = BLAMED if negated else PRAISED
        qualities = [one for one in self.qualities[noun] if one.name in known]
        if not qualities or "person" in noun.kinds or "animal" in noun.kinds:
            return None
        plural = bool(noun.plural) and choose((False, False, True))
        obj = Phrase(noun, choose(("the", "this")) if noun.plural else "the", plural=plural)
        again = pronoun("they") if plural else Phrase(noun, pronoun="it")
        reason = Clause(self.special["be"], again, quality=choose(qualities), tense="habit")
        tense = "present" if verb.stative else choose(("present", "past"))
        if tense == "past":
            reason = replace(reason, tense="past")
        return Clause(verb, subject, obj, tense=tense, negated=negated, link=LINKS["because"], other=reason)

    def conditional(self, choose: Choose) -> Clause | None:
        """If it rains, somebody will do something; the condition may come last."""
        main = self.activity(choose, self.dynamic, Frame("future", ""))
        weather = choose(("rain", "snow", "be"))
        subject, quality = pronoun("it"), None
        if weather == "be":
            subject = Phrase(self.nouns["weather"], "the")
            quality = choose(self.qualities[self.nouns["weather"]])
        if main is None or (main.place and main.place.name == "in" and weather != "be"):
            return None
        negated = choose((False, False, True))
        condition = Clause(self.special[weather], subject, quality=quality, tense="habit", negated=negated)
        first = choose((True, True, False))
        return replace(main, link=LINKS["if"], other=condition, other_first=first)

    def contrast(self, choose: Choose) -> Clause | None:
        """One does this, but the other does that."""
        left, right = choose(self.names), choose(self.names)
        verb = choose(self.transitive)
        frame = choose((PRESENT, STATEMENTS[3]))
        nouns = [n for n in self.objects[verb] if "person" not in n.kinds]
        if left is right or len(nouns) < 2:
            return None
        one, two = choose(nouns), choose(nouns)
        if one is two:
            return None
        first = Clause(verb, Phrase(left), self.thing(choose, verb, one, Phrase(left)), tense=frame.tense)
        second = Clause(verb, Phrase(right), self.thing(choose, verb, two, Phrase(right)), tense=frame.tense)
        return replace(first, link=LINKS["but"], other=second)
