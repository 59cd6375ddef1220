"""BLEU of many growing texts, for vector environments: one loop over rows, with little to do for most tokens."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Protocol

from llm_envs.episode import Example
from llm_envs.rewards.bleu_tokens import tokenizer, tokens_within
from llm_envs.rewards.increments.bleu_words import cut_13a
from llm_envs.rewards.ngram_table import Matches, NgramTable, Read

Piece = tuple[str | None, bool, bool]
"""The text of a token (None for a marker), and whether it binds to its left and right."""

_WORD, _BREAK, _MARK, _NOTHING, _OTHER = range(5)  # what a token is
_MARKS = frozenset(".,!?:;)]}%")  # tokens of 13a of their own after a letter or digit at the end of a text


class Score(Protocol):
    """BLEU of clipped counts."""

    max_order: int

    @property
    def has_log_counts(self) -> bool:
        """True if `log_counts` can be kept while nothing matches."""
        ...

    def table(self, references: tuple[str, ...]) -> NgramTable:
        """Returns the n-grams of some references."""
        ...

    def log_counts(self, matches: Matches) -> float:
        """Returns what of the score depends on matches alone."""
        ...

    def from_logs(self, log_counts: float, length: int, table: NgramTable) -> float:
        """Returns the score from `log_counts` and the length."""
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
        end: What the text ends with: _WORD (a whole word or the letters of one), _BREAK (nothing or white
            space), _MARK (a word and a mark), or _OTHER.
        tight: True if the next piece follows without a space.
        tail: The unfinished word, which is all of it that may still be tokenised in another way.
        before: The node of `matches` before the tail.
        read: What `matches` has read of the tail, but for words that are in no reference.
        unknown: The number of those.
    """

    __slots__ = ("before", "end", "logs", "matches", "read", "tail", "tight", "unknown", "vocabulary")

    def __init__(self, table: NgramTable) -> None:
        self.matches = Matches(table)
        self.vocabulary = table.vocabulary
        self.logs = -inf
        self.end, self.tight = _BREAK, True
        self.tail = ""
        self.before = 0
        self.read: list[Read] = []
        self.unknown = 0


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
        texts, kinds, pieces, score = self._rows, self._kinds, self._pieces, self._score
        least, logs_stay = score.max_order, score.has_log_counts
        scores: list[float] = []
        add = scores.append
        for number, token in zip(rows, tokens, strict=True):
            row = texts[number]
            assert row is not None
            kind, end, matches = kinds[token], row.end, row.matches
            if kind == _WORD and (end == _BREAK if row.tight else end != _OTHER):
                word = pieces[token][0]
                row.before = matches.node
                if word in row.vocabulary:
                    row.read, row.unknown = [matches.extend((word,))], 0
                    row.logs = score.log_counts(matches)
                else:
                    row.read, row.unknown = [], 1
                    matches.node = 0
                    matches.length += 1
                row.tail, row.end, row.tight = word, _WORD, False
            elif kind == _BREAK and end != _OTHER:
                row.before, row.read, row.unknown = matches.node, [], 0
                row.tail, row.end, row.tight = "", _BREAK, True
            elif kind == _MARK and end == _WORD:
                mark, _, row.tight = pieces[token]
                row.read.append(matches.extend((mark,)))
                row.logs = score.log_counts(matches)
                row.tail += mark
                row.end = _MARK
            elif kind != _NOTHING:
                self._join(row, token)
            if row.logs == -inf:
                add(0.0)
            elif logs_stay and matches.length >= least:
                add(score.from_logs(row.logs, matches.length, matches.table))
            else:
                add(score.prefix_score(matches))
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
        text = row.tail + (piece if row.tight or binds_left else " " + piece)
        at = cut_13a(text, 0)
        matches = row.matches
        for read in reversed(row.read):
            matches.take_back(read)
        matches.length -= row.unknown
        matches.node = row.before
        if at:
            matches.extend(tokens_within(text[:at]))
            text = text[at:]
        row.before, row.unknown = matches.node, 0
        row.read = [matches.extend(self._last(text))]
        row.logs = self._score.log_counts(matches)
        row.tail, row.tight = text, binds_right
        row.end = (_WORD if text.isalnum() else _OTHER) if text else _BREAK


def _kind(piece: str | None, binds_left: bool, binds_right: bool) -> int:
    """Returns what a token is."""
    if piece is None or piece == "":
        return _NOTHING if piece is None else _OTHER
    if piece == "\n":
        return _BREAK if binds_left and binds_right else _OTHER
    if piece in _MARKS:
        return _MARK if binds_left else _OTHER
    return _WORD if piece.isalnum() and not (binds_left or binds_right) else _OTHER
