"""What nouns stand for, and which prepositions do not go with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from llm_envs.rewards.grammar.lexicon import paradigms
from llm_envs.rewards.grammar.word_classes import WordClasses

_FILE = Path(__file__).with_name("nouns.txt")
_IRREGULAR = {
    "children": "person",
    "men": "person",
    "women": "person",
    "feet": "body",
    "teeth": "body",
    "geese": "animal",
    "mice": "animal",
    "people": "person",
}
_NOUNS = frozenset("NMPE")
_BEFORE = frozenset(["AT", "DT", "DS", "DP", "NU", "ON", "QM", "QN", "OR", "J", "K", "F", "G", "PG"])
_EXPECTED = 3.0  # pairs that chance would bring before their absence says something
_LESS = 0.25  # of what chance would bring


@lru_cache(maxsize=1)
def meanings() -> dict[str, str]:
    """Returns the forms of nouns -> what they stand for, such as "person" or "place"."""
    found: dict[str, str] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            meaning, _, words = line[1:].partition("] ")
            for word in words.split():
                found.setdefault(word, meaning)
    for word, meaning in list(found.items()):
        plural = paradigms().get((word, "N"), {}).get("P")
        if plural:
            found.setdefault(plural, meaning)
    for word, meaning in _IRREGULAR.items():
        found.setdefault(word, meaning)
    return found


def unfit(texts: Iterable[Sequence[str]], classes: WordClasses) -> dict[str, str]:
    """Returns meaning -> "|" and the prepositions that texts have before it far less often than by chance."""
    pairs = Counter(pair for tokens in texts for pair in _phrases(tokens, classes(tokens)[1]))
    prepositions, kinds = Counter[str](), Counter[str]()
    for (preposition, meaning), count in pairs.items():
        prepositions[preposition] += count
        kinds[meaning] += count
    total = sum(pairs.values())
    found: dict[str, str] = {}
    for meaning, often in sorted(kinds.items()):
        rare = [
            preposition
            for preposition, count in sorted(prepositions.items())
            if count * often >= _EXPECTED * total
            and pairs[preposition, meaning] * total <= _LESS * count * often
        ]
        if rare and meaning:
            found[meaning] = "|" + " ".join(rare)
    return found


def _phrases(tokens: Sequence[str], tags: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yields the prepositions of a text, each with what its noun stands for."""
    preposition = head = ""
    for token, tag in zip((*tokens, "."), (*tags, "."), strict=True):
        if preposition and tag in _NOUNS:
            head = token
        elif preposition and (token == "\n" or (tag in _BEFORE and not head)):
            continue
        else:
            if head:
                yield preposition, meanings().get(head, "")
            preposition, head = (token if tag == "IN" else ""), ""
