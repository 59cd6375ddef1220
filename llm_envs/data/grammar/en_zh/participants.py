"""Who and what English-Chinese sentences are about: the lexicon read, and phrases chosen from it."""

from __future__ import annotations

from dataclasses import replace

from llm_envs.data.grammar import lexicon
from llm_envs.data.grammar.en_zh import lexicon as tables
from llm_envs.data.grammar.en_zh.chinese import ChineseAdjective, ChineseNoun
from llm_envs.data.grammar.engine import Choose
from llm_envs.data.grammar.meaning import POSSESSIVES, Adjective, Noun, Phrase, Place, Time, Verb


def parse_noun(entry: str) -> ChineseNoun:
    """Read ``狗 只``."""
    form, measure = entry.split()
    return ChineseNoun(form, measure.strip("-"))


def parse_adjective(entry: str) -> ChineseAdjective:
    """Read an adjective's two forms."""
    return ChineseAdjective(*entry.split())


def pronoun(name: str) -> Phrase:
    """A participant that is a pronoun, by its English name."""
    return Phrase(pronoun=name)


class Participants:
    """The lexicon of a level, sorted for choosing, and the phrases made from it."""

    def __init__(self, level: int) -> None:
        self.level = level
        self.nouns = lexicon.nouns(tables.NOUNS, level, parse_noun)
        self.names = lexicon.names({name: ChineseNoun(form, "") for name, (form, _) in tables.NAMES.items()})
        known = list(self.nouns.values())
        verbs = lexicon.verbs(tables.VERBS, level, str)
        self.adjectives = lexicon.adjectives(tables.ADJECTIVES, level, parse_adjective)
        self.modals = lexicon.modals(tables.MODALS, level)
        self.times = lexicon.times(tables.TIMES, level)
        self.places = lexicon.fixed_places(tables.FIXED_PLACES, level)
        for kind, found in lexicon.places(tables.PLACES, level, self.nouns, str).items():
            self.places.setdefault(kind, []).extend(found)
        self.objects = {verb: lexicon.fitting(verb.objects, known) for verb in verbs}
        self.qualities = {
            noun: [one for one in self.adjectives if lexicon.fits(one.kinds, noun)] for noun in known
        }
        self.at = {verb: self._places_of(verb) for verb in verbs}
        self.people = [noun for noun in known if "person" in noun.kinds]
        self.describable = [noun for noun in known if self.qualities[noun] and "person" not in noun.kinds]
        self.special = {v.key: v for v in verbs if v.key in tables.SPECIAL or "clause" in v.objects}
        self.give = [verb for verb in verbs if verb.key in tables.GIVING]
        self.disposal = [v for key, v in self.special.items() if key in tables.DISPOSAL]
        apart = {*self.special.values(), *self.give}
        self.plain = [verb for verb in verbs if verb not in apart]
        self.dynamic = [verb for verb in self.plain if not verb.stative]
        self.transitive = [verb for verb in self.plain if self.objects[verb]]
        self.doing = [verb for verb in self.dynamic if self.objects[verb]]
        self.local = [verb for verb in self.dynamic if self.at[verb]]

    def _places_of(self, verb: Verb) -> list[Place]:
        found = []
        for kind in sorted(verb.places):
            group, _, name = kind.partition(":")
            found += [
                place
                for place in self.places.get(group, [])
                if not name or (place.phrase and place.phrase.noun is self.nouns.get(name))
            ]
        return found

    def subject(self, choose: Choose) -> Phrase:
        """A pronoun, a name, a relative or another person."""
        kind = choose(("pronoun", "pronoun", "pronoun", "name", "name", "person", "kin"))
        if kind == "pronoun":
            return pronoun(choose(("I", "you", "he", "she", "we", "they")))
        if kind == "name":
            return Phrase(choose(self.names))
        noun = choose(self.people)
        if "kin" not in noun.kinds:
            return Phrase(noun, "the")
        return Phrase(noun, choose(("my", "my", "his", "her")))

    def someone(self, choose: Choose, subject: Phrase) -> Phrase:
        """Somebody other than the subject."""
        noun = choose([one for one in self.people if one is not subject.noun])
        name = choose([one for one in self.names if one is not subject.noun])
        others = [one for one in ("he", "she", "they") if one != subject.pronoun]
        if subject.pronoun in ("he", "she", "they") or subject.noun:
            others += ["I", "you", "we"]
        kin = Phrase(noun, self.own(subject) if "kin" in noun.kinds else "the")
        return choose((kin, Phrase(name), pronoun(choose(others))))

    def own(self, subject: Phrase) -> str:
        """The possessive of the subject, where the subject has a clear one."""
        return POSSESSIVES.get(self.pronoun_of(subject), "my")

    def pronoun_of(self, phrase: Phrase) -> str:
        """The pronoun that takes a person up again, or nothing where that is unclear."""
        if phrase.pronoun or phrase.noun is None:
            return phrase.pronoun
        if phrase.noun.name in tables.NAMES:
            return tables.NAMES[phrase.noun.name][1]
        kinds = phrase.noun.kinds
        if "kin" not in kinds:
            return ""
        return "he" if "he" in kinds else "she" if "she" in kinds else ""

    def described(self, choose: Choose, phrase: Phrase, one_in: int = 3) -> Phrase:
        """Add an adjective that fits, one time in so many."""
        assert phrase.noun is not None
        qualities = self.qualities[phrase.noun]
        if not qualities or choose(range(one_in)):
            return phrase
        return replace(phrase, adjective=choose(qualities))

    def thing(self, choose: Choose, verb: Verb, noun: Noun, subject: Phrase, single: bool = False) -> Phrase:
        """An object with a determiner that suits it and the verb; a ``single`` one is not counted."""
        if "person" in noun.kinds and verb.key != "have":
            return Phrase(noun, self.own(subject) if "kin" in noun.kinds else "the")
        if not noun.plural:
            return self.described(choose, Phrase(noun), 6)
        options: tuple[str, ...] = ("a", "a", "two", "three", "this", "the", "own", "many")
        if verb.key == "have":
            options = ("a", "a", "two", "three")
            if "one" in noun.kinds:
                return Phrase(noun, "a")
        elif verb.key == "prepare for":
            return Phrase(noun, "this")
        elif verb.key in tables.LASTING or verb.key in ("help", "wear"):
            options = ("this", "own", "many") if verb.key == "like" else ("this", "own", "a")
        if self.level > 2 and verb.key != "have":
            options += ("other's",)
        determiner = choose(options)
        if single and determiner in ("two", "three"):
            determiner = "a"
        plural = determiner in ("two", "three", "many")
        if determiner == "many":
            determiner = ""
        elif determiner == "own":
            determiner = self.own(subject) if self.pronoun_of(subject) else "this"
        elif determiner == "other's":
            owner = choose(self.names)
            determiner = self.own(subject) if owner is subject.noun else f"{owner.name}'s"
        return self.described(choose, Phrase(noun, determiner, plural=plural))

    def time(self, choose: Choose, kind: str, medial: bool = True) -> Time | None:
        """A time adverb of a kind, unless there is no kind."""
        if not kind:
            return None
        return choose([t for t in self.times if kind in t.tenses and (medial or not t.medial)])

    def qualified(self, choose: Choose) -> tuple[Phrase, Adjective]:
        """A subject and a quality that fits it."""
        if choose((True, False)):
            subject = self.subject(choose)
            everybody = self.nouns["friend"]
            return subject, choose(self.qualities[everybody])
        noun = choose(self.describable)
        determiner = choose(("the", "this", "that", "my", "your")) if noun.plural else "the"
        if not noun.kinds & OWNED and determiner in ("my", "your"):
            determiner = "this"
        plural = determiner in ("this", "that") and choose((False, False, True))
        return Phrase(noun, determiner, plural=plural), choose(self.qualities[noun])


OWNED = frozenset(["thing", "clothes", "hat", "vehicle", "furniture", "machine", "home", "animal"])
