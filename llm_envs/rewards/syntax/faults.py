"""The faults of a text against the grammar, and what it says twice."""

from __future__ import annotations

from llm_envs.rewards.syntax.parser import Parser
from llm_envs.rewards.syntax.readings import Readings
from llm_envs.rewards.syntax.seen import Seen
from llm_envs.tokenizers.words import is_word

STOPS = frozenset(".?!;:")
FRAGMENT, FREE = 0.35, 3
"""Points for a word of a sentence without a main clause, and how many such words of a text are free."""

NO_CLAUSE = 3.0
"""Points for a text of which no sentence has a main clause."""

WORD_AGAIN, PAIR_AGAIN, TRIPLE_AGAIN, FRAME_AGAIN = 0.5, 0.5, 1.0, 0.5
"""Points for a content word, two words, three words and three classes in a row that the text had before."""

REFRAIN = 1.5
"""How much more it counts if a line begins so, but for a list."""

ASKED = 3
"""How much more the grammar's points count at a requested word, and at what stands directly after it."""

_LIST = 4  # lines; a list is a text of so many lines, all of which begin with the same word
_KEPT = 1 << 16
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
        found = (item, item != word)
        if len(self) < _KEPT:
            self[word] = found
        return found


class Faults:
    """Counts the faults of a text, token by token, in points.

    Args:
        parser: The grammar.
        items: The items of words.
        asked: The requested words, in the form in which tokens are.
        origin: The counter to go on from, which is not changed. It may not have an origin itself.
    """

    __slots__ = (
        "_again",
        "_asked",
        "_at",
        "_clauses",
        "_column",
        "_cost",
        "_first",
        "_fragments",
        "_frame",
        "_is_list",
        "_items",
        "_last",
        "_length",
        "_lines",
        "_near",
        "_parser",
        "_points",
        "_refrain",
        "_seen",
        "words",
    )

    def __init__(
        self,
        parser: Parser,
        items: Items,
        asked: frozenset[str] = frozenset(),
        origin: Faults | None = None,
    ) -> None:
        self._seen: Seen = Seen() if origin is None else origin._seen.fork()
        if origin is not None:
            for name in self.__slots__:
                if name != "_seen":
                    setattr(self, name, getattr(origin, name))
            return
        self._parser, self._items, self._asked = parser, items, asked
        self._near = False  # whether the token before is a requested word
        self._at, self._cost, self._length = parser.start, 0, 0  # of the sentence
        self._points, self._fragments, self._clauses = 0.0, 0, 0  # of the sentences before
        self._column, self._lines, self._first, self._is_list = 0, 0, "", True
        self._last: tuple[str, ...] = ()  # words
        self._frame: tuple[str, ...] = ()  # items
        self._again = self._refrain = 0.0  # points, elsewhere and where lines begin
        self.words = 0

    def fork(self) -> Faults:
        """Returns a counter that goes on from here without changing this one."""
        return Faults(self._parser, self._items, self._asked, self)

    def add(self, token: str) -> None:
        """Adds a token."""
        if is_word(token):
            is_asked = token in self._asked
            self._step(token, is_asked or self._near)
            self._length += 1
            self._repeat(token)
            self._near = is_asked
        elif token in STOPS:
            self._points, self._fragments, self._clauses = self._ended(token == "?")
            self._points += 0.0 if self._length else _NOTHING
            self._at, self._cost, self._length = self._parser.start, 0, 0
            self._frame, self._near = (), False
        else:
            if token == "\n":
                self._column = 0
            if self._length:
                self._step(token, self._near)
            elif token == ",":
                self._points += _NOTHING
            self._near = False

    def points(self) -> float:
        """Returns the points of the text if it ends here."""
        points, fragments, clauses = self._ended(asked=False)
        is_list = self._is_list and self._lines >= _LIST
        return (
            points
            + FRAGMENT * max(0, fragments - FREE)
            + (0.0 if clauses else NO_CLAUSE)
            + self._again
            + (0.0 if is_list else self._refrain)
        )

    def _step(self, token: str, is_near: bool) -> None:
        self._at, more = self._parser.step(self._at, token)
        self._cost += ASKED * more if is_near else more

    def _ended(self, asked: bool) -> tuple[float, int, int]:
        """Returns points, words of fragments, and main clauses up to here, if the sentence ends."""
        if not self._length:
            return self._points, self._fragments, self._clauses
        cost, has_clause = self._parser.end(self._at, asked)
        fragments = self._fragments + (0 if has_clause else self._length)
        cost *= ASKED if self._near else 1
        return self._points + self._cost + cost, fragments, self._clauses + has_clause

    def _repeat(self, word: str) -> None:
        """Charges what a word repeats."""
        self.words += 1
        self._column += 1
        column, seen = self._column, self._seen
        if column == 1:
            self._lines += 1
            self._is_list = self._is_list and self._first in ("", word)
            self._first = self._first or word
        item, is_content = self._items[word]
        last, frame = self._last, self._frame
        if is_content and seen.add(word):
            self._charge(column == 1, WORD_AGAIN)
        if last and seen.add((last[-1], word)):
            self._charge(column == 2, PAIR_AGAIN)
        if len(last) == 2 and seen.add((*last, word)):
            self._charge(column == 3, TRIPLE_AGAIN)
        if len(frame) == 2 and seen.add((*frame, item, "")):
            self._charge(column == 3, FRAME_AGAIN)
        self._last = (*last[-1:], word)
        self._frame = (*frame[-1:], item)

    def _charge(self, begins_line: bool, points: float) -> None:
        if begins_line:
            self._refrain += REFRAIN * points
        else:
            self._again += points
