"""BLEU of many growing texts, for vector environments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Protocol

import numpy as np

from llm_envs.episode import Example
from llm_envs.rewards.bleu_tokens import tokenizer, tokens_within
from llm_envs.rewards.increments.bleu_words import cut_13a
from llm_envs.rewards.increments.pieces import BREAK, NOTHING, OTHER, TIGHT_OF, WORD, Pieces
from llm_envs.rewards.ngram_table import Matches, NgramTable, Read

_CACHED_REFERENCES = 4096
_NONE: list[int] = []
_NEVER = 1 << 62


class Score(Protocol):
    """BLEU of clipped counts."""

    max_order: int

    @property
    def has_factors(self) -> bool:
        """True if scores are a root of `count_product` times `factor`."""
        ...

    @property
    def table(self) -> Callable[[tuple[str, ...]], NgramTable]:
        """Gives the n-grams of some references."""
        ...

    def count_product(self, matches: Matches) -> float:
        """Returns what of the score depends on matches alone."""
        ...

    def factor(self, length: int, reference_length: int) -> float:
        """Returns what of the score depends on lengths alone."""
        ...

    def prefix_score(self, matches: Matches) -> float:
        """Returns the score up to rounding."""
        ...

    def from_matches(self, matches: Matches) -> float:
        """Returns the score."""
        ...


class _Row:
    """One growing text.

    Attributes:
        matches: Its n-grams, those of its unfinished word included.
        reference: The length of the one reference, 0 if there are several.
        tail: The unfinished word, which is all of it that may still be tokenised in another way.
        rest: Bytes of an unfinished character behind it.
        before: The node of `matches` before the tail.
        read: The n-grams that the known words of the tail end.
        unknown: The number of words of the tail that are in no reference.
    """

    __slots__ = ("before", "matches", "read", "reference", "rest", "tail", "unknown", "vocabulary")

    def __init__(self, table: NgramTable) -> None:
        self.matches = Matches(table)
        self.vocabulary = table.vocabulary
        self.reference = table.lengths[0] if len(table.lengths) == 1 else 0
        self.tail, self.rest = "", b""
        self.before = self.unknown = 0
        self.read: list[int] = _NONE


class BleuRows:
    """BLEU of the growing prefixes of many texts of whole pieces.

    Most pieces are a word after a space, a mark, or a line break. These change nothing in the words before
    them. Other pieces are joined to the unfinished word, and that is tokenised again. Words that are in no
    reference are counted in arrays, for all rows at once.

    Args:
        score: BLEU of clipped counts.
        pieces: What tokens are.
        number: The number of texts.
        ends: End tokens, which are no part of a text.
    """

    def __init__(self, score: Score, pieces: Pieces, number: int, ends: Sequence[int]) -> None:
        self._score, self._pieces = score, pieces
        self._rows: list[_Row | None] = [None] * number
        self._last = tokenizer("13a")
        kinds = np.array(pieces.kinds)
        self._looked_at = kinds != WORD  # tokens that are looked at one by one in every text
        self._known = np.repeat(self._looked_at[None], number, axis=0)  # and those in a text's references
        self._after_word = np.array(pieces.reads[WORD])
        self._tokens_of: dict[str, list[int]] = {}
        for token in np.flatnonzero(kinds == WORD).tolist():
            self._tokens_of.setdefault(pieces.words[token], []).append(token)
        self._tokens_in: dict[tuple[str, ...], np.ndarray] = {}
        self._states = np.zeros(number, np.int64)
        self._products = np.zeros(number)  # what of the scores depends on matches alone
        self._product = score.count_product if score.has_factors else _any_match
        self._values = np.zeros(number)
        self._written = np.ones(len(kinds) + 1, bool)  # tokens that are part of a text
        self._written[[*ends, len(kinds)]] = False
        self._unknown = np.zeros(number, np.int64)  # unknown words since `_Row` was looked at
        self._tails = np.zeros(number, np.int64)  # the last of them

    def begin(self, rows: Sequence[int], examples: Sequence[Example]) -> None:
        """Starts some texts.

        Args:
            rows: Their numbers.
            examples: Their examples, with references.
        """
        for row, example in zip(rows, examples, strict=True):
            self._begin(row, example)

    def _begin(self, row: int, example: Example) -> None:
        table = self._score.table(example.references)
        self._rows[row] = _Row(table)
        tokens = self._tokens_in.get(example.references)
        if tokens is None:
            if len(self._tokens_in) >= _CACHED_REFERENCES:
                self._tokens_in.clear()
            found = [token for word in table.vocabulary for token in self._tokens_of.get(word, ())]
            tokens = self._tokens_in[example.references] = np.array(found, np.int64)
        known = self._known[row]
        known[:] = self._looked_at
        known[tokens] = True
        self._states[row], self._products[row], self._unknown[row] = BREAK, 0.0, 0
        self._values[row] = 0.0

    def step(self, tokens: np.ndarray) -> np.ndarray:
        """Reads a token of each text. Returns their scores.

        Args:
            tokens: One of each text, int64 (number,); V for none.
        """
        (rows,) = self._written[tokens].nonzero()
        if len(rows):
            self._values[rows] = self.read(rows, tokens[rows])
        return self._values.copy()

    def read(self, rows: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Reads a token of some texts. Returns their scores.

        Args:
            rows: The numbers of the texts, each once.
            tokens: One token of each, which is no end token.
        """
        easy = self._after_word[self._states[rows]]
        easy &= ~self._known[rows, tokens]
        unknown = rows[easy]
        self._unknown[unknown] += 1
        self._tails[unknown] = tokens[easy]
        self._states[unknown] = WORD
        if len(unknown) < len(rows):
            others = ~easy
            self._read(rows[others], tokens[others].tolist())
        scores = np.zeros(len(rows))
        (matching,) = self._products[rows].nonzero()
        if len(matching):
            scores[matching] = self._scores(rows[matching])
        return scores

    def finish(self, rows: np.ndarray) -> list[float]:
        """Ends some texts. Returns their scores, exactly as from scratch."""
        scores = []
        for row, count in zip(rows.tolist(), self._unknown[rows].tolist(), strict=True):
            text = self._rows[row]
            assert text is not None
            text.matches.length += count
            scores.append(self._score.from_matches(text.matches))
        return scores

    def _read(self, rows: np.ndarray, tokens: Sequence[int]) -> None:
        """Reads a token of some texts one by one."""
        pieces, texts, product = self._pieces, self._rows, self._product
        kinds, words, reads = pieces.kinds, pieces.words, pieces.reads
        states, products = self._states[rows].tolist(), self._products[rows].tolist()
        unknown, tails = self._unknown[rows].tolist(), self._tails[rows].tolist()
        for at, number in enumerate(rows.tolist()):
            row, token, state = texts[number], tokens[at], states[at]
            assert row is not None
            matches = row.matches
            if count := unknown[at]:
                row.before = matches.node if count == 1 else 0
                row.tail, row.read, row.unknown = words[tails[at]], _NONE, 1
                matches.node = 0
                matches.length += count
            kind = kinds[token]
            if not reads[kind][state]:
                if kind != NOTHING:
                    states[at] = self._join(row, state, token)
                    products[at] = product(matches)
                continue
            states[at] = kind
            if kind == BREAK:
                row.before, row.read, row.unknown, row.tail = matches.node, _NONE, 0, ""
                continue
            word = words[token]
            if kind == WORD:  # it is known: the others are counted in arrays
                row.before, row.unknown, row.tail = matches.node, 0, word
                row.read = [matches.extend_by(row.vocabulary[word])]
            else:
                row.read, row.tail = [*row.read], row.tail + word
                self._read_word(row, word)
            products[at] = product(matches)
        self._states[rows], self._products[rows], self._unknown[rows] = states, products, 0

    def _read_word(self, row: _Row, word: str) -> None:
        known = row.vocabulary.get(word)
        if known is None:
            row.unknown += 1
            row.matches.node = 0
            row.matches.length += 1
        else:
            row.read.append(row.matches.extend_by(known))

    def _scores(self, rows: np.ndarray) -> list[float]:
        """Returns the scores of texts that match in some token."""
        score, texts = self._score, self._rows
        least = score.max_order if score.has_factors else _NEVER
        scores = []
        numbers, products, unknown = (
            rows.tolist(),
            self._products[rows].tolist(),
            self._unknown[rows].tolist(),
        )
        for number, product, count in zip(numbers, products, unknown, strict=True):
            row = texts[number]
            assert row is not None
            length, reference = row.matches.length + count, row.reference
            if length < least or not reference:
                row.matches.length = length
                scores.append(score.prefix_score(row.matches))
                row.matches.length = length - count
                continue
            scores.append(sqrt(sqrt(product * score.factor(length, reference))))
        return scores

    def _join(self, row: _Row, state: int, token: int) -> int:
        """Reads a piece that changes the unfinished word. Returns the state of the text."""
        added, row.rest, tight = self._pieces.added(state, row.rest, token)
        text = row.tail + added
        at = cut_13a(text, 0)
        matches = row.matches
        for found in row.read:
            matches.take_back(Read(1, row.before, [found]))
        matches.length -= row.unknown
        matches.node = row.before
        if at:
            matches.extend(tokens_within(text[:at]))
            text = text[at:]
        row.before, row.read, row.unknown, row.tail = matches.node, [], 0, text
        for word in self._last(text + row.rest.decode(errors="replace")):
            self._read_word(row, word)
        if row.rest:
            return OTHER
        ends = (WORD if text.isalnum() else OTHER) if text else BREAK
        return ends if tight is (ends == BREAK) else TIGHT_OF[ends]


def _any_match(matches: Matches) -> float:
    return float(matches.correct[1])
