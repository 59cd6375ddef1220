"""What words can be, for the grammar."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from llm_envs.rewards.grammar.lexicon import OPEN, bases, english
from llm_envs.rewards.grammar.word_classes import WordClasses
from llm_envs.rewards.syntax.meanings import meanings
from llm_envs.rewards.syntax.parser import Reading

_FILE = Path(__file__).with_name("words.txt")
_KINDS = (  # the marks of a verb -> its kind, the first that holds
    ({"telling", "giving"}, "ds"),
    ({"telling", "watching"}, "cs"),
    ({"telling"}, "s"),
    ({"giving"}, "d"),
    ({"causing"}, "c"),
    ({"watching"}, "w"),
    ({"making"}, "p"),
    ({"linking"}, "l"),
)
_USUAL, _USUAL_FUNCTION = 0.15, 0.04  # shares of a word's occurrences from which on a reading costs nothing
_ORDERS = 0.3  # and from which on a base form may be an order
_VERBS = frozenset("VZDFG")
_NOUNS = frozenset("NMPE")


class Readings:
    """What words can be, for the grammar: their classes, as often as they occur in a corpus, and a few more.

    Args:
        classes: The classes of the words of a corpus.
        unfit: What a noun stands for -> "|" and the prepositions that do not go with it.
    """

    def __init__(self, classes: WordClasses, unfit: dict[str, str]) -> None:
        self._classes, self._unfit = classes, unfit

    def __call__(self, word: str) -> tuple[Reading, ...]:
        """Returns the readings of a word, in an order of their own."""
        costs: dict[tuple[str, str], int] = {}
        for tag, kind, cost in self._all(word):
            costs[tag, kind] = min(cost, costs.get((tag, kind), cost))
        unfit = self._unfit.get(meanings().get(word, ""), "")
        fitted = [(tag, kind + unfit if tag in _NOUNS else kind, cost) for (tag, kind), cost in costs.items()]
        return tuple(sorted(fitted))

    def item(self, word: str) -> str:
        """Returns a function word itself, and the commonest class of another."""
        if self._classes.is_function_word(word):
            return word
        return max(self._classes.tagger.shares(word).items(), key=lambda entry: entry[1])[0]

    def _all(self, word: str) -> list[Reading]:
        shares = self._classes.tagger.shares(word)
        found: list[Reading] = [(tag, kind, 0) for tag, kind in _also().get(word, ())]
        for tag, share in shares.items():
            cost = 0 if share >= (_USUAL if tag in OPEN else _USUAL_FUNCTION) else 1
            found += [(made, kind, cost) for made, kind in _named(word, tag)]
        order = 0 if shares.get("V", 0.0) >= _ORDERS else 2
        found += [("VI", kind, order) for tag, kind, _ in found if tag == "V"]
        if word in lists()["kin"]:
            found.append(("E", "", 0))
        return found


@lru_cache(maxsize=1)
def lists() -> dict[str, tuple[str, ...]]:
    """Returns the lists of words by name."""
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    return {
        name: tuple(words.split())
        for name, _, words in (line[1:].partition("] ") for line in lines if line.startswith("["))
    }


def _named(word: str, tag: str) -> list[tuple[str, str]]:
    """Returns the grammar's names of a word's class: a tag and a kind."""
    if tag in _VERBS:
        return _verb(word, tag)
    made = lists()
    if tag in _NOUNS:
        bare = tag in "NM" and word in made["bare"]
        return [(tag, "b" * bare + "t" * (word in made["times"]))]
    kinds = {
        "IN": word,
        "PN": "any" if word in made["any"] else "",
        "PX": "one" if word in ("one", "ones") else "",
        "RB": "place" if word in made["places"] else "",
        "RD": "degree" if word in made["degrees"] else "",
        "CS": "as" if word in ("as", "than", "like") else "",
        "WR": "how" if word == "how" else "",
        **dict.fromkeys(("OP", "OZ", "OD"), "not" if word.endswith("n't") else ""),
        "QM": "part" if word in made["parts"] else "",
        "WP": {"whose": "whose", "who": "ask", "which": "ask"}.get(word, ""),
    }
    if tag == "BZ" and word.startswith("was"):
        tag = "WAS"
    elif tag == "CZ" and word not in english():
        tag = "NZ"  # a noun with "'s" for "is"
    return [(tag, kinds.get(tag, ""))]


def _verb(word: str, tag: str) -> list[tuple[str, str]]:
    base = bases().get(word, word)
    marks = _marks().get(base, frozenset())
    valency = "" if base in lists()["either"] else english().valency(word)
    kind = next((kind for wanted, kind in _KINDS if wanted <= marks), valency)
    if "linking" not in marks:
        return [(tag, kind)]
    return [(tag, kind), (tag, english().valency(word) if kind == "l" else "l")]


@lru_cache(maxsize=1)
def _marks() -> dict[str, frozenset[str]]:
    """Returns the base form of a verb -> the lists that it stands in."""
    found: dict[str, set[str]] = {}
    for name in ("linking", "telling", "giving", "causing", "watching", "making"):
        for word in lists()[name]:
            found.setdefault(word, set()).add(name)
    return {word: frozenset(names) for word, names in found.items()}


@lru_cache(maxsize=1)
def _also() -> dict[str, list[tuple[str, str]]]:
    """Returns a word -> other readings of it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for entry in lists()["also"]:
        word, _, reading = entry.partition("=")
        tag, _, kind = reading.partition(":")
        found.setdefault(word, []).append((tag, kind))
    return found
