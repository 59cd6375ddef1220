"""Reads lexicons: plain tables, one concept a line, become entries to choose from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from llm_envs.data.grammar import english
from llm_envs.data.grammar.meaning import Adjective, Link, Modal, Noun, Phrase, Place, Time, Verb


def rows(table: str, level: int) -> Iterator[list[str]]:
    """The columns of every line whose last column, its level, is not above ``level``."""
    for line in table.strip().splitlines():
        *columns, first_level = (column.strip() for column in line.split("|"))
        if int(first_level) <= level:
            yield columns


def nouns(table: str, level: int, target: Callable[[str], Any]) -> dict[str, Noun]:
    """Entries by English name; the plural is regular unless it is given, and ``-`` is none."""
    found = {}
    for name, foreign, kinds in _bar(rows(table, level), 3):
        name, *plural = name.rsplit(" ", 1) if _has_plural(name) else (name,)
        many = plural[0].strip("-") if plural else english.plural(name)
        found[name] = Noun(name, many, frozenset(kinds.split()), target(foreign))
    return found


def _has_plural(name: str) -> bool:
    """Returns True if the last word is a plural, not the second half of *living room*."""
    first, _, last = name.rpartition(" ")
    return bool(first) and (last == "-" or last[0] == first[0])


def _bar(lines: Iterator[list[str]], columns: int) -> Iterator[list[str]]:
    """Check the number of columns."""
    for line in lines:
        if len(line) != columns:
            raise ValueError(f"a lexicon line needs {columns + 1} columns: {' | '.join(line)!r}")
        yield line


def names(table: dict[str, Any]) -> list[Noun]:
    """Proper names with their targets; a name is a noun without a plural."""
    return [Noun(name, "", frozenset({"name"}), target) for name, target in table.items()]


def verbs(table: str, level: int, target: Callable[[str], Any]) -> list[Verb]:
    """Entries in order; two verbs may share their English."""
    found = []
    for forms, foreign, objects, places in _bar(rows(table, level), 4):
        words = forms.split()
        stative = "~" in words
        name, past, participle, *particle = (word for word in words if word != "~")
        found.append(
            Verb(
                name,
                past,
                participle,
                " ".join(particle),
                stative,
                frozenset(objects.split()),
                frozenset(places.split()),
                target(foreign),
            )
        )
    return found


def adjectives(table: str, level: int, target: Callable[[str], Any]) -> list[Adjective]:
    """Entries in order, with their English comparatives."""
    return [
        Adjective(name, english.comparative(name), frozenset(kinds.split()), target(foreign))
        for name, foreign, kinds in _bar(rows(table, level), 3)
    ]


def times(table: str, level: int) -> list[Time]:
    """Time adverbs; ``^`` marks those that stand beside the verb."""
    return [
        Time(name.removesuffix(" ^"), frozenset(tenses.split()), name.endswith("^"), foreign)
        for name, foreign, tenses in _bar(rows(table, level), 3)
    ]


def modals(table: str, level: int) -> list[Modal]:
    """``can / could`` does not inflect; ``have to, has to, had to`` does."""
    found = []
    for forms, foreign in _bar(rows(table, level), 2):
        if "/" in forms:
            name, past = (form.strip() for form in forms.split("/"))
            found.append(Modal(name, name, past.strip("-"), True, foreign))
        else:
            name, third, past = forms.split(", ")
            found.append(Modal(name, third, past, False, foreign))
    return found


def places(
    table: str, level: int, known: dict[str, Noun], target: Callable[[str], Any]
) -> dict[str, list[Place]]:
    """Locations and directions by kind; ``in front of the station`` ends with its noun."""
    found: dict[str, list[Place]] = {}
    for kind, text, foreign in _bar(rows(table, level), 3):
        preposition, _, name = text.rpartition(" the ")
        phrase = Phrase(known[name], "the")
        place = Place(preposition, phrase, target(foreign), kind in DIRECTIONS)
        found.setdefault(kind, []).append(place)
    return found


def fixed_places(table: str, level: int) -> dict[str, list[Place]]:
    """Adverbials without inflection: *at home*, *to Berlin*."""
    found: dict[str, list[Place]] = {}
    for kind, text, foreign in _bar(rows(table, level), 3):
        found.setdefault(kind, []).append(Place(text, None, foreign, kind in DIRECTIONS))
    return found


DIRECTIONS = ("goal", "town", "surface")


def links(**words: str) -> dict[str, Link]:
    """Words without inflection by their English name; ``if_`` is *if*."""
    return {name.strip("_"): Link(name.strip("_"), word) for name, word in words.items()}


def fits(kinds: frozenset[str], noun: Noun) -> bool:
    """Returns True if a noun is of one of the kinds. ``text:thing`` asks for both, or for *thing*."""
    for kind in kinds:
        first, _, second = kind.partition(":")
        if first in noun.kinds and (not second or second in noun.kinds or second == noun.name):
            return True
    return False


def fitting(kinds: frozenset[str], known: Sequence[Noun]) -> list[Noun]:
    """The nouns that are of one of the kinds, in order."""
    return [noun for noun in known if fits(kinds, noun)]
