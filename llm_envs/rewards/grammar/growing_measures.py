"""The measures of a growing text, equal to those of `features.Measures` on each prefix."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence, Set

from llm_envs.rewards.grammar.class_model import END_OF_TEXT, bounded
from llm_envs.rewards.grammar.features import SENTENCE, STOPS, WINDOW, Measures, Vector
from llm_envs.rewards.grammar.growing_classes import GrowingClasses
from llm_envs.rewards.grammar.lexicon import FINITE, english
from llm_envs.rewards.grammar.skeleton import END, SkeletonReader
from llm_envs.rewards.grammar.tagger import START
from llm_envs.tokenizers.words import is_word


class Distinct:
    """How many of some things are distinct. A fork counts on without changing the original."""

    __slots__ = ("_before", "_own", "all")

    def __init__(self, before: Set[Hashable] = frozenset(), count: int = 0) -> None:
        self._before, self._own, self.all = before, set[Hashable](), count

    def add(self, thing: Hashable) -> None:
        """Counts a thing."""
        self.all += 1
        if thing not in self._before:
            self._own.add(thing)

    def fork(self) -> Distinct:
        """Returns a counter that goes on from here. An original may not be a fork itself."""
        return Distinct(self._own, self.all)

    def __len__(self) -> int:
        return len(self._before) + len(self._own)

    @property
    def repeated(self) -> float:
        """The share of things that occurred before."""
        return 1.0 - len(self) / self.all if self.all else 0.0


_SCALE = 2.0**60  # sums of whole numbers do not drift


class Smallest:
    """The sum of the smallest fifth of growing numbers, at the cost of a search in a sorted list."""

    __slots__ = ("_numbers", "_sum", "_summed")

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._sum, self._summed = 0, 0  # of how many

    def add(self, number: float) -> None:
        """Adds a number."""
        numbers, scaled = self._numbers, int(number * _SCALE)
        at = bisect_left(numbers, scaled)
        numbers.insert(at, scaled)
        if at < self._summed:
            self._sum += scaled - numbers[self._summed]
        self._sum, self._summed = self._moved(len(numbers) // 5)

    def mean_with(self, more: Sequence[float]) -> float:
        """Returns the mean of the smallest fifth of the numbers and some more; of one number at least."""
        numbers = self._numbers
        fifth = max(1, (len(numbers) + len(more)) // 5)
        total, count = self._moved(min(fifth, len(numbers)))
        others = sorted([int(number * _SCALE) for number in more])
        for taken, scaled in enumerate(others):
            if count + taken == fifth:
                if not count or scaled >= numbers[count - 1]:
                    break
                count -= 1
                total -= numbers[count]
            total += scaled
        return total / _SCALE / fifth

    def _moved(self, count: int) -> tuple[int, int]:
        """Returns the sum of the `count` smallest, and `count`."""
        total, summed = self._sum, self._summed
        while summed < count:
            total += self._numbers[summed]
            summed += 1
        while summed > count:
            summed -= 1
            total -= self._numbers[summed]
        return total, summed


class GrowingMeasures:
    """The measures of the growing prefixes of one text.

    Args:
        measures: The models of the train texts.
    """

    __slots__ = ("_classes", "_decided", "_words")

    def __init__(self, measures: Measures) -> None:
        self._classes = GrowingClasses(measures.classes.tagger)
        self._decided = _Tally(measures)
        self._words = Distinct()

    def read(self, settled: Sequence[str], behind: Sequence[str]) -> tuple[Vector, int]:
        """Reads the next prefix, with at least one word.

        Args:
            settled: Tokens that stay.
            behind: All tokens behind them, which may still change.

        Returns:
            The measures, and the number of distinct words.
        """
        self.settle(settled)
        ended = self._decided.fork()
        words = self._words.fork()
        for token, tag in self._classes.behind(behind):
            ended.add(token, tag)
        for token in behind:
            if is_word(token):
                words.add(token)
        return ended.end(), len(words)

    def settle(self, tokens: Sequence[str]) -> None:
        """Reads tokens that stay."""
        for token, tag in self._classes.read(tokens):
            self._decided.add(token, tag)
        for token in tokens:
            if is_word(token):
                self._words.add(token)


class _Tally:
    """Sums over the tokens of a text.

    Args:
        measures: The models of the train texts.
        origin: The tally to go on from, which is not changed. It may not have an origin itself.
    """

    __slots__ = (
        "_before",
        "_evidence",
        "_function",
        "_has_verb",
        "_item_logprobs",
        "_items",
        "_lacking",
        "_last",
        "_length",
        "_less",
        "_lowest",
        "_measures",
        "_pairs",
        "_part_evidence",
        "_part_logprobs",
        "_parts",
        "_parts_before",
        "_parts_broken",
        "_parts_lowest",
        "_readings",
        "_sentences",
        "_skeleton",
        "_smallest",
        "_triples",
        "_two",
        "_unlisted",
        "_word_evidence",
        "_word_logprobs",
        "_words",
        "_wrong",
        "size",
    )

    def __init__(self, measures: Measures, origin: _Tally | None = None) -> None:
        self._measures = measures
        self._before = (START,) * 5  # three classes, two items
        self._last: tuple[str, str] = (START, START)  # words
        self._evidence = self._items = self._item_logprobs = 0.0
        self._word_evidence = self._word_logprobs = self._readings = 0.0
        self._smallest = Smallest()
        self._less: list[float] | None = None  # numbers that a fork adds to the smallest
        self._lowest = float("inf")  # sum of three places in a row
        self._two: tuple[float, ...] = ()  # evidence of the last two places
        self._sentences = self._lacking = self._length = 0
        self._has_verb = False
        self._pairs, self._triples = Distinct(), Distinct()
        self._words = self._unlisted = self._function = self._wrong = 0
        self._skeleton = SkeletonReader(english().valency)
        self._parts = self._parts_broken = 0
        self._parts_before = (END,) * 3
        self._part_evidence = self._part_logprobs = 0.0
        self._parts_lowest = float("inf")
        self.size = 0
        if origin is not None:
            for name in self.__slots__:
                setattr(self, name, getattr(origin, name))
            self._less = []
            self._pairs, self._triples = self._pairs.fork(), self._triples.fork()
            self._skeleton = self._skeleton.copy()

    def fork(self) -> _Tally:
        """Returns a tally that goes on from here without changing this one."""
        return _Tally(self._measures, self)

    def add(self, token: str, tag: str) -> None:
        """Adds a token of a class."""
        measures, classes = self._measures, self._measures.classes
        item = classes.item(token, tag)
        if self.size:
            before = self._last[1]
            self._pairs.add((before, token))
            self._wrong += measures.onsets.is_wrong(before, token)
            if self.size > 1:
                self._triples.add((*self._before[3:], item))
        self._place(token, tag, item)
        self._readings += classes.reading(token, tag)
        if is_word(token):
            self._words += 1
            self._function += classes.is_function_word(token)
            if measures.word_model.is_unknown(token):
                self._unlisted += not classes.is_english or token not in english()
        self._sentence(token, tag)
        self._read_parts(token, tag)

    def end(self) -> Vector:
        """Ends the text. Returns its measures."""
        self._place(END_OF_TEXT, END_OF_TEXT, END_OF_TEXT)
        self._sentence(".", ".")
        self._read_parts(END, END)
        size, words = self.size, self._words
        parts = max(1, self._parts)
        assert self._less is not None
        return (
            self._evidence / size,
            self._items / size,
            self._word_evidence / size,
            self._smallest.mean_with(self._less),
            (self._lowest if size >= WINDOW else self._evidence) / WINDOW,
            self._lacking / max(1, self._sentences) if self._measures.classes.is_english else 0.0,
            self._pairs.repeated,
            self._triples.repeated,
            self._unlisted / words,
            min(2.0, float(self._wrong)),
            self._part_evidence / parts,
            self._parts_lowest if self._parts else 0.0,
            self._parts_broken / parts,
            self._readings / size,
            self._item_logprobs / size,
            self._word_logprobs / size,
            self._function / words,
            self._part_logprobs / parts,
        )

    def _place(self, token: str, tag: str, item: str) -> None:
        a, b, c, p, q = self._before
        place = self._measures.class_model.place((a, b, c, tag, p, q, item))
        self._before = b, c, tag, q, item
        evidence = place.classes
        self._evidence += evidence
        self._items += place.items
        self._item_logprobs += place.logprob
        if self._less is None:
            self._smallest.add(evidence)
        else:
            self._less.append(evidence)
        if len(self._two) == 2:
            self._lowest = min(self._lowest, self._two[0] + self._two[1] + evidence)
        self._two = (*self._two[-1:], evidence)
        scored = self._measures.word_model.score_token(*self._last, token)
        self._word_evidence += bounded(scored.evidence)
        self._word_logprobs += scored.logprob
        self._last = self._last[1], token
        self.size += 1

    def _sentence(self, token: str, tag: str) -> None:
        if token in STOPS:
            if self._length:
                self._sentences += 1
                self._lacking += self._length >= SENTENCE and not self._has_verb
            self._length, self._has_verb = 0, False
        elif is_word(token):
            self._length += 1
            self._has_verb = self._has_verb or tag in FINITE

    def _read_parts(self, token: str, tag: str) -> None:
        for part in self._skeleton.read(token, tag):
            evidence, logprob = self._measures.part_model.place((*self._parts_before, part))
            self._parts_before = (*self._parts_before[1:], part)
            self._parts += 1
            self._part_evidence += evidence
            self._part_logprobs += logprob
            self._parts_lowest = min(self._parts_lowest, evidence)
            self._parts_broken += part[-1] == "!"
