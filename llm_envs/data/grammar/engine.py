"""A small engine for synchronous grammars: two languages spoken from one meaning.

A *construction* is an ordinary function that makes its choices through ``choose`` and returns a
meaning. The engine runs it once for every possible sequence of choices (`enumerate_choices`) or
draws sequences at random (`sample_choices`); two realisers then say the meaning in the two
languages. Nothing is translated: neither text is ever derived from the other.

The splits belong to the grammar too. Every draft names the *units* it is built from, such as
``read+book`` (a verb with its object) or ``past*read`` (a construction with its verb).
`split_drafts` keeps some units away from the train split although it shows all of their parts.

Everything here is a pure function of its arguments. Order comes from sha256, so a corpus is the
same on every machine and every version of Python.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol, TypeVar

T = TypeVar("T")
M = TypeVar("M")


@dataclass(frozen=True)
class ParallelPair:
    """A sentence and its translations.

    Attributes:
        source: The English sentence.
        references: Its translations, all of them right; the first is the main one.
        template: The construction skeleton: the sentence without its content words.
        split: ``"train"``, ``"validation"`` or ``"test"``.
        combination: Outside of the train split, the unit that the train split never shows;
            within it, the main unit of the sentence.
    """

    source: str
    references: tuple[str, ...]
    template: str
    split: str
    combination: str


@dataclass(frozen=True)
class Draft:
    """A pair before the splits are drawn; ``units`` are the combinations it is built from."""

    source: str
    references: tuple[str, ...]
    template: str
    units: tuple[str, ...]


class Choose(Protocol):
    """Picks one of the options: a construction's only source of variety."""

    def __call__(self, options: Sequence[T], /) -> T:
        """Return one of the options."""


Construction = Callable[[Choose], M | None]
"""Returns a meaning, or None where the choices made so far do not go together."""


def enumerate_choices(construction: Construction[M]) -> Iterator[M]:
    """Yield the meaning of every possible sequence of choices, in order.

    The choices are the digits of an odometer: each run replays all of them but the last one that
    can still be raised.
    """
    path: list[list[int]] = []
    depth = 0

    def choose(options: Sequence[T], /) -> T:
        nonlocal depth
        if depth == len(path):
            path.append([0, len(options)])
        depth += 1
        return options[path[depth - 1][0]]

    while True:
        depth = 0
        meaning = construction(choose)
        if meaning is not None:
            yield meaning
        while path and path[-1][0] + 1 == path[-1][1]:
            path.pop()
        if not path:
            return
        path[-1][0] += 1


def sample_choices(construction: Construction[M], rng: Random) -> Iterator[M]:
    """Yield meanings whose every choice is uniform, without end.

    Only ``rng.random()`` is used, the one method whose sequence Python promises to keep.
    """
    random = rng.random

    def choose(options: Sequence[T], /) -> T:
        return options[int(random() * len(options))]

    while True:
        meaning = construction(choose)
        if meaning is not None:
            yield meaning


def collect(drafts: Iterable[Draft], count: int, patience: int = 40) -> list[Draft]:
    """Take drafts until ``count`` distinct sources are found.

    Gives up after ``patience`` known sources in a row, when little is left to find.
    """
    found: dict[str, Draft] = {}
    misses = 0
    for draft in drafts:
        if draft.source in found:
            misses += 1
            if misses == patience:
                break
            continue
        misses = 0
        found[draft.source] = draft
        if len(found) == count:
            break
    return list(found.values())


def merge(drafts: Iterable[Draft]) -> list[Draft]:
    """Make the sources distinct; one of two meanings (*they read*) keeps both as references."""
    found: dict[str, Draft] = {}
    for draft in drafts:
        known = found.get(draft.source)
        if known:
            references = tuple(dict.fromkeys(known.references + draft.references))
            draft = replace(known, references=references, units=known.units + draft.units)
        found[draft.source] = draft
    return list(found.values())


def sha_rank(text: str) -> str:
    """A key that sorts texts in an arbitrary order that never changes."""
    return hashlib.sha256(text.encode()).hexdigest()


def hold_out(units: Iterable[str], share: float, keep: int = 2) -> set[str]:
    """Choose a share of the units such that every part of them stays well known.

    Args:
        units: Strings such as ``read+book`` or ``past*read``; repetitions are ignored.
        share: How many of the distinct units to take, between 0 and 1.
        keep: In how many units that are not taken each part has to remain.
    """
    distinct = sorted(set(units), key=sha_rank)
    parts = {unit: re.split(r"[+*]", unit) for unit in distinct}
    remaining = Counter(part for unit in distinct for part in parts[unit])
    taken: set[str] = set()
    for unit in distinct:
        if len(taken) >= share * len(distinct):
            break
        if all(remaining[part] > keep for part in parts[unit]):
            taken.add(unit)
            remaining.subtract(parts[unit])
    return taken


def split_drafts(drafts: Sequence[Draft], test: float, validation: float) -> list[ParallelPair]:
    """Draw the official splits: test and validation hold out combinations that train never shows.

    Args:
        drafts: Drafts with distinct sources.
        test: The share of the units held out for the test split.
        validation: The same for the validation split.

    Returns:
        The pairs in an arbitrary but fixed order. The few drafts outside of the train split that
        contain a word form unknown to it are left out: the splits test combinations, not words.
    """
    units = [unit for draft in drafts for unit in draft.units]
    for_test = hold_out(units, test)
    for_validation = hold_out((unit for unit in units if unit not in for_test), validation)
    pairs = []
    for draft in sorted(drafts, key=lambda draft: sha_rank(draft.source)):
        split, combination = "train", draft.units[0]
        for name, held_out in (("validation", for_validation), ("test", for_test)):
            for unit in draft.units:
                if unit in held_out:
                    split, combination = name, unit
        pairs.append(ParallelPair(draft.source, draft.references, draft.template, split, combination))
    known: set[tuple[int, str]] = set()
    for pair in pairs:
        if pair.split == "train":
            known.update(_words_of(pair))
    return [pair for pair in pairs if pair.split == "train" or known.issuperset(_words_of(pair))]


_WORD = re.compile(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+|[^\w\s]")


def words(text: str) -> list[str]:
    """Split a text into words, Chinese characters and punctuation marks."""
    return _WORD.findall(text)


def _words_of(pair: ParallelPair) -> list[tuple[int, str]]:
    """The words of both sides, each with its side: a language's words are its own."""
    target = [(1, word) for reference in pair.references for word in words(reference)]
    return [(0, word) for word in words(pair.source)] + target


def split_overlap(pairs: Iterable[ParallelPair]) -> dict[str, float | int]:
    """How much of the test split the train split has already shown.

    Returns:
        ``template_overlap``: the share of test pairs whose construction skeleton occurs in train;
        ``word_pair_overlap``: the share of the pairs of target words standing together in a test
        sentence (main references, distinct pairs) that stand together in a train sentence too;
        ``combination_overlap``: the share of test pairs whose held-out unit occurs in train;
        ``source_overlap``: the number of sources in more than one split;
        ``unseen_words``: the number of word types of test, both sides, that train lacks.

    Raises:
        ValueError: If the train or the test split is empty.
    """
    pairs = list(pairs)
    train = [pair for pair in pairs if pair.split == "train"]
    test = [pair for pair in pairs if pair.split == "test"]
    if not train or not test:
        raise ValueError(
            f"split_overlap compares train and test, but got {len(train)} train and "
            f"{len(test)} test pairs; pass the pairs of all splits"
        )
    templates = {pair.template for pair in train}
    combinations = {pair.combination for pair in train}
    splits_of_source: dict[str, set[str]] = {}
    for pair in pairs:
        splits_of_source.setdefault(pair.source, set()).add(pair.split)
    train_words = {word for pair in train for word in _words_of(pair)}
    test_words = {word for pair in test for word in _words_of(pair)}
    train_pairs, test_pairs = _word_pairs(train), _word_pairs(test)
    return {
        "template_overlap": sum(pair.template in templates for pair in test) / len(test),
        "word_pair_overlap": len(test_pairs & train_pairs) / len(test_pairs),
        "combination_overlap": sum(pair.combination in combinations for pair in test) / len(test),
        "source_overlap": sum(len(splits) > 1 for splits in splits_of_source.values()),
        "unseen_words": len(test_words - train_words),
    }


def _word_pairs(pairs: Iterable[ParallelPair]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for pair in pairs:
        types = sorted(set(words(pair.references[0])))
        found.update((a, b) for i, a in enumerate(types) for b in types[i + 1 :])
    return found
