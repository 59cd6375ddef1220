"""How likely the next part of a sentence is after the parts before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import log

from llm_envs.rewards.grammar.class_model import bounded
from llm_envs.rewards.grammar.skeleton import END
from llm_envs.rewards.ngram_model import NgramOrder

_BEFORE = 3
_CACHED = 1 << 17


class PartModel:
    """N-grams of the parts of a skeleton (Witten-Bell interpolation). A text begins after an END.

    Args:
        skeletons: The parts of each text.
    """

    def __init__(self, skeletons: Iterable[Sequence[str]]) -> None:
        self._orders = [NgramOrder(1.0), NgramOrder(1.5), NgramOrder(2.0)]
        self._counts: Counter[str] = Counter()
        for parts in skeletons:
            padded = (*(END,) * _BEFORE, *parts)
            for i in range(_BEFORE, len(padded)):
                self._counts[padded[i]] += 1
                for k, order in enumerate(self._orders, 1):
                    order.add(padded[i - k : i], padded[i])
        self._total = sum(self._counts.values())
        self._cache: dict[tuple[str, str, str, str], tuple[float, float]] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_cache": {}}

    def places(self, parts: Sequence[str]) -> list[tuple[float, float]]:
        """Returns for every part its evidence, log P(part | three before) - log P(part), bounded, and the
        former.
        """
        found = []
        a = b = c = END
        for part in parts:
            found.append(self.place((a, b, c, part)))
            a, b, c = b, c, part
        return found

    def place(self, key: tuple[str, str, str, str]) -> tuple[float, float]:
        """Returns evidence and log-probability of one part.

        Args:
            key: The three parts before, and the part.
        """
        place = self._cache.get(key)
        if place is None:
            if len(self._cache) >= _CACHED:
                self._cache.clear()
            place = self._cache[key] = self._place(key[:3], key[3])
        return place

    def _place(self, before: tuple[str, ...], part: str) -> tuple[float, float]:
        plain = (self._counts.get(part, 0) + 0.5) / (self._total + 0.5 * (len(self._counts) + 1))
        now = plain
        for k, order in enumerate(self._orders, 1):
            now = order.probability(before[_BEFORE - k :], part, now)
        return bounded(log(now / plain)), log(now)
