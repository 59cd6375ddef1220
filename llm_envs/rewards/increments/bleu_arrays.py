"""BLEU of many growing texts as arrays: one step of all of them is some twenty calls of NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from llm_envs.episode import Example
from llm_envs.rewards.bleu_tokens import tokenizer
from llm_envs.rewards.increments.bleu_automata import UNKNOWN, Automata
from llm_envs.rewards.increments.bleu_rows import BleuRows
from llm_envs.rewards.increments.plain_tokens import JOINS, PlainTokens
from llm_envs.rewards.increments.step_log import StepLog
from llm_envs.rewards.ngram_table import NgramTable

_FIRST_LENGTHS = 128
_JOINS, _EARLY = bytes([JOINS]), 4


class Counts(Protocol):
    """BLEU of clipped counts."""

    max_order: int

    @property
    def table(self) -> Callable[[tuple[str, ...]], NgramTable]:
        """Gives the n-grams of some references."""
        ...

    def of_counts(self, correct: Sequence[float], length: int, reference_length: int) -> float:
        """Returns the score of counts; correct[n] is that of order n."""
        ...

    def factor(self, length: int, reference_length: int) -> float:
        """Returns what of a score depends on lengths alone."""
        ...


class _Tail:
    """The last word of a text to which a token was joined.

    Attributes:
        text: The word, as far as it has been written.
        before: The state before it.
        read: The transitions of its tokens.
        tight: True if the next token follows without a space.
    """

    __slots__ = ("before", "read", "text", "tight")

    def __init__(self, text: str, before: int, read: list[int]) -> None:
        self.text, self.before, self.read, self.tight = text, before, read, False


class BleuArrays:
    """BLEU of order 4, with the default smoothing, of the growing prefixes of many texts.

    Most tokens are plain: they are read by all texts at once. A token that is joined to a word before it is
    read in a loop. A text in which more than that happens is followed by `BleuRows`.

    Args:
        score: BLEU of clipped counts.
        tokens: What the tokens of the vocabulary are.
        number: The number of texts.
        others: Makes what follows the texts that are not followed here.
    """

    def __init__(
        self, score: Counts, tokens: PlainTokens, number: int, others: Callable[[], BleuRows]
    ) -> None:
        self._score, self._tokens, self._number = score, tokens, number
        order = score.max_order
        self._automata = Automata(order, tokens.classes, tokens.tokens_of)
        self._make_others = others
        self._others: BleuRows | None = None
        self._examples: list[Example | None] = [None] * number
        self._slow: set[int] = set()  # rows that `others` follows
        self._tails: dict[int, _Tail] = {}
        self._log = StepLog(number)
        self._last_words = tokenizer("13a")
        self._sets = np.zeros(number, np.int64)
        self._classes = np.zeros(number, np.int64)  # where the classes of each row begin
        self._states = np.repeat(self._automata.start(np.zeros(1, int)), number)
        self._left = np.zeros((number, 1), np.int64)  # row, n-gram: how often it may still match
        self._first_left = np.arange(number)
        self._correct = np.zeros((order, number))
        # What stands for a count of 0 is such that the product of all is what smoothing makes of it.
        self._least = np.array([[0.0], *[[0.5 ** (order - n)] for n in range(1, order)]])
        self._lengths = np.zeros(number, np.int64)
        self._first_factor = np.zeros(number, np.int64)
        self._factors = np.zeros((0, _FIRST_LENGTHS))
        self._factor_rows: dict[tuple[int, ...], int] = {}
        self._room = _FIRST_LENGTHS - 1  # steps before some text may be too long for `_factors`
        self._any_early = False
        self._early_scores = self._scores_of_early()
        self._first_factor[:] = self._lengths[:] = self._factors_of(0)

    def begin(self, rows: Sequence[int], examples: Sequence[Example]) -> None:
        """Starts some texts.

        Args:
            rows: Their numbers.
            examples: Their examples, with references.
        """
        automata = self._automata
        if automata.full:
            self._forget_all()
        sets = []
        for row, example in zip(rows, examples, strict=True):
            self._examples[row] = example
            self._slow.discard(row)
            self._tails.pop(row, None)
            number = automata.find(example.references)
            if number is None:
                table = self._score.table(example.references)
                if automata.fits(table):
                    number = automata.add(example.references, table)
                else:
                    number = 0
                    self._follow_slowly(row, example, ())
            sets.append(number)
        at, of = np.array(rows), np.array(sets)
        self._log.begin(at)
        self._sets[at], self._classes[at] = of, automata.first_class(of)
        self._states[at] = automata.start(of)
        width = automata.limits.shape[1]
        if width > self._left.shape[1]:
            self._left = np.pad(self._left, ((0, 0), (0, width - self._left.shape[1])))
            self._first_left = np.arange(self._number) * width
        self._left[at] = automata.limits[of]
        self._correct[:, at] = 0.0
        self._first_factor[at] = self._lengths[at] = [self._factors_of(n) for n in sets]
        self._any_early = True

    def step(self, tokens: np.ndarray) -> np.ndarray:
        """Reads a token of each text. Returns their scores.

        Args:
            tokens: One of each text, int64 (number,); V for none.
        """
        automata, before, left = self._automata, self._states, self._left.reshape(-1)
        transitions = automata.transitions.take(before + automata.classes.take(tokens + self._classes))
        self._states = automata.states.take(transitions)
        self._log.append(tokens, before, transitions)
        words = self._tokens.words.take(tokens)
        at = automata.ends.take(transitions, axis=1)
        at += self._first_left
        times = left.take(at)
        self._correct += times > 0
        left[at] = times - 1
        self._lengths += words
        joins = _JOINS in words.tobytes()
        if joins or self._tails:
            self._read_tails(tokens, words, joins)
        self._room -= 1
        if self._room <= 0:
            self._make_room()
        scores = self._scores()
        if self._slow:
            self._score_slow(tokens, scores)
        return scores

    def finish(self, rows: np.ndarray) -> list[float]:
        """Ends some texts. Returns their scores, exactly as from scratch."""
        scores, of_counts = [], self._score.of_counts
        lengths = (self._lengths[rows] - self._first_factor[rows]).tolist()
        correct, sets = self._correct[:, rows].T.tolist(), self._sets[rows].tolist()
        for row, length, counts, number in zip(rows.tolist(), lengths, correct, sets, strict=True):
            if row in self._slow:
                assert self._others is not None
                scores += self._others.finish(np.array([row]))
            else:
                closest = self._automata.tables[number].closest_length(length)
                scores.append(of_counts([0.0, *counts], length, closest))
        return scores

    def _scores(self) -> np.ndarray:
        counts = np.maximum(self._correct, self._least)
        product = counts[0] * counts[1]
        product *= counts[2]
        product *= counts[3]
        scores = np.sqrt(np.sqrt(product, out=product), out=product)
        scores *= self._factors.reshape(-1).take(self._lengths)
        np.minimum(scores, 1.0, out=scores)
        if self._any_early:
            self._score_early(scores)
        return scores

    def _score_early(self, scores: np.ndarray) -> None:
        """Writes the scores of texts of less than four words."""
        lengths = self._lengths - self._first_factor
        (rows,) = (lengths < _EARLY).nonzero()
        self._any_early = len(rows) > 0
        if not self._any_early:
            return
        correct = self._correct[:3, rows].astype(np.int64)
        early = self._early_scores[lengths[rows], correct[0], correct[1], correct[2]]
        scores[rows] = early * self._factors.reshape(-1)[self._lengths[rows]]

    def _scores_of_early(self) -> np.ndarray:
        scores = np.zeros((_EARLY, _EARLY, _EARLY, _EARLY))
        for length in range(1, _EARLY):
            for counts in np.ndindex(_EARLY, _EARLY, _EARLY):
                if counts[0] and all(n <= length - k for k, n in enumerate(counts) if n):
                    scores[(length, *counts)] = self._score.of_counts([0, *counts, 0], length, length)
        return scores

    def _read_tails(self, tokens: np.ndarray, words: np.ndarray, joins: bool) -> None:
        """Reads tokens that are joined to others, and those behind them."""
        pieces, ends = self._tokens.pieces, self._tokens.ends
        for row, tail in list(self._tails.items()):
            token = tokens.item(row)
            piece, binds_left, _ = pieces[token]
            if piece is None or token in ends or words[row] == JOINS:
                continue
            if tail.tight or binds_left:
                self._take_back(row, [self._log.transition(row)])
                self._lengths[row] -= words[row]
                self._join(row, tail, token)
            else:
                del self._tails[row]
        if not joins:
            return
        for row in (words == JOINS).nonzero()[0].tolist():
            self._lengths[row] -= JOINS
            if row in self._slow:
                continue
            token, tail = tokens.item(row), self._tails.get(row)
            piece, binds_left, _ = pieces[token]
            assert piece is not None
            if tail is None or not (tail.tight or binds_left):
                tail = self._new_tail(row, piece, binds_left)
                if tail is None:
                    self._slow_down(row)
                    continue
                self._tails[row] = tail
            self._join(row, tail, token)

    def _new_tail(self, row: int, piece: str, binds_left: bool) -> _Tail | None:
        """Returns the last word before a token that is joined; None if more of the text is needed."""
        last = self._log.last(row, self._tokens) if binds_left else None
        if last is not None and self._tokens.is_word(last.token):
            word = self._tokens.pieces[last.token][0]
            assert word is not None
            return _Tail(word, last.before, [last.transition])
        if last is not None and self._tokens.is_point(last.token) and (not piece or piece[0].isdigit()):
            return None
        return _Tail("", self._states.item(row), [])

    def _join(self, row: int, tail: _Tail, token: int) -> None:
        """Reads the last word of a text again, with a token behind it."""
        piece, _, tight = self._tokens.pieces[token]
        assert piece is not None
        text = tail.text + piece
        if "-\n" in text or "<skipped>" in text:
            self._slow_down(row)
            return
        self._take_back(row, tail.read)
        self._lengths[row] -= len(tail.read)
        tail.read.clear()
        tail.text, tail.tight = text, tight
        automata, number = self._automata, self._sets.item(row)
        vocabulary = automata.tables[number].vocabulary
        state, words = tail.before, self._last_words(text)
        left, correct = self._left[row], self._correct[:, row]
        for word in words:
            transition = automata.transitions.item(state + vocabulary.get(word, 0) + UNKNOWN)
            for order, node in enumerate(automata.ends[:, transition].tolist()):
                if node:
                    correct[order] += left[node] > 0
                    left[node] -= 1
            state = automata.states.item(transition)
            tail.read.append(transition)
        self._states[row] = state
        self._lengths[row] += len(words)
        self._room -= len(words)
        if piece[-1:].isspace():
            del self._tails[row]

    def _take_back(self, row: int, read: Sequence[int]) -> None:
        """Takes the n-grams of some transitions back."""
        left, correct = self._left[row], self._correct[:, row]
        for transition in read:
            for order, node in enumerate(self._automata.ends[:, transition].tolist()):
                if node:
                    left[node] += 1
                    correct[order] -= left[node] > 0

    def _slow_down(self, row: int) -> None:
        """Lets `others` follow a text from now on."""
        example = self._examples[row]
        assert example is not None
        self._tails.pop(row, None)
        self._follow_slowly(row, example, self._log.tokens(row))

    def _follow_slowly(self, row: int, example: Example, tokens: Sequence[int]) -> None:
        if self._others is None:
            self._others = self._make_others()
        self._others.begin([row], [example])
        self._slow.add(row)
        for token in tokens[:-1]:
            self._others.step(self._only([row], token))

    def _score_slow(self, tokens: np.ndarray, scores: np.ndarray) -> None:
        assert self._others is not None
        rows = list(self._slow)
        scores[rows] = self._others.step(self._only(rows, tokens[rows]))[rows]

    def _only(self, rows: list[int], tokens: Any) -> np.ndarray:
        """Returns tokens of some texts, none of the others."""
        only = np.full(self._number, len(self._tokens.pieces) - 1)
        only[rows] = tokens
        return only

    def _factors_of(self, number: int) -> int:
        """Returns where the factors of a set begin."""
        lengths = tuple(self._automata.tables[number].lengths)
        row = self._factor_rows.get(lengths)
        size = self._factors.shape[1]
        if row is None:
            row = self._factor_rows[lengths] = len(self._factors)
            self._factors = np.vstack([self._factors, self._factors_up_to(size, number)])
        return row * size

    def _factors_up_to(self, size: int, number: int) -> list[float]:
        table = self._automata.tables[number]
        if not table.lengths:
            return [0.0] * size
        return [0.0, *(self._score.factor(n, table.closest_length(n)) for n in range(1, size))]

    def _make_room(self) -> None:
        """Computes factors for longer texts, if there are any."""
        size = self._factors.shape[1]
        lengths = self._lengths - self._first_factor
        self._room = size - 1 - int(lengths.max())
        if self._room > size // 4:
            return
        self._factor_rows.clear()
        self._factors = np.zeros((0, 2 * size))
        self._first_factor = np.array([self._factors_of(n) for n in self._sets.tolist()])
        self._lengths = lengths + self._first_factor
        self._room += size

    def _forget_all(self) -> None:
        """Empties the automata. Running texts are then followed by `others`."""
        for row, example in enumerate(self._examples):
            if example is not None and row not in self._slow:
                self._tails.pop(row, None)
                self._follow_slowly(row, example, (*self._log.tokens(row), -1))
        self._automata.clear()
        self._sets[:] = self._classes[:] = 0
        self._states[:] = self._automata.start(np.zeros(1, int))
