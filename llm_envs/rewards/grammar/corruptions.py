"""Texts that are no language, made from texts that are: what a fluency reward must tell apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from random import Random

from llm_envs.tokenizers.words import is_word

_BREAK = "\n"
_END = "</s>"
_LONGEST = 80
_TRIES = 4
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

Corruption = Callable[[Sequence[str], Random, "Stock"], list[str]]


class Stock:
    """What corruptions draw from.

    Attributes:
        words: Every word of the texts as often as it occurs.
        content: The different words that are no function words, sorted.
        function: The function words as often as they occur.
        after: A token -> the tokens that follow it, as often as they do.
        after_two: Two tokens -> likewise.
    """

    def __init__(self, texts: Iterable[Sequence[str]], is_function: Callable[[str], bool]) -> None:
        self.words: list[str] = []
        self.after: dict[str, list[str]] = defaultdict(list)
        self.after_two: dict[tuple[str, str], list[str]] = defaultdict(list)
        for tokens in texts:
            before = last = _BREAK
            for token in (*tokens, _END):
                self.after[last].append(token)
                self.after_two[before, last].append(token)
                before, last = last, token
                if token != _END and is_word(token):
                    self.words.append(token)
        types = sorted(set(self.words))
        functions = {word for word in types if is_function(word)}
        self.content = [word for word in types if word not in functions] or types
        self.function = [word for word in self.words if word in functions] or self.words
        self._functions = functions

    def is_function(self, token: str) -> bool:
        """Returns True for a function word of the texts."""
        return token in self._functions

    def is_content(self, token: str) -> bool:
        """Returns True for any other word."""
        return is_word(token) and token not in self._functions


def shuffle_words(tokens: Sequence[str], rng: Random, stock: Stock) -> list[str]:
    """Returns the words in random order. Punctuation and line breaks stay."""
    words = [token for token in tokens if is_word(token)]
    rng.shuffle(words)
    rest = iter(words)
    return [next(rest) if is_word(token) else token for token in tokens]


def shuffle_lines(tokens: Sequence[str], rng: Random, stock: Stock) -> list[str]:
    """Returns each line with its words in random order."""
    found: list[str] = []
    for line in _lines(tokens):
        found += [*shuffle_words(line, rng, stock), _BREAK]
    return found[:-1]


def swap_neighbours(tokens: Sequence[str], rng: Random, stock: Stock, *, count: int) -> list[str]:
    """Returns the text with some pairs of neighbouring words exchanged."""
    found = list(tokens)
    places = [i for i in range(len(found) - 1) if is_word(found[i]) and is_word(found[i + 1])]
    for i in rng.sample(places, min(count, len(places))):
        found[i], found[i + 1] = found[i + 1], found[i]
    return found


def replace_words(tokens: Sequence[str], rng: Random, stock: Stock, *, share: float) -> list[str]:
    """Returns the text with a share of its words replaced by words drawn by frequency."""
    return _replaced(tokens, rng, is_word, stock.words, share)


def replace_content(tokens: Sequence[str], rng: Random, stock: Stock, *, share: float) -> list[str]:
    """Returns the text with content words replaced by other content words, whatever their class."""
    return _replaced(tokens, rng, stock.is_content, stock.content, share)


def replace_function(tokens: Sequence[str], rng: Random, stock: Stock, *, share: float) -> list[str]:
    """Returns the text with function words replaced by other function words."""
    return _replaced(tokens, rng, stock.is_function, stock.function, share)


def drop_function(tokens: Sequence[str], rng: Random, stock: Stock, *, share: float) -> list[str]:
    """Returns the text without a share of its function words, at least two."""
    gone = _chosen(tokens, rng, stock.is_function, share, 2)
    return [token for i, token in enumerate(tokens) if i not in gone]


def double_function(tokens: Sequence[str], rng: Random, stock: Stock, *, share: float) -> list[str]:
    """Returns the text with a share of its function words written twice."""
    twice = _chosen(tokens, rng, stock.is_function, share, 1)
    return [copy for i, token in enumerate(tokens) for copy in ([token] * (2 if i in twice else 1))]


def follow_pairs(tokens: Sequence[str], rng: Random, stock: Stock, *, order: int, asked: int) -> list[str]:
    """Returns a text of likely n-grams, of about the same length, with random words put in.

    Args:
        tokens: The text whose length is wanted.
        rng: The source of randomness.
        stock: What to draw from.
        order: 2 or 3, the number of tokens in an n-gram.
        asked: How many content words are replaced by random ones, as if a request named them.
    """
    texts = [_chain(rng, stock, order) for _ in range(_TRIES)]
    text = min(texts, key=lambda made: abs(len(made) - len(tokens)))
    places = [i for i, token in enumerate(text) if stock.is_content(token)]
    for i in rng.sample(places, min(asked, len(places))):
        text[i] = rng.choice(stock.content)
    return text


def repeat_line(tokens: Sequence[str], rng: Random, stock: Stock) -> list[str]:
    """Returns one line of the text as a frame that is repeated with two other content words each time."""
    lines = _lines(tokens)
    line = rng.choice(lines)
    found: list[str] = []
    for _ in range(max(2, len(lines))):
        copy = list(line)
        places = [i for i, token in enumerate(copy) if stock.is_content(token)]
        for i in rng.sample(places, min(2, len(places))):
            copy[i] = rng.choice(stock.content)
        found += [*copy, _BREAK]
    return found[:-1]


def misspell(tokens: Sequence[str], rng: Random, stock: Stock) -> list[str]:
    """Returns the text with random letters for words."""
    return ["".join(rng.choices(_LETTERS, k=len(token))) if is_word(token) else token for token in tokens]


CORRUPTIONS: dict[str, Corruption] = {
    "words shuffled": shuffle_words,
    "words shuffled in lines": shuffle_lines,
    "two neighbours exchanged": partial(swap_neighbours, count=2),
    "four neighbours exchanged": partial(swap_neighbours, count=4),
    "a quarter of words replaced": partial(replace_words, share=0.25),
    "a third of content words replaced": partial(replace_content, share=0.34),
    "content words replaced": partial(replace_content, share=1.0),
    "a third of function words dropped": partial(drop_function, share=0.34),
    "a third of function words replaced": partial(replace_function, share=0.34),
    "likely pairs": partial(follow_pairs, order=2, asked=0),
    "likely pairs with words asked for": partial(follow_pairs, order=2, asked=3),
    "likely triples with words asked for": partial(follow_pairs, order=3, asked=3),
    "a line as a frame": repeat_line,
    "random letters": misspell,
}
"""The corruptions that `fluency` learns from. Others are held out for tests."""


def _lines(tokens: Sequence[str]) -> list[list[str]]:
    lines: list[list[str]] = [[]]
    for token in tokens:
        if token == _BREAK:
            lines.append([])
        else:
            lines[-1].append(token)
    return lines


def _chosen(
    tokens: Sequence[str], rng: Random, wanted: Callable[[str], bool], share: float, least: int
) -> set[int]:
    places = [i for i, token in enumerate(tokens) if wanted(token)]
    count = max(least, int(share * len(places) + rng.random()))
    return set(rng.sample(places, min(count, len(places))))


def _replaced(
    tokens: Sequence[str], rng: Random, wanted: Callable[[str], bool], pool: Sequence[str], share: float
) -> list[str]:
    found = list(tokens)
    for i in sorted(_chosen(tokens, rng, wanted, share, 1)):
        found[i] = rng.choice(pool)
    return found


def _chain(rng: Random, stock: Stock, order: int) -> list[str]:
    found: list[str] = []
    before = last = _BREAK
    while len(found) < _LONGEST:
        token = rng.choice(stock.after[last] if order == 2 else stock.after_two[before, last])
        if token == _END:
            break
        found.append(token)
        before, last = last, token
    return found
