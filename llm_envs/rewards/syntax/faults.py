"""The faults of a text against the grammar, and what it says twice."""

from __future__ import annotations

from llm_envs.rewards.grammar.growing_measures import Distinct
from llm_envs.rewards.syntax.parser import Parser
from llm_envs.rewards.syntax.readings import Readings
from llm_envs.tokenizers.words import is_word

STOPS = frozenset(".?!;:")
FRAGMENT = 0.3
"""Points for a word, after the first, of a sentence without a main clause."""

WORD_AGAIN, PAIR_AGAIN, TRIPLE_AGAIN, FRAME_AGAIN = 0.5, 0.5, 1.0, 0.5
"""Points for a content word, two words, three words and three classes in a row that the text had before."""

_REFRAIN = 2  # words; lines may begin alike
_NOTHING = 1.0  # points for a stop after nothing


class Items(dict[str, tuple[str, bool]]):
    """word -> its item, and whether it is a content word; found once.

    Args:
        readings: Gives the items.
    """

    def __init__(self, readings: Readings) -> None:
        super().__init__()
        self._readings = readings

    def __missing__(self, word: str) -> tuple[str, bool]:
        item = self._readings.item(word)
        self[word] = found = (item, item != word)
        return found


class Faults:
    """Counts the faults of a text, token by token, in points.

    Args:
        parser: The grammar.
        items: The items of words.
        origin: The counter to go on from, which is not changed. It may not have an origin itself.
    """

    __slots__ = ("_at", "_column", "_content", "_cost", "_frame", "_frames", "_items", "_last", "_length", "_pairs", "_parser",
                 "_points", "_triples", "distinct", "words")

    def __init__(self, parser: Parser, items: Items, origin: Faults | None = None) -> None:
        self._parser, self._items = parser, items
        if origin is None:
            self._at, self._cost, self._length = parser.start, 0, 0  # of the sentence
            self._points = 0.0  # of the sentences before
            self._last: tuple[str, ...] = ()
            self._frame: tuple[str, ...] = ()
            self._pairs, self._triples, self._frames, self._content = Distinct(), Distinct(), Distinct(), Distinct()
            self.words = 0
            self._column = 0  # in the line
            return
        self._at, self._cost, self._length = origin._at, origin._cost, origin._length
        self._points, self._last, self._frame, self.words = origin._points, origin._last, origin._frame, origin.words
        self._column = origin._column
        self._pairs, self._triples = origin._pairs.fork(), origin._triples.fork()
        self._frames, self._content = origin._frames.fork(), origin._content.fork()

    def fork(self) -> Faults:
        """Returns a counter that goes on from here without changing this one."""
        return Faults(self._parser, self._items, self)

    def add(self, token: str) -> None:
        """Adds a token."""
        if token in STOPS:
            self._points += self._ended() if self._length else _NOTHING
            self._at, self._cost, self._length = self._parser.start, 0, 0
            self._frame = ()
            return
        if not is_word(token):
            if token == "\n":
                self._column = 0
            if self._length:
                self._at, more = self._parser.step(self._at, token)
                self._cost += more
            elif token == ",":
                self._points += _NOTHING
            return
        self._at, more = self._parser.step(self._at, token)
        self._cost += more
        self._length += 1
        self.words += 1
        self._column += 1
        item, is_content = self._items[token]
        last, frame = self._last, self._frame
        if self._column > _REFRAIN:
            if last:
                self._pairs.add((last[-1], token))
            if is_content:
                self._content.add(token)
        if self._column > _REFRAIN + 1:
            if len(last) == 2:
                self._triples.add((*last, token))
            if len(frame) == 2:
                self._frames.add((*frame, item))
        self._last = (*last[-1:], token)
        self._frame = (*frame[-1:], item)

    def points(self) -> float:
        """Returns the points of the text if it ends here."""
        return (
            self._points
            + (self._ended() if self._length else 0.0)
            + PAIR_AGAIN * _again(self._pairs)
            + TRIPLE_AGAIN * _again(self._triples)
            + FRAME_AGAIN * _again(self._frames)
            + WORD_AGAIN * _again(self._content)
        )

    def _ended(self) -> float:
        end, has_clause = self._parser.end(self._at)
        return self._cost + end + (0.0 if has_clause else FRAGMENT * (self._length - 1))


def _again(things: Distinct) -> int:
    return things.all - len(things)
