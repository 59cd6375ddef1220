"""What words can be, for the grammar."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from llm_envs.rewards.grammar.lexicon import OPEN, _forms, english
from llm_envs.rewards.grammar.word_classes import WordClasses
from llm_envs.rewards.syntax.meanings import meanings
from llm_envs.rewards.syntax.parser import Reading

_FILE = Path(__file__).with_name("verbs.txt")
_ANY = frozenset(["others", "all", "each", "both", "none", "some"])
_KIN = frozenset("mother father grandmother grandfather mum dad mummy granny grandpa".split())
_BARE = frozenset(
    "summer winter spring autumn breakfast lunch supper dinner home school work sea church table bed town night noon bedtime "
    "dawn dusk midnight christmas easter rest war peace".split()
)
_EITHER = frozenset("walk hold hide sell pack lock save run swim climb hurry worry fumble dangle float perform peer lift laugh breathe catch wear play dance".split())
_MORE = {
    "to": [("IN", "")], "all": [("RD", "")], "though": [("RB", "")], "back": [("J", ""), ("N", "")], "front": [("J", "")],
    "for": [("CS", "")], "top": [("J", "")], "home": [("RB", "place")], "once": [("RB", "place")], "half": [("RD", "")],
    "both": [("RD", "")], "each": [("RD", "")], "got": [("F", "t")], "such": [("QM", "")], "his": [("PX", "")],
    "stare": [("N", "")], "suit": [("N", "")], "pat": [("N", "")], "while": [("N", "t")], "whole": [("N", "")],
    "quiet": [("N", "")], "burst": [("N", "")], "can": [("N", "")], "right": [("N", "")], "left": [("N", "")],
    "wheel": [("V", "")], "heel": [("V", "i")], "hole": [("N", "")], "inside": [("J", "")], "tear": [("N", "")],
    "moment": [("N", "t")], "favourite": [("J", "")], "wet": [("N", "")], "cold": [("N", "")], "nothing": [("PN", "")],
    "rest": [("P", "")], "hush": [("VI", "i")], "fine": [("N", "")], "what": [("QM", "")],
}
_TIMES = frozenset(
    "night day morning evening afternoon week year month hour minute second time noon nights days mornings evenings weeks years months hours "
    "minutes seconds times winter summer spring autumn winters summers moment moments while age ages bit way mile miles "
    "monday tuesday wednesday thursday friday saturday sunday tonight today".split()
)
_PLACE = frozenset(
    "here there then now home today tomorrow yesterday upstairs downstairs inside outside above below abroad once everywhere nowhere "
    "somewhere anywhere afar far ever long".split()
)


@lru_cache(maxsize=1)
def verb_kinds() -> dict[str, str]:
    """Returns the forms of verbs -> what they take, if it is said."""
    marks: dict[str, set[str]] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            name, _, words = line[1:].partition("] ")
            for word in words.split():
                marks.setdefault(word, set()).add(name)
    return {word: _kind(kinds) for word, kinds in marks.items()}


def _kind(kinds: set[str]) -> str:
    if {"telling", "giving"} <= kinds:
        return "ds"
    if {"telling", "watching"} <= kinds:
        return "cs"
    if "telling" in kinds:
        return "s"
    if "giving" in kinds:
        return "d"
    if "causing" in kinds:
        return "c"
    if "watching" in kinds:
        return "w"
    return "l"


@lru_cache(maxsize=1)
def _bases() -> dict[str, str]:
    from llm_envs.rewards.grammar.lexicon import _FILE as file

    found: dict[str, str] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("[verb] "):
            for entry in line[7:].split():
                for form, _ in _forms("verb", entry):
                    found.setdefault(form, entry.partition("/")[0])
    return found


class Readings:
    """What words can be, for the grammar: their classes, as often as they occur in a corpus, and a few more.

    Args:
        classes: The classes of the words of a corpus.
        unfit: What a noun stands for -> "|" and the prepositions that do not go with it.
    """

    def __init__(self, classes: WordClasses, unfit: dict[str, str] | None = None) -> None:
        self._classes = classes
        self._meaning = meanings()
        self._unfit = unfit or {}

    def __call__(self, word: str) -> tuple[Reading, ...]:
        """Returns the readings of a word, in an order of their own."""
        found = _readings(word, self._classes.tagger.shares(word))
        unfit = self._unfit.get(self._meaning.get(word, ""), "")
        return tuple(sorted((tag, kind + unfit if tag in "NMPE" else kind, cost) for tag, kind, cost in found))

    def item(self, word: str) -> str:
        """Returns a function word itself, and the commonest class of another."""
        if self._classes.is_function_word(word):
            return word
        return max(self._classes.tagger.shares(word).items(), key=lambda entry: entry[1])[0]


def _readings(word: str, shares: dict[str, float]) -> set[Reading]:
    found: set[Reading] = set()
    for tag, share in shares.items():
        cost = 0 if share >= (0.15 if tag in OPEN else 0.04) else 1
        for made, kind in _named(word, tag):
            found.add((made, kind, cost))
    for tag, kind in _MORE.get(word, ()):
        found.add((tag, kind, 0))
    for tag, kind, cost in [row for row in found if row[0] == "V"]:
        found.add(("VI", kind, 0 if shares.get("V", 0.0) >= 0.3 else 2))
    if word in _KIN:
        found.add(("E", "", 0))
    best: dict[tuple[str, str], int] = {}
    for tag, kind, cost in found:
        best[tag, kind] = min(cost, best.get((tag, kind), 9))
    return {(tag, kind, cost) for (tag, kind), cost in best.items()}


def _named(word: str, tag: str) -> list[tuple[str, str]]:
    """Returns the grammar's names of a word's class: a tag and a kind."""
    if tag in ("V", "Z", "D", "F", "G"):
        base = _bases().get(word, word)
        kinds = verb_kinds()
        kind = kinds.get(base)
        if kind is None:
            kind = "" if base in _EITHER else english().valency(word)
        made = [(tag, kind)]
        if base in _linking() and kind != "l":
            made.append((tag, "l"))
        elif kind == "l":
            made.append((tag, english().valency(word)))
        return made
    if tag == "IN":
        return [(tag, word)]
    if tag in ("N", "M", "P", "E"):
        kind = ("b" if tag in "NM" and word in _BARE else "") + ("t" if word in _TIMES else "")
        return [(tag, kind)]
    if tag == "PN":
        return [(tag, "any" if word in _ANY else "")]
    if tag == "PX":
        return [(tag, "one" if word in ("one", "ones") else "")]
    if tag == "BZ":
        return [("WAS" if word.startswith("was") else "BZ", "")]
    if tag == "OP":
        return [(tag, "not" if word.endswith("n't") else "")]
    if tag == "RB":
        return [(tag, "place" if word in _PLACE else "")]
    if tag == "CS":
        return [(tag, "as" if word in ("as", "than", "like") else "")]
    if tag == "CZ":
        return [("CZ" if word in english() else "NZ", "")]
    if tag == "WR":
        return [(tag, "how" if word == "how" else "")]
    if tag == "WP":
        return [(tag, {"whose": "whose", "who": "ask", "which": "ask"}.get(word, ""))]
    return [(tag, "")]


@lru_cache(maxsize=1)
def _linking() -> frozenset[str]:
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("[linking] "):
            return frozenset(line[10:].split())
    return frozenset()
