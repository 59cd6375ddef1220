"""What English words can be in a sentence: a list of our own, with inflections by rule."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).with_name("english.txt")
_VOWELS = "aeiou"
_ENGLISH = 0.7  # share of words in the list from which on texts are taken for English

OPEN = ("N", "M", "P", "V", "Z", "D", "F", "G", "J", "K", "R", "E", "PG")
"""Classes with room for new words: nouns (singular, mass, plural), verbs (base, -s, past, participle, -ing),
adjectives, their comparatives, adverbs in -ly, names, possessives."""

FINITE = frozenset(
    [
        "V",
        "Z",
        "D",
        "BM",
        "BZ",
        "BP",
        "BB",
        "HP",
        "HZ",
        "HD",
        "OP",
        "OZ",
        "OD",
        "MD",
        "CM",
        "CZ",
        "CP",
        "CH",
        "CL",
        "CD",
        "LT",
    ]
)
"""Classes of verbs that can make a sentence."""

_VALENCIES = {"intransitive": "i", "transitive": "t"}
_BY_ENDING = (
    ("'s", ("PG", "CZ")),
    ("s'", ("PG",)),
    ("ing", ("G", "N")),
    ("ed", ("D", "F", "J")),
    ("ly", ("R",)),
    ("ness", ("M",)),
    ("ment", ("N", "M")),
    ("tion", ("N", "M")),
    ("ity", ("N", "M")),
    ("ful", ("J",)),
    ("less", ("J",)),
    ("ous", ("J",)),
    ("ish", ("J",)),
    ("able", ("J",)),
    ("est", ("K",)),
    ("er", ("N", "K")),
    ("ss", ("N", "M")),
    ("us", ("N",)),
    ("s", ("P", "Z")),
    ("y", ("N", "J")),
)
_ANY = ("N", "V", "J", "M")


class Lexicon:
    """word -> the classes it can belong to, the commonest first."""

    def __init__(self, lines: Iterable[str]) -> None:
        found: dict[str, list[str]] = {}
        forms_of: dict[str, set[str]] = {}
        self._valency: dict[str, str] = {}
        for line in lines:
            if line.startswith("["):
                tag, _, words = line[1:].partition("] ")
                if tag in _VALENCIES:
                    for verb in words.split():
                        for form in forms_of.get(verb, ()):
                            self._valency.setdefault(form, _VALENCIES[tag])
                    continue
                for word in words.split():
                    if tag == "verb":
                        forms_of.setdefault(word.partition("/")[0], set()).update(
                            f for f, _ in _forms(tag, word)
                        )
                    for form, classes in _forms(tag, word):
                        known = found.setdefault(form, [])
                        known += [c for c in classes if c not in known]
        self._known = {word: tuple(classes) for word, classes in found.items()}

    def __contains__(self, word: str) -> bool:
        return word in self._known

    def classes(self, word: str) -> tuple[str, ...]:
        """Returns the classes of a word in lower case. An unknown word is judged by its ending."""
        found = self._known.get(word)
        if found is not None:
            return found
        if word[0].isdigit():
            return ("NU", "OR")
        stem, _, last = word.rpartition("-")
        if stem and last in self._known:
            return tuple(dict.fromkeys(("J", *(c for c in self._known[last] if c in OPEN))))
        for suffix in ("'s", "s'"):
            if word.endswith(suffix):
                return ("PG", "CZ") if suffix == "'s" else ("PG",)
        return next(
            (c for ending, c in _BY_ENDING if len(word) > len(ending) + 1 and word.endswith(ending)), _ANY
        )

    def valency(self, word: str) -> str:
        """Returns "i" for a form of a verb that takes no object, "t" if it wants one, else ""."""
        return self._valency.get(word, "")

    def reads(self, words: Iterable[str]) -> bool:
        """Returns True if most of the words are English."""
        known = [word in self._known for word in words]
        return bool(known) and sum(known) >= _ENGLISH * len(known)


@lru_cache(maxsize=1)
def english() -> Lexicon:
    """Returns the list of English words."""
    return Lexicon(_FILE.read_text(encoding="utf-8").splitlines())


@lru_cache(maxsize=1)
def paradigms() -> dict[tuple[str, str], dict[str, str]]:
    """Returns (form, class) -> the forms of the same noun or verb by class."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        tag, _, words = line[1:].partition("] ")
        if line.startswith("[") and tag in ("noun", "verb"):
            for entry in words.split():
                forms: dict[str, str] = {}
                made = _forms(tag, entry)
                for form, classes in made:
                    for name in classes:
                        forms.setdefault(name, form)
                for form, classes in made:
                    for name in classes:
                        found.setdefault((form, name), forms)
    return found


@lru_cache(maxsize=1)
def bases() -> dict[str, str]:
    """Returns the form of a verb -> its base form."""
    found: dict[str, str] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("[verb] "):
            for entry in line.removeprefix("[verb] ").split():
                for form, _ in _forms("verb", entry):
                    found.setdefault(form, entry.partition("/")[0])
    return found


def _forms(tag: str, entry: str) -> list[tuple[str, tuple[str, ...]]]:
    """Returns the forms of an entry with their classes."""
    base, *rest = entry.split("/")
    forms: list[tuple[str, tuple[str, ...]]] = []
    if tag == "noun":
        return [(base, ("N",)), (rest[0] if rest else _plural(base), ("P",))]
    if tag == "verb":
        past = rest[0] if rest else _past(base)
        participle = rest[-1] if rest else past
        forms += [(base, ("V",)), (_plural(base), ("Z",)), (_ing(base), ("G",))]
        if past in (base + "t", base[:-1] + "t") and past == participle:  # "burnt" stands beside "burned"
            forms.append((_past(base), ("D", "F")))
        if past == participle:
            return [*forms, (past, ("D", "F"))]
        return [*forms, (past, ("D",)), (participle, ("F",))]
    if tag == "adjective":
        forms.append((base, ("J",)))
        if rest:
            return [*forms, *((form, ("K",)) for form in rest)]
        if len(base) <= 6 or base.endswith("y"):
            forms += [(_past(base)[:-1] + "r", ("K",)), (_past(base)[:-1] + "st", ("K",))]
        return forms
    return [(base, (tag,))]


def _plural(word: str) -> str:
    if word.endswith("y") and word[-2:-1] not in _VOWELS:
        return word[:-1] + "ies"
    if word.endswith(("s", "x", "z", "ch", "sh")) or word in _O_PLURALS:
        return word + "es"
    return word + "s"


_O_PLURALS = frozenset(["potato", "tomato", "echo", "hero", "volcano", "go", "do", "undo", "mosquito"])


def _past(word: str) -> str:
    if word.endswith("e"):
        return word + "d"
    if word.endswith("y") and word[-2:-1] not in _VOWELS:
        return word[:-1] + "ied"
    return word + (word[-1] if _doubles(word) else "") + "ed"


def _ing(word: str) -> str:
    if word.endswith("ie"):
        return word[:-2] + "ying"
    if word.endswith("e") and not word.endswith(("ee", "ye", "oe")) and word != "be":
        return word[:-1] + "ing"
    return word + (word[-1] if _doubles(word) else "") + "ing"


_DOUBLED = frozenset(
    [
        "admit",
        "begin",
        "forget",
        "regret",
        "permit",
        "prefer",
        "occur",
        "upset",
        "unwrap",
        "outrun",
        "travel",
        "pedal",
        "cancel",
        "quarrel",
        "unpin",
        "label",
        "signal",
        "equip",
        "refer",
        "unravel",
        "quit",
    ]
)
_VOWEL_RUNS = "aeiouy"


def _doubles(word: str) -> bool:
    """Returns True if the last letter doubles before -ed and -ing: one vowel before one consonant."""
    if word in _DOUBLED:
        return True
    if len(word) < 3 or word[-1] in "aeiouwxy" or word[-2] not in _VOWELS or word[-3] in _VOWELS:
        return len(word) > 3 and word[-3:-1] == "ui" and word[-4] == "q" and word[-1] == "t"
    return sum(c in _VOWEL_RUNS for c in word) == 1
