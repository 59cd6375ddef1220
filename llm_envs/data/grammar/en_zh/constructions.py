"""What English-Chinese sentences may mean: questions with a word, linked clauses, and the quotas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from llm_envs.data.grammar import lexicon
from llm_envs.data.grammar.en_zh.clauses import NEGATIONS, OPENED, STATEMENTS, Clauses, Frame
from llm_envs.data.grammar.en_zh.participants import pronoun
from llm_envs.data.grammar.engine import Choose
from llm_envs.data.grammar.meaning import Clause, Phrase

ASKED = lexicon.links(what="什么", who="谁", where="哪里", when="什么时候", why="为什么")
LINKS = lexicon.links(that="", because="因为", if_="如果", but="但是")


class EnglishChinese(Clauses):
    """All constructions of a level; each makes its choices and returns a meaning."""

    def constructions(self) -> list[tuple[Callable[[Choose], Clause | None], int]]:
        """The constructions of the level and how many sentences each gives at most."""
        counts = [
            (self.statement, 2300, 2500),
            (self.opened, 1200, 1100),
            (self.negation, 1500, 1500),
            (self.modality, 1300, 1500),
            (self.question, 1500, 1500),
            (self.giving, 1200, 1400),
            (self.disposal_told, 700, 1400),
            (self.quality, 500, 1000),
            (self.profession, 60, 160),
            (self.located, 200, 700),
            (self.existing, 250, 700),
            (self.asking, 1000, 1700),
            (self.experience, 0, 1300),
            (self.comparison, 0, 800),
            (self.relative, 0, 1300),
            (self.reported, 0, 1300),
            (self.excused, 0, 1000),
            (self.conditional, 0, 900),
            (self.contrast, 0, 700),
        ]
        return [(one, row[self.level - 2]) for one, *row in counts if row[self.level - 2]]

    def asking(self, choose: Choose) -> Clause | None:
        """Who, what, which, how many, where, when, why: the asked word stays in its place."""
        roles = ["subject", "object", "object", "which", "place", "time", "reason"]
        role = choose(roles)
        frame = choose((Frame("present"), Frame("past"), Frame("present", modal=True)))
        if role == "subject":
            clause = self.activity(choose, self.plain, frame, pronoun("who"))
            return clause and replace(clause, asks="subject")
        if role in ("object", "which"):
            verb, subject = choose(self.doing), self.subject(choose)
            person = "person" in verb.objects or "kin" in verb.objects
            noun = choose(self.objects[verb])
            obj = None
            if role == "which":
                if not noun.plural or person:
                    return None
                determiner = choose(("which", "how many"))
                obj = Phrase(noun, determiner, plural=determiner == "how many")
            asked = None if obj else ASKED["who" if person else "what"]
            modal = self.modals[0] if frame.modal else None
            return Clause(verb, subject, obj, tense=frame.tense, modal=modal, asks="object", asked=asked)
        verbs = self.local if role == "place" else self.dynamic
        clause = self.activity(choose, verbs, frame)
        if clause is None:
            return None
        if role == "place":
            if not clause.place:
                return None
            return replace(clause, place=None, asks=role, asked=ASKED["where"])
        if role == "time":
            if clause.modal or clause.tense == "past":
                return None
            return replace(clause, tense="future", asks=role, asked=ASKED["when"])
        return replace(clause, asks=role, asked=ASKED["why"])

    def reported(self, choose: Choose) -> Clause | None:
        """Somebody knows, says or hopes that ..."""
        people = [pronoun(name) for name in ("I", "he", "she", "we")]
        subject = choose(people + [Phrase(name) for name in self.names])
        inner = self.subject(choose)
        if inner.noun is subject.noun and {inner.pronoun, subject.pronoun} != {"he", "she"}:
            return None
        key = choose(("know", "think", "say", "hope"))
        frames = OPENED[1:] if key == "hope" else (*STATEMENTS, *NEGATIONS)
        other = self.activity(choose, self.dynamic, choose(frames), inner)
        if other is None:
            return None
        other = replace(other, time_first=False)
        return Clause(self.special[key], subject, tense="habit", link=LINKS["that"], other=other)

    def excused(self, choose: Choose) -> Clause | None:
        """Somebody does not want to do something because they are tired: 因为, 所以."""
        subject = self.subject(choose)
        again = self.pronoun_of(subject)
        frame = choose((Frame("present", modal=True, negated=True), NEGATIONS[2]))
        main = self.activity(choose, self.dynamic, frame, subject)
        if not again or main is None:
            return None
        moods = [one for one in self.adjectives if one.name in ("tired", "busy")]
        reason = Clause(
            self.special["be"],
            pronoun(again),
            quality=choose(moods),
            tense="past" if main.tense == "past" else "habit",
        )
        modal = self.modals[0] if main.modal else None
        return replace(main, modal=modal, link=LINKS["because"], other=reason)

    def conditional(self, choose: Choose) -> Clause | None:
        """If it rains tomorrow, somebody will do something: 如果, 就."""
        main = self.activity(choose, self.dynamic, Frame("future"))
        weather = choose(("rain", "snow", "be"))
        subject, quality = pronoun("it"), None
        if weather == "be":
            subject = Phrase(self.nouns["weather"], "the")
            quality = choose(self.qualities[self.nouns["weather"]])
        if main is None or (main.place and main.place.name == "in" and weather != "be"):
            return None
        condition = Clause(
            self.special[weather],
            subject,
            quality=quality,
            time=choose([None, *(t for t in self.times if "future" in t.tenses)]),
            tense="habit",
            negated=choose((False, False, True)),
        )
        return replace(main, link=LINKS["if"], other=condition, other_first=choose((True, True, False)))

    def contrast(self, choose: Choose) -> Clause | None:
        """One does this, but the other does that: 但是."""
        left, right = choose(self.names), choose(self.names)
        verb = choose(self.transitive)
        nouns = [noun for noun in self.objects[verb] if "person" not in noun.kinds]
        if left is right or len(nouns) < 2:
            return None
        one, two = choose(nouns), choose(nouns)
        tense = "habit" if verb.key in ("like", "have", "need", "keep") else "past"
        if one is two or not one.kinds & two.kinds or verb.stative != (tense == "habit"):
            return None
        first = Clause(verb, Phrase(left), self.thing(choose, verb, one, Phrase(left)), tense=tense)
        second = Clause(verb, Phrase(right), self.thing(choose, verb, two, Phrase(right)), tense=tense)
        return replace(first, link=LINKS["but"], other=second)
