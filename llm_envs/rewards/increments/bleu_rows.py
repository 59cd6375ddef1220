"""BLEU of many growing texts, for vector environments: one loop over rows, with little to do for most tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, inf
from typing import Protocol

from llm_envs.episode import Example
from llm_envs.rewards.bleu_tokens import tokenizer, tokens_within
from llm_envs.rewards.increments.bleu_words import cut_13a
from llm_envs.rewards.ngram_table import Matches, NgramTable, Read

Piece = tuple[str | None, bool, bool]
"""The text of a token (None for a marker), and whether it binds to its left and right."""

_WORD, _BREAK, _MARK, _OTHER, _NOTHING = range(5)
"""What a token is, and what a text ends with: a word, white space (or nothing), a mark after a word, or else."""

# A text that ends with white space is usually followed without another space, one that ends with a word by a
# space. These states are the other way round.
_SPACED_BREAK, _TIGHT_WORD, _TIGHT_OTHER = 5, 6, 7
_TIGHT_OF = {_BREAK: _SPACED_BREAK, _WORD: _TIGHT_WORD, _OTHER: _TIGHT_OTHER}
_TIGHT = frozenset([_BREAK, _TIGHT_WORD, _TIGHT_OTHER])

_READS = [[False] * 8 for _ in range(5)]
"""_READS[token][state]: whether the words before the token stay as they are."""
_READS[_WORD] = [state in (_WORD, _BREAK, _MARK, _SPACED_BREAK) for state in range(8)]
_READS[_BREAK] = [state in (_WORD, _BREAK, _MARK, _SPACED_BREAK, _TIGHT_WORD) for state in range(8)]
_READS[_MARK] = [state in (_WORD, _TIGHT_WORD) for state in range(8)]
_NONE: list[int] = []
_MARKS = frozenset(".,!?:;)]}%")  # tokens of 13a of their own after a letter or digit at the end of a text


class Score(Protocol):
    """BLEU of clipped counts."""

    max_order: int

    @property
    def has_log_counts(self) -> bool:
        """True if scores can be had from `log_counts`."""
        ...

    @property
    def table(self) -> Callable[[tuple[str, ...]], NgramTable]:
        """Gives the n-grams of some references."""
        ...

    def log_counts(self, matches: Matches) -> float:
        """Returns what of the score depends on matches alone, -inf for none."""
        ...

    def log_totals(self, length: int) -> list[float]:
        """Returns what is subtracted for the length, up to a length."""
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
        logs: What of the score depends on matches alone.
        reference: The length of the one reference, 0 if there are several.
        state: What the text ends with, and whether the next piece follows without a space (see `_READS`).
        tail: The unfinished word, which is all of it that may still be tokenised in another way.
        before: The node of `matches` before the tail.
        read: The n-grams that the known words of the tail end.
        unknown: The number of words of the tail that are in no reference.
    """

    __slots__ = (
        "before",
        "logs",
        "matches",
        "read",
        "reference",
        "state",
        "tail",
        "unknown",
        "vocabulary",
    )

    def __init__(self, table: NgramTable) -> None:
        self.matches = Matches(table)
        self.vocabulary = table.vocabulary
        self.reference = table.lengths[0] if len(table.lengths) == 1 else 0
        self.logs = -inf
        self.state = _BREAK
        self.tail = ""
        self.before = self.unknown = 0
        self.read: list[int] = []


class BleuRows:
    """BLEU of the growing prefixes of many texts of whole pieces.

    Most pieces are a word after a space, a mark, or a line break. These change nothing in the words before
    them. Other pieces are joined to the unfinished word, and that is tokenised again.

    Args:
        score: BLEU of clipped counts.
        pieces: For every token its text, and how it binds.
        number: The number of texts.
    """

    def __init__(self, score: Score, pieces: Sequence[Piece], number: int) -> None:
        self._score, self._pieces = score, pieces
        self._kinds = [_kind(*piece) for piece in pieces]
        self._words = [piece[0] or "" for piece in pieces]
        self._rows: list[_Row | None] = [None] * number
        self._last = tokenizer("13a")

    def begin(self, row: int, example: Example) -> None:
        """Starts a text.

        Args:
            row: Its number.
            example: Its example, with references.
        """
        self._rows[row] = _Row(self._score.table(example.references))

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> list[float]:
        """Reads a token of some texts. Returns their scores.

        Args:
            rows: The numbers of the texts.
            tokens: One token of each.
        """
        texts, kinds, words, score, reads = self._rows, self._kinds, self._words, self._score, _READS
        order = score.max_order
        least = order if score.has_log_counts else inf
        totals = score.log_totals(0)
        scores = [0.0] * len(rows)
        for at, token in enumerate(tokens):
            row = texts[rows[at]]
            kind = kinds[token]
            matches = row.matches  # type: ignore[union-attr]
            if not reads[kind][row.state]:
                if kind != _NOTHING:
                    self._join(row, token)
            elif kind == _WORD:
                row.before = matches.node
                row.tail = word = words[token]
                row.state = _WORD
                known = row.vocabulary.get(word)
                if known is None:
                    row.read, row.unknown = _NONE, 1
                    matches.node = 0
                    matches.length += 1
                else:
                    row.read, row.unknown = [matches.extend_by(known)], 0
                    row.logs = score.log_counts(matches)
            elif kind == _BREAK:
                row.before, row.read, row.unknown = matches.node, _NONE, 0
                row.tail, row.state = "", _BREAK
            else:
                row.tail += words[token]
                row.state = _MARK
                known = row.vocabulary.get(words[token])
                if known is None:
                    row.unknown += 1
                    matches.node = 0
                    matches.length += 1
                else:
                    row.read = [*row.read, matches.extend_by(known)]
                    row.logs = score.log_counts(matches)
            logs = row.logs
            if logs != -inf:
                length, reference = matches.length, row.reference
                if length < least or not reference:
                    scores[at] = score.prefix_score(matches)
                    continue
                if length >= len(totals):
                    totals = score.log_totals(2 * length)
                log_precision = (logs - totals[length]) / order
                if length < reference:
                    scores[at] = exp(log_precision + 1.0 - reference / length)
                else:
                    scores[at] = min(1.0, exp(log_precision))
        return scores

    def finish(self, row: int, token: int | None) -> float:
        """Ends a text. Returns its score, exactly as from scratch.

        Args:
            row: Its number.
            token: Its last token, None if that is no part of the text.
        """
        if token is not None:
            self.step([row], [token])
        text = self._rows[row]
        assert text is not None
        return self._score.from_matches(text.matches)

    def _join(self, row: _Row, token: int) -> None:
        """Reads a piece that changes the unfinished word."""
        piece, binds_left, binds_right = self._pieces[token]
        assert piece is not None
        text = row.tail + (piece if row.state in _TIGHT or binds_left else " " + piece)
        at = cut_13a(text, 0)
        matches = row.matches
        for found in row.read:
            matches.take_back(Read(1, row.before, [found]))
        matches.length -= row.unknown
        matches.node = row.before
        if at:
            matches.extend(tokens_within(text[:at]))
            text = text[at:]
        row.before = matches.node
        row.read = read = []
        row.unknown = 0
        for word in self._last(text):
            known = row.vocabulary.get(word)
            if known is None:
                row.unknown += 1
                matches.node = 0
                matches.length += 1
            else:
                read.append(matches.extend_by(known))
        row.logs = self._score.log_counts(matches)
        row.tail = text
        ends = (_WORD if text.isalnum() else _OTHER) if text else _BREAK
        row.state = ends if binds_right is (ends == _BREAK) else _TIGHT_OF[ends]


def _kind(piece: str | None, binds_left: bool, binds_right: bool) -> int:
    """Returns what a token is."""
    if piece is None or piece == "":
        return _NOTHING if piece is None else _OTHER
    if piece == "\n":
        return _BREAK if binds_left and binds_right else _OTHER
    if piece in _MARKS:
        return _MARK if binds_left and not binds_right else _OTHER
    return _WORD if piece.isalnum() and not (binds_left or binds_right) else _OTHER
