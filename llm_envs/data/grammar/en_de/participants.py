"""Who and what English-German sentences are about: the lexicon read, and phrases chosen from it."""

from __future__ import annotations

from dataclasses import replace

from llm_envs.data.grammar import lexicon
from llm_envs.data.grammar.en_de import lexicon as tables
from llm_envs.data.grammar.en_de.german_forms import GermanAdjective, GermanNoun, parse_verb
from llm_envs.data.grammar.engine import Choose
from llm_envs.data.grammar.meaning import POSSESSIVES, Noun, Phrase, Place, Time, Verb

HE = frozenset(["man", "boy", "brother", "father", "son", "uncle"])
SHE = frozenset(["woman", "sister", "mother", "daughter", "aunt", "grandmother"])


DETERMINERS = {
    2: ("a", "a", "the", "the", "own", "two"),
    3: ("a", "a", "the", "the", "own", "two", "three", "many", "this", "Anna's"),
}


def parse_noun(entry: str) -> GermanNoun:
    """Read ``der Hund Hunde``."""
    article, form, plural = entry.split()
    gender = {"der": "m", "die": "f", "das": "n"}[article]
    return GermanNoun(form.rstrip("*"), gender, plural.strip("-"), form.endswith("*"))


def parse_adjective(entry: str) -> GermanAdjective:
    """Read an adjective's two forms."""
    return GermanAdjective(*entry.split())


def pronoun(name: str) -> Phrase:
    """A participant that is a pronoun, by its English name."""
    return Phrase(pronoun=name)


class Participants:
    """The lexicon of a level, sorted for choosing, and the phrases made from it."""

    def __init__(self, level: int) -> None:
        self.level = level
        self.nouns = lexicon.nouns(tables.NOUNS, level, parse_noun)
        self.names = lexicon.names({name: GermanNoun(name, "n", "") for name in tables.NAMES})
        verbs = lexicon.verbs(tables.VERBS, level, parse_verb)
        self.adjectives = lexicon.adjectives(tables.ADJECTIVES, level, parse_adjective)
        self.modals = lexicon.modals(tables.MODALS, level)
        self.times = lexicon.times(tables.TIMES, level)
        self.places = lexicon.fixed_places(tables.FIXED_PLACES, level)
        more = lexicon.places(tables.PLACES, level, self.nouns, lambda entry: tuple(entry.split()))
        for kind, found in more.items():
            self.places.setdefault(kind, []).extend(found)
        known = list(self.nouns.values())
        self.objects = {verb: lexicon.fitting(verb.objects, known) for verb in verbs}
        self.qualities = {
            noun: [one for one in self.adjectives if lexicon.fits(one.kinds, noun)]
            for noun in known + self.names
        }
        self.at = {verb: self._places_of(verb) for verb in verbs}
        self.people = [noun for noun in known if "person" in noun.kinds]
        self.special = {v.key: v for v in verbs if v.key in tables.SPECIAL or "clause" in v.objects}
        self.give = [verb for verb in verbs if verb.key in tables.GIVING]
        apart = {*self.special.values(), *self.give}
        self.plain = [verb for verb in verbs if verb not in apart]
        self.dynamic = [verb for verb in self.plain if not verb.stative]
        self.transitive = [verb for verb in self.plain if self.objects[verb]]
        self.relatable = [
            verb
            for verb in self.transitive
            if verb.target.case == "acc"
            and not verb.target.preposition
            and verb.key not in tables.LASTING | {"need"}
        ]
        self.local = [verb for verb in self.dynamic if self.at[verb]]
        self.describable = [noun for noun in known if self.qualities[noun]]

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

    # ---------------------------------------------------------------- participants

    def subject(self, choose: Choose) -> Phrase:
        """A pronoun, a name, a relative or another person, sometimes several."""
        kind = choose(("pronoun", "pronoun", "name", "name", "person", "person", "kin"))
        if kind == "pronoun":
            return pronoun(choose(("I", "you", "he", "she", "we", "they")))
        if kind == "name":
            return Phrase(choose(self.names))
        noun = choose(self.people)
        if kind == "kin" and "kin" in noun.kinds:
            return Phrase(noun, choose(("my", "my", "our", "his", "her")))
        if "kin" in noun.kinds:
            return Phrase(noun, "my")
        plural = self.level > 2 and choose((True, False, False, False))
        return self.described(choose, Phrase(noun, "the", plural=plural), 5)

    def described(self, choose: Choose, phrase: Phrase, one_in: int = 3) -> Phrase:
        """Add an adjective that fits, one time in so many."""
        assert phrase.noun is not None
        qualities = self.qualities[phrase.noun]
        if not qualities or choose(range(one_in)):
            return phrase
        return replace(phrase, adjective=choose(qualities))

    def thing(self, choose: Choose, verb: Verb, noun: Noun, subject: Phrase, single: bool = False) -> Phrase:
        """An object with a determiner that suits it and the verb; a ``single`` one is not counted."""
        own = POSSESSIVES.get(self.pronoun_of(subject), "my")
        if "person" in noun.kinds and verb.key != "have":
            if "kin" in noun.kinds:
                return Phrase(noun, own)
            return self.described(choose, Phrase(noun, "the"), 6)
        if not noun.plural:
            return self.described(choose, Phrase(noun, choose(("", "", "the"))), 4)
        options = tables.DETERMINERS.get(verb.key, DETERMINERS[self.level])
        determiner = choose(options)
        if single and determiner in ("two", "three"):
            determiner = "a"
        plural = determiner in ("two", "three", "many")
        if determiner == "many":
            determiner = choose(("", "the"))
        if determiner == "Anna's":
            owner = choose(self.names)
            determiner = "own" if owner is subject.noun else f"{owner.name}'s"
        if determiner == "own":
            determiner = own
        return self.described(choose, Phrase(noun, determiner, plural=plural))

    def pronoun_of(self, phrase: Phrase) -> str:
        """The pronoun that takes a person up again, or nothing where that is unclear."""
        if phrase.pronoun:
            return phrase.pronoun
        assert phrase.noun is not None
        if phrase.plural:
            return "they"
        if phrase.noun.name in tables.NAMES:
            return tables.NAMES[phrase.noun.name]
        return "he" if phrase.noun.name in HE else "she" if phrase.noun.name in SHE else ""

    def object_person(self, choose: Choose, subject: Phrase) -> Phrase:
        """Somebody other than the subject."""
        noun = choose([one for one in self.people if one is not subject.noun])
        name = choose([one for one in self.names if one is not subject.noun])
        others = [one for one in ("he", "she", "they") if one != subject.pronoun]
        if subject.pronoun in ("he", "she", "they") or subject.noun:
            others += ["I", "you", "we"]
        own = POSSESSIVES.get(self.pronoun_of(subject), "my")
        return choose(
            (
                Phrase(noun, own if "kin" in noun.kinds else "the"),
                Phrase(name),
                pronoun(choose(others)),
            )
        )

    def time(self, choose: Choose, kind: str, medial: bool = True) -> Time | None:
        """A time adverb of a kind, unless there is no kind."""
        if not kind:
            return None
        return choose([t for t in self.times if kind in t.tenses and (medial or not t.medial)])
