"""How likely the next class of word is after the classes before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import log
from typing import NamedTuple

from llm_envs.rewards.grammar.tagger import START
from llm_envs.rewards.ngram_model import NgramOrder

END_OF_TEXT = "</s>"
_BEFORE = 3  # classes before a class
_PADDING = (START,) * _BEFORE
_CACHED = 1 << 18
_MOST = 1.0  # nats; a few certain places do not make up for nonsense
_LEAST = -5.0


class Place(NamedTuple):
    """One place in a text, in nats.

    Attributes:
        classes: log P(class | three classes before) - log P(class), bounded.
        items: log P(item | two items before) - log P(item), bounded. An item is a function word, or a class.
        logprob: log P(item | two items before).
    """

    classes: float
    items: float
    logprob: float


def bounded(evidence: float) -> float:
    """Returns evidence within the bounds of what one place can bring, for a text or against it."""
    return min(_MOST, max(_LEAST, evidence))


class ClassModel:
    """N-grams of classes, and above them n-grams of items (Witten-Bell interpolation).

    An item is the word itself where it is a frequent function word, else its class. So "the" and "of" have
    habits of their own, and the thousands of rare nouns share one.

    Args:
        texts: (items, classes) of each text, two sequences of equal length.
    """

    def __init__(self, texts: Iterable[tuple[Sequence[str], Sequence[str]]]) -> None:
        self._class_orders = [NgramOrder(1.0), NgramOrder(1.5), NgramOrder(1.5)]
        self._item_orders = [NgramOrder(1.0), NgramOrder(2.0)]
        self._items: Counter[str] = Counter()
        self._classes: Counter[str] = Counter()
        for items, classes in texts:
            padded, tags = (*_PADDING, *items, END_OF_TEXT), (*_PADDING, *classes, END_OF_TEXT)
            for i in range(_BEFORE, len(padded)):
                self._items[padded[i]] += 1
                self._classes[tags[i]] += 1
                for k, order in enumerate(self._class_orders, 1):
                    order.add(tags[i - k : i], tags[i])
                for k, order in enumerate(self._item_orders, 1):
                    order.add(padded[i - k : i], padded[i])
        self._total = sum(self._items.values())
        self._cache: dict[tuple[str, ...], Place] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_cache": {}}

    def places(self, items: Sequence[str], classes: Sequence[str]) -> list[Place]:
        """Returns every place of a text and its end."""
        found = []
        a = b = c = p = q = START
        for item, tag in zip((*items, END_OF_TEXT), (*classes, END_OF_TEXT), strict=True):
            found.append(self.place((a, b, c, tag, p, q, item)))
            a, b, c, p, q = b, c, tag, q, item
        return found

    def place(self, key: tuple[str, ...]) -> Place:
        """Returns one place.

        Args:
            key: The three classes before, the class, the two items before, the item.
        """
        place = self._cache.get(key)
        if place is None:
            if len(self._cache) >= _CACHED:
                self._cache.clear()
            place = self._cache[key] = self._place(key[:3], key[3], key[4:6], key[6])
        return place

    def _place(self, tags: tuple[str, ...], tag: str, items: tuple[str, ...], item: str) -> Place:
        plain = (self._classes.get(tag, 0) + 0.5) / (self._total + 0.5 * (len(self._classes) + 1))
        now = plain
        for k, order in enumerate(self._class_orders, 1):
            now = order.probability(tags[_BEFORE - k :], tag, now)
        evidence = log(now / plain)
        bare = plain
        if item != tag:
            bare = min(plain, (self._items.get(item, 0) + 0.5) / (self._total + 0.5 * (len(self._items) + 1)))
            now *= bare / plain
        for k, order in enumerate(self._item_orders, 1):
            now = order.probability(items[2 - k :], item, now)
        return Place(bounded(evidence), bounded(log(now / bare)), log(now))
