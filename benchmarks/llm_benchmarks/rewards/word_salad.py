"""Corruptions of references that no reward has learned from: the held-out kinds of word salad.

`llm_envs.rewards.grammar.corruptions` has the kinds that `fluency` learns from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from llm_envs.rewards.grammar.corruptions import (
    Corruption,
    Stock,
    double_function,
    drop_function,
    follow_pairs,
    swap_neighbours,
)
from llm_envs.rewards.grammar.lexicon import OPEN, paradigms
from llm_envs.rewards.grammar.word_classes import WordClasses
from llm_envs.tokenizers.words import is_word, tokens_of

_BREAK = "\n"
_OTHER = {"V": "Z", "Z": "V", "D": "G", "G": "D", "N": "P", "P": "N"}


class Salad:
    """Corrupts texts with words of the train texts.

    Args:
        train_texts: The train texts.
    """

    def __init__(self, train_texts: Sequence[str]) -> None:
        sequences = [tokens_of(text) for text in train_texts]
        self.classes = WordClasses(sequences)
        self.stock = Stock(sequences, self.classes.is_function_word)
        by_class: dict[str, set[str]] = {}
        for tokens in sequences:
            for token, tag in zip(tokens, self.classes(tokens)[1], strict=True):
                if tag in OPEN:
                    by_class.setdefault(tag, set()).add(token)
        self.by_class = {tag: sorted(words) for tag, words in by_class.items()}

    def held_out(self) -> dict[str, Callable[[Sequence[str], Random], list[str]]]:
        """Returns the held-out corruptions by name."""
        made: dict[str, Corruption] = {
            "function words doubled": partial(double_function, share=0.34),
            "most function words dropped": partial(drop_function, share=0.8),
            "three neighbours exchanged": partial(swap_neighbours, count=3),
            "likely triples": partial(follow_pairs, order=3, asked=0),
            "lines backwards": _lines_backwards,
        }
        return {
            **{name: partial(self._corrupt, corruption) for name, corruption in made.items()},
            "agreement broken": self.break_agreement,
            "words exchanged across classes": partial(self.exchange, across=True),
            "words exchanged within classes": partial(self.exchange, across=False),
        }

    def _corrupt(self, corruption: Corruption, tokens: Sequence[str], rng: Random) -> list[str]:
        return corruption(tokens, rng, self.stock)

    def break_agreement(self, tokens: Sequence[str], rng: Random) -> list[str]:
        """Returns the text with the number and the tense of two in three nouns and verbs changed."""
        found = list(tokens)
        classes = self.classes(tokens)[1]
        for i, (token, tag) in enumerate(zip(tokens, classes, strict=True)):
            forms = paradigms().get((token, tag))
            other = forms.get(_OTHER[tag]) if forms and tag in _OTHER else None
            if other and other != token and rng.random() < 0.67:
                found[i] = other
        return found

    def exchange(self, tokens: Sequence[str], rng: Random, *, across: bool) -> list[str]:
        """Returns the text with two in three content words replaced, by words of the class or of others."""
        found = list(tokens)
        for i, (token, tag) in enumerate(zip(tokens, self.classes(tokens)[1], strict=True)):
            if tag in self.by_class and is_word(token) and rng.random() < 0.67:
                if across:
                    tag = rng.choice([other for other in sorted(self.by_class) if other != tag])
                found[i] = rng.choice(self.by_class[tag])
        return found


def _lines_backwards(tokens: Sequence[str], rng: Random, stock: Stock) -> list[str]:
    found: list[str] = []
    line: list[str] = []
    for token in (*tokens, _BREAK):
        if token == _BREAK:
            words = iter([word for word in reversed(line) if is_word(word)])
            found += [next(words) if is_word(word) else word for word in line] + [_BREAK]
            line = []
        else:
            line.append(token)
    return found[:-1]
