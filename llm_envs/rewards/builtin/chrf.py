"""Sentence-level chrF and chrF++, equal to sacrebleu's."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from string import punctuation
from typing import NamedTuple

from llm_envs.checks.types import fits
from llm_envs.episode import Episode, Example
from llm_envs.rewards.increments.chrf import ChrfIncrement, Kind
from llm_envs.rewards.increments.growing_tokens import (
    Cut,
    GrowingTokens,
    Split,
    cut_anywhere,
    cut_at_space,
    unless_sigma,
)
from llm_envs.rewards.ngram_table import NgramTable, TableCache
from llm_envs.rewards.signatures import number_text
from llm_envs.tokenizers.words import ngrams_of

_CACHED_REFERENCES = 2048
_PUNCTUATION = frozenset(punctuation)

_Counts = dict[str, int]


class _Order(NamedTuple):
    """The n-grams of one order with their counts, and how many there are in all."""

    counts: _Counts
    total: int


class _Statistics(NamedTuple):
    """N-grams of one order: in the text, in the reference, in both."""

    text: int
    reference: int
    both: int


class Chrf:
    """Character n-gram F-score against the best reference, 0 to 1 (Popović 2015, 2017; Post 2018).

    Equal to `sacrebleu.CHRF(...).sentence_score(text, references).score / 100`. Precision and recall are
    averaged over the orders that both sides have.

    Args:
        char_order: The longest character n-gram.
        word_order: The longest word n-gram; 2 makes it chrF++.
        beta: How much more recall counts than precision.
        lowercase: Ignore case.
        whitespace: Count white space as characters.
    """

    needs_references = True

    def __init__(
        self,
        *,
        char_order: int = 6,
        word_order: int = 0,
        beta: float = 2,
        lowercase: bool = False,
        whitespace: bool = False,
    ) -> None:
        for name, order, least in (("char_order", char_order, 1), ("word_order", word_order, 0)):
            if not fits(order, int) or order < least:
                raise ValueError(f"{name} is a whole number from {least}, got {order!r}")
        if not beta > 0:
            raise ValueError(f"beta is a number above 0, got {beta!r}")
        self.char_order = char_order
        self.word_order = word_order
        self._factor = float(beta) ** 2
        self._lowercase = lowercase
        self._whitespace = whitespace
        self._char_tables, self._word_tables = TableCache(self._char_table), TableCache(self._word_table)
        self._tables: OrderedDict[tuple[str, ...], list[list[_Order]]] = OrderedDict()
        self.signature = (
            f"chrf|nc:{char_order}|nw:{word_order}|beta:{number_text(beta)}"
            f"|space:{'yes' if whitespace else 'no'}"
            f"|case:{'lc' if lowercase else 'mixed'}|eff:yes|v1"
        )

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_tables": OrderedDict()}

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        text = self.prepared(episode.text)
        orders = self.orders(text)
        return max(
            self.f_score([_compare(h, r) for h, r in zip(orders, reference, strict=True)])
            for reference in self.references(episode)
        )

    def increment(self, example: Example) -> ChrfIncrement | None:
        """Returns chrF of the growing prefixes of one text."""
        if not example.references:
            return None
        kinds = [self._kind(self.characters, cut_anywhere, self._char_tables, example.references)]
        if self.word_order:
            kinds.append(self._kind(_words, cut_at_space, self._word_tables, example.references))
        return ChrfIncrement(kinds, self._score_of)

    def _kind(self, split: Split, cut: Cut, tables: TableCache, references: tuple[str, ...]) -> Kind:
        """Returns a reader of characters or words, and their n-grams in every reference."""
        reader = GrowingTokens(split, cut)
        if self._lowercase:
            reader = GrowingTokens(lambda text: split(text.lower()), unless_sigma(cut))
        return reader, [tables((reference,)) for reference in references]

    def _char_table(self, references: tuple[str, ...]) -> NgramTable:
        return NgramTable([self.characters(self.prepared(text)) for text in references], self.char_order)

    def _word_table(self, references: tuple[str, ...]) -> NgramTable:
        return NgramTable([_words(self.prepared(text)) for text in references], self.word_order)

    def _score_of(self, counts: Sequence[tuple[int, int, int]]) -> float:
        return self.f_score([_Statistics(*of_order) for of_order in counts])

    def prepared(self, text: str) -> str:
        """Returns the text in the case that is compared."""
        return text.lower() if self._lowercase else text

    def characters(self, text: str) -> str:
        """Returns the characters that make n-grams."""
        return text if self._whitespace else "".join(text.split())

    def orders(self, text: str) -> list[_Order]:
        """Returns the n-grams of a prepared text: characters by order, then words by order."""
        return _char_orders(self.characters(text), self.char_order) + word_orders(text, self.word_order)

    def references(self, episode: Episode) -> list[list[_Order]]:
        """Returns the n-grams of every reference, cached."""
        references = episode.example.references
        if not references:
            raise ValueError("chrf needs references, and this example has none")
        tables = self._tables.get(references)
        if tables is not None:
            self._tables.move_to_end(references)
            return tables
        tables = [self.orders(self.prepared(reference)) for reference in references]
        self._tables[references] = tables
        if len(self._tables) > _CACHED_REFERENCES:
            self._tables.popitem(last=False)
        return tables

    def f_score(self, statistics: Sequence[_Statistics]) -> float:
        """Returns F_beta of mean precision and mean recall over the orders both sides have."""
        precision, recall, orders = 0.0, 0.0, 0
        for text, reference, both in statistics:
            if text and reference:
                precision += both / text
                recall += both / reference
                orders += 1
        if not precision + recall:
            return 0.0
        precision, recall = precision / orders, recall / orders
        return (1 + self._factor) * precision * recall / (self._factor * precision + recall)


def _compare(text: _Order, reference: _Order) -> _Statistics:
    h, r = text.counts, reference.counts
    shared = sum([min(h[gram], r[gram]) for gram in h.keys() & r])
    return _Statistics(text.total, reference.total, shared)


def word_orders(text: str, max_order: int) -> list[_Order]:
    """Returns the word n-grams by order. Punctuation at a word's start or end is a token of its own."""
    if not max_order:
        return []
    words = _words(text)
    grams = [ngrams_of(words, n) for n in range(1, max_order + 1)]
    return [_Order(Counter(of_order), len(of_order)) for of_order in grams]


def _words(text: str) -> list[str]:
    words: list[str] = []
    for word in text.split():
        if len(word) > 1 and word[-1] in _PUNCTUATION:
            words += (word[:-1], word[-1])
        elif len(word) > 1 and word[0] in _PUNCTUATION:
            words += (word[0], word[1:])
        else:
            words.append(word)
    return words


def _char_orders(characters: str, max_order: int) -> list[_Order]:
    starts = range(len(characters))
    grams = [
        [characters[i : i + n] for i in starts[: max(0, len(characters) - n + 1)]]
        for n in range(1, max_order + 1)
    ]
    return [_Order(Counter(of_order), len(of_order)) for of_order in grams]
