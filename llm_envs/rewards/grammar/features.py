"""Measures of a text by which sentences and word salad differ, all of them bounded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llm_envs.rewards.grammar.class_model import ClassModel
from llm_envs.rewards.grammar.lexicon import FINITE, english
from llm_envs.rewards.grammar.word_classes import WordClasses
from llm_envs.rewards.ngram_model import NgramModel
from llm_envs.tokenizers.words import is_word

_MOST = 1.0  # nats of evidence that one place can bring
_LEAST = -5.0
_WINDOW = 3
_SENTENCE = 3  # words from which on a piece between full stops should have a verb
_STOPS = frozenset(".?!;:")
_VOWELS = frozenset("aeiou")
_STRICT = 20  # successors after which a word is known to want vowels, or none, after it
_DEVIATIONS = 3.0

FEATURES = (
    "classes",
    "items",
    "words",
    "worst fifth",
    "worst window",
    "verbless",
    "repeated pairs",
    "repeated triples",
    "unlisted words",
    "wrong onsets",
    "typical items",
    "likely items",
    "typical words",
    "likely words",
    "typical function words",
)
"""Their names. "Typical" is the squared distance from real texts, so too likely counts as too unlikely does."""

Vector = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """The measures of one text.

    Attributes:
        bounded: The features that need no calibration, in the order of FEATURES.
        levels: Mean log-probability of an item and of a token, and the share of function words.
    """

    bounded: Vector
    levels: tuple[float, float, float]


class Onsets:
    """Which words want a vowel after them, and which none, such as "an" and "a"."""

    def __init__(self, texts: Iterable[Sequence[str]]) -> None:
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for tokens in texts:
            for word, after in zip(tokens, tokens[1:], strict=False):
                if is_word(word) and is_word(after):
                    counts[word][after[0] in _VOWELS] += 1
        self._wants = {
            word: bool(vowel)
            for word, (other, vowel) in counts.items()
            if other + vowel >= _STRICT and 0 in (other, vowel)
        }

    def wrong(self, tokens: Sequence[str]) -> int:
        """Returns how many words are followed by an initial that train texts never have after them."""
        wants = self._wants
        count = 0
        for word, after in zip(tokens, tokens[1:], strict=False):
            if word in wants and is_word(after) and (after[0] in _VOWELS) is not wants[word]:
                count += 1
        return count


class Measures:
    """Measures texts under models of the train texts.

    Args:
        classes: The classes of words.
        class_model: N-grams of classes and items.
        word_model: N-grams of words.
        onsets: The initials that follow words.
    """

    def __init__(
        self, classes: WordClasses, class_model: ClassModel, word_model: NgramModel, onsets: Onsets
    ) -> None:
        self.classes, self.class_model, self.word_model, self.onsets = (
            classes,
            class_model,
            word_model,
            onsets,
        )

    def __call__(self, tokens: Sequence[str]) -> Measured:
        """Returns the measures of a text with at least one word."""
        items, classes = self.classes(tokens)
        places = self.class_model.places(items, classes)
        scored = self.word_model.score_tokens(tokens)
        evidence = [min(_MOST, max(_LEAST, place.classes)) for place in places]
        size = len(places)
        fifth = max(1, size // 5)
        sums = [a + b + c for a, b, c in zip(evidence, evidence[1:], evidence[2:], strict=False)]
        words = [token for token in tokens if is_word(token)]
        count = len(words)
        model, is_function = self.word_model, self.classes.is_function_word
        unseen = [word for word in words if model.is_unknown(word)]
        unlisted = len(unseen)
        if self.classes.is_english:
            known = english()
            unlisted = sum(word not in known for word in unseen)
        bounded = (
            sum(evidence) / size,
            sum(min(_MOST, max(_LEAST, place.items)) for place in places) / size,
            sum(min(_MOST, max(_LEAST, token.evidence)) for token in scored) / size,
            sum(sorted(evidence)[:fifth]) / fifth,
            (min(sums) if sums else sum(evidence)) / _WINDOW,
            _verbless(tokens, classes) if self.classes.is_english else 0.0,
            _repeated(list(zip(tokens, tokens[1:], strict=False))),
            _repeated(list(zip(items, items[1:], items[2:], strict=False))),
            unlisted / count,
            min(2.0, float(self.onsets.wrong(tokens))),
        )
        levels = (
            sum(place.logprob for place in places) / size,
            sum(token.logprob for token in scored) / size,
            sum(map(is_function, words)) / count,
        )
        return Measured(bounded, levels)


@dataclass(frozen=True, slots=True)
class Typical:
    """Means and standard deviations of the levels of real texts."""

    means: tuple[float, ...]
    deviations: tuple[float, ...]

    @classmethod
    def of(cls, texts: Sequence[Measured]) -> Typical:
        """Returns those of some texts."""
        columns = list(zip(*(text.levels for text in texts), strict=True))
        means = tuple(sum(column) / len(column) for column in columns)
        spreads = (
            (sum((value - mean) ** 2 for value in column) / len(column)) ** 0.5
            for column, mean in zip(columns, means, strict=True)
        )
        return cls(means, tuple(max(spread, 0.05) for spread in spreads))

    def vector(self, text: Measured) -> Vector:
        """Returns a text's value of every feature."""
        items, words, function = (
            min(_DEVIATIONS, max(-_DEVIATIONS, (value - mean) / spread))
            for value, mean, spread in zip(text.levels, self.means, self.deviations, strict=True)
        )
        return (*text.bounded, items * items, items, words * words, words, function * function)


def _verbless(tokens: Sequence[str], classes: Sequence[str]) -> float:
    """Returns the share of sentences of three words or more that have no finite verb."""
    sentences = lacking = length = 0
    has_verb = False
    for token, tag in zip((*tokens, "."), (*classes, "."), strict=True):
        if token in _STOPS:
            if length:
                sentences += 1
                lacking += length >= _SENTENCE and not has_verb
            length, has_verb = 0, False
        elif is_word(token):
            length += 1
            has_verb = has_verb or tag in FINITE
    return lacking / max(1, sentences)


def _repeated(ngrams: Sequence[tuple[str, ...]]) -> float:
    return 1.0 - len(set(ngrams)) / len(ngrams) if ngrams else 0.0
