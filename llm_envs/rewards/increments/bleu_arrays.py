"""BLEU of many growing texts as arrays: one step of all of them is some twenty calls of NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from llm_envs.episode import Example
from llm_envs.rewards.bleu_tokens import tokenizer
from llm_envs.rewards.increments.bleu_automata import UNKNOWN, Automata
from llm_envs.rewards.increments.bleu_rows import BleuRows
from llm_envs.rewards.increments.plain_tokens import (
    JOINS,
    LETTERS,
    OTHER,
    POINT,
    SKIPPED,
    SPACE,
    WORD,
    PlainTokens,
)
from llm_envs.rewards.increments.smoothed_counts import SmoothedCounts
from llm_envs.rewards.increments.step_log import StepLog
from llm_envs.rewards.increments.text_lengths import Counts, TextLengths

_JOINS, _BYTES, _SIGN = bytes([JOINS]), 8, np.int64(63)


class _Tail:
    """The last word of a text to which a token was joined.

    Attributes:
        text: The word, as far as it has been written.
        before: The state before it.
        read: The transitions of its tokens that are known.
        words: The number of its tokens.
        tight: True if the next token follows without a space.
    """

    __slots__ = ("before", "read", "text", "tight", "words")

    def __init__(self, text: str, before: int, read: list[int], words: int) -> None:
        self.text, self.before, self.read, self.words, self.tight = text, before, read, words, False


class BleuArrays:
    """BLEU of order 4, with the default smoothing, of the growing prefixes of many texts.

    Most tokens are plain: they are read by all texts at once. A token that is joined to a word before it is
    read in a loop. A text in which more than that happens is followed by `BleuRows`.

    Args:
        score: BLEU of clipped counts.
        tokens: What the tokens of the vocabulary are.
        number: The number of texts.
        others: Makes what follows the texts that are not followed here. None if only final scores are
            needed: `finish` has none for these texts.
    """

    def __init__(
        self, score: Counts, tokens: PlainTokens, number: int, others: Callable[[], BleuRows] | None
    ) -> None:
        self._score, self._tokens, self._number = score, tokens, number
        order = score.max_order
        self._automata = Automata(order, tokens.classes, tokens.tokens_of)
        self._make_others = others
        self._others: BleuRows | None = None
        self._examples: list[Example | None] = [None] * number
        self._slow: set[int] = set()  # rows that `others` follows
        self._endings = [tokens.endings(())]  # set -> letters that may end one of its words
        self._tails: dict[int, _Tail] = {}
        self._log = StepLog(number)
        self._last_words = tokenizer("13a")
        self._sets = np.zeros(number, np.int64)
        self._classes = np.zeros(number, np.int64)  # where the classes of each row begin
        self._states = np.repeat(self._automata.start(np.zeros(1, int)), number)
        # row, n-gram: how often it has been read, less its limit. All arrays are int64, which saves casts.
        self._used = np.zeros((number, 1), np.int64)
        self._flat_used = self._used.reshape(-1)
        self._first_used = np.repeat(np.arange(number)[:, None], order, axis=1)
        self._smoothed = SmoothedCounts(number)
        self._lengths = TextLengths(score, number, self._automata.tables[0])
        self._grown = 1  # the most words that a step has added to a text

    def begin(self, rows: Sequence[int], examples: Sequence[Example]) -> None:
        """Starts some texts.

        Args:
            rows: Their numbers.
            examples: Their examples, with references.
        """
        automata = self._automata
        if automata.full:
            self._forget_all()
        self._slow.difference_update(rows)
        sets = []
        for row, example in zip(rows, examples, strict=True):
            self._examples[row] = example
            number = automata.find(example.references)
            sets.append(self._add(row, example) if number is None else number)
            if self._tails:
                self._tails.pop(row, None)
        at, of = np.array(rows), np.array(sets)
        self._log.begin(at)
        self._sets[at], self._classes[at] = of, automata.first_class(of)
        self._states[at] = automata.start(of)
        width = automata.limits.shape[1]
        if width > self._used.shape[1]:
            self._used = np.pad(self._used, ((0, 0), (0, width - self._used.shape[1])))
            self._first_used[:] = np.arange(self._number)[:, None] * width
            self._flat_used = self._used.reshape(-1)
        self._used[at] = -automata.limits[of]
        self._smoothed.begin(at)
        self._lengths.begin(at, of)

    def _add(self, row: int, example: Example) -> int:
        """Returns the set of an example, 0 if it is too large."""
        table = self._score.table(example.references)
        if not self._automata.fits(table):
            self._follow_slowly(row, example, ())
            return 0
        number = self._automata.add(example.references, table)
        self._lengths.add(number, table)
        self._smoothed.make_room(sum(table.lengths))
        self._endings.append(self._tokens.endings(table.vocabulary))
        return number

    def step(self, tokens: np.ndarray) -> np.ndarray:
        """Reads a token of each text. Returns their scores.

        Args:
            tokens: One of each text, int64 (number,); V for none.
        """
        self.read(tokens)
        scores = self._lengths.scores(self._smoothed)
        if self._slow:
            self._score_slow(tokens, scores)
        return scores

    def read(self, tokens: np.ndarray) -> None:
        """Reads a token of each text, without scores."""
        automata, before, used = self._automata, self._states, self._flat_used
        classes = automata.classes.take(tokens + self._classes).astype(np.int64)
        transitions = automata.transitions.take(before + classes)
        self._states = automata.states.take(transitions)
        self._log.steps.append((tokens, before, transitions))
        at = automata.ends.take(transitions, axis=0)
        at += self._first_used
        times = used.take(at)
        counts = self._smoothed.at
        np.subtract(counts, times >> _SIGN, out=counts)  # less -1 where the limit was not reached
        times += 1
        used[at] = times
        words = self._tokens.words.take(tokens)
        self._lengths.at += words
        kinds = words.tobytes()
        if _JOINS in kinds or self._tails:
            self._read_tails(tokens, kinds)
        self._lengths.grown(self._grown, self._sets, automata.tables)
        self._grown = 1

    def finish(self, rows: np.ndarray) -> list[float | None]:
        """Ends some texts. Returns their scores, exactly as from scratch; None for those not followed."""
        of, lengths = self._sets[rows], self._lengths.of(rows)
        closest, tables = self._automata.closest[of], self._automata.tables
        for at in (closest == 0).nonzero()[0].tolist():
            closest[at] = tables[of[at]].closest_length(int(lengths[at])) if tables[of[at]].lengths else 0
        counts = self._smoothed.counts(rows).T.tolist()
        keys = zip(lengths.tolist(), closest.tolist(), *counts, strict=True)
        scores: list[float | None] = [*self._score.of_many_counts(keys)]
        if self._slow:
            for at, row in enumerate(rows.tolist()):
                if row in self._slow:
                    others = self._others
                    scores[at] = None if others is None else others.finish(np.array([row]))[0]
        return scores

    def _read_tails(self, tokens: np.ndarray, kinds: bytes) -> None:
        """Reads tokens that are joined to others, and those behind them.

        Args:
            tokens: Of each row.
            kinds: Of each row what it adds in words, as the bytes of an int64.
        """
        pieces, token_kinds = self._tokens.pieces, self._tokens.kinds
        for row, tail in [*self._tails.items()] if self._tails else ():
            token = tokens.item(row)
            words = max(kinds[_BYTES * row : _BYTES * (row + 1)])
            if token_kinds[token] == SKIPPED or words == JOINS:
                continue
            if tail.tight or pieces[token][1]:
                self._take_back(row, [self._log.transition(row)])
                self._lengths.at[row] -= words
                self._join(row, tail, token)
            else:
                del self._tails[row]
        at, token_kinds = kinds.find(_JOINS), self._tokens.kinds
        while at >= 0:
            row = at // _BYTES
            at = kinds.find(_JOINS, at + 1)
            self._lengths.at[row] -= JOINS
            if row in self._slow:
                continue
            token, found = tokens.item(row), self._tails.get(row)
            if found is None and token_kinds[token] == LETTERS and self._read_letters(row, token):
                continue
            binds_left = pieces[token][1]
            if found is None or not (found.tight or binds_left):
                found = self._tails[row] = self._new_tail(row, binds_left)
            self._join(row, found, token)

    def _read_letters(self, row: int, token: int) -> bool:
        """Reads letters that make an unknown word of the last one. Returns False if they may not."""
        kinds, pieces = self._tokens.kinds, self._tokens.pieces
        last, transition = self._log.last(row, kinds)
        kind = SPACE if last < 0 else kinds[last]
        number = self._sets.item(row)
        if kind == LETTERS:
            return token not in self._endings[number]
        if kind in (OTHER, POINT):
            return False
        letters = pieces[token][0]
        vocabulary = self._automata.tables[number].vocabulary
        if kind != WORD:
            if letters in vocabulary:
                return False
            self._lengths.at[row] += 1
        elif f"{pieces[last][0]}{letters}" in vocabulary:
            return False
        elif self._automata.ends.item(transition, 0):
            self._take_back(row, [transition])
        self._states[row] = self._automata.first_state(number)
        return True

    def _new_tail(self, row: int, binds_left: bool) -> _Tail:
        """Returns the end of a text, as far as a token that is joined to it may change it."""
        tail, pieces, after = _Tail("", self._states.item(row), [], 0), self._tokens.pieces, SPACE
        for last in self._log.backwards(row, self._tokens) if binds_left else ():
            piece, last_binds_left, _ = pieces[last.token]
            kind = self._tokens.kinds[last.token]
            if kind not in (WORD, POINT, LETTERS):
                break
            assert piece is not None
            tail.text, tail.before = piece + tail.text, last.before
            if (kind, after) != (WORD, LETTERS):
                tail.read.append(last.transition)
            after = kind
            if not last_binds_left:
                break
        tail.words = len(self._last_words(tail.text))
        return tail

    def _join(self, row: int, tail: _Tail, token: int) -> None:
        """Reads the last word of a text again, with a token behind it."""
        piece, _, tail.tight = self._tokens.pieces[token]
        assert piece is not None
        text = tail.text = tail.text + piece
        if "<skipped>" in text:
            self._slow_down(row)
            return
        if tail.read:
            self._take_back(row, tail.read)
            tail.read.clear()
        automata, number = self._automata, self._sets.item(row)
        vocabulary = automata.tables[number].vocabulary
        words = [text] if text.isalnum() else self._last_words(text)
        state, unknown = tail.before, automata.first_state(number)
        for word in words:
            known = vocabulary.get(word)
            if known is None:
                state = unknown
                continue
            transition = automata.transitions.item(state + known + UNKNOWN)
            self._count(row, transition)
            state = automata.states.item(transition)
            tail.read.append(transition)
        self._states[row] = state
        added = len(words) - tail.words
        self._lengths.at[row] += added
        self._grown = max(self._grown, added)
        tail.words = len(words)
        if text[-1:].isspace():
            if text.rstrip().endswith("-"):  # 13a may join it to the next line
                tail.tight = True
            else:
                del self._tails[row]

    def _count(self, row: int, transition: int) -> None:
        used, correct = self._used[row], self._smoothed.at[row]
        for order, node in enumerate(self._automata.ends[transition].tolist()):
            if node:
                correct[order] += used[node] < 0
                used[node] += 1

    def _take_back(self, row: int, read: Sequence[int]) -> None:
        """Takes the n-grams of some transitions back."""
        used, correct = self._used[row], self._smoothed.at[row]
        for transition in read:
            for order, node in enumerate(self._automata.ends[transition].tolist()):
                if node:
                    used[node] -= 1
                    correct[order] -= used[node] < 0

    def _slow_down(self, row: int) -> None:
        """Lets `others` follow a text from now on."""
        example = self._examples[row]
        assert example is not None
        self._tails.pop(row, None)
        self._follow_slowly(row, example, self._log.tokens(row))

    def _follow_slowly(self, row: int, example: Example, tokens: Sequence[int]) -> None:
        self._slow.add(row)
        if self._make_others is None:
            return
        if self._others is None:
            self._others = self._make_others()
        self._others.begin([row], [example])
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

    def _forget_all(self) -> None:
        """Empties the automata. Running texts are then followed by `others`."""
        for row, example in enumerate(self._examples):
            if example is not None and row not in self._slow:
                self._tails.pop(row, None)
                self._follow_slowly(row, example, (*self._log.tokens(row), -1))
        self._automata.clear()
        del self._endings[1:]
        self._sets[:] = self._classes[:] = 0
        self._lengths.add(0, self._automata.tables[0])
        self._states[:] = self._automata.start(np.zeros(1, int))
