"""Measures of a text by which sentences and word salad differ, all of them bounded."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log1p

from llm_envs.rewards.grammar.class_model import ClassModel, bounded
from llm_envs.rewards.grammar.lexicon import FINITE, english
from llm_envs.rewards.grammar.part_model import PartModel
from llm_envs.rewards.grammar.word_classes import WordClasses
from llm_envs.rewards.ngram_model import NgramModel
from llm_envs.tokenizers.words import is_word

WINDOW = 3
SENTENCE = 3  # words from which on a piece between full stops should have a verb
STOPS = frozenset(".?!;:")
_VOWELS = frozenset("aeiou")
_STRICT = 20  # successors after which a word is known to want vowels, or none, after it
_NEAR = 4.0  # spreads; farther away, distances grow like their logarithm
_NARROWEST = 0.05

MEASURES = (
    "classes",
    "items",
    "words",
    "worst fifth of classes",
    "worst three classes",
    "sentences without a verb",
    "repeated pairs",
    "repeated triples",
    "unlisted words",
    "wrong onsets",
    "parts of sentences",
    "worst part",
    "broken phrases",
    "usual readings",
    "likely items",
    "likely words",
    "function words",
    "likely parts",
)
"""Names of the measures, in their order."""

FEATURES = (*(f"{name}, too little" for name in MEASURES), *(f"{name}, too much" for name in MEASURES))
"""Names of the features: how far a measure lies below, and above, the median of real texts."""

Vector = tuple[float, ...]


class Onsets:
    """Which words want a vowel after them, and which none, such as "an" and "a"."""

    def __init__(self, texts: Iterable[Sequence[str]]) -> None:
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for tokens in texts:
            for word, after in itertools.pairwise(tokens):
                if is_word(word) and is_word(after):
                    counts[word][after[0] in _VOWELS] += 1
        self._wants = {
            word: bool(vowel)
            for word, (other, vowel) in counts.items()
            if other + vowel >= _STRICT and 0 in (other, vowel)
        }

    def wrong(self, tokens: Sequence[str]) -> int:
        """Returns how many words are followed by an initial that train texts never have after them."""
        return sum(itertools.starmap(self.is_wrong, itertools.pairwise(tokens)))

    def is_wrong(self, word: str, after: str) -> bool:
        """Returns True if train texts never have this initial after the word."""
        wants = self._wants.get(word)
        return wants is not None and is_word(after) and (after[0] in _VOWELS) is not wants


class Measures:
    """Measures texts under models of the train texts.

    Args:
        classes: The classes of words.
        class_model: N-grams of classes and items.
        part_model: N-grams of the parts of sentences.
        word_model: N-grams of words.
        onsets: The initials that follow words.
    """

    def __init__(
        self,
        classes: WordClasses,
        class_model: ClassModel,
        part_model: PartModel,
        word_model: NgramModel,
        onsets: Onsets,
    ) -> None:
        self.classes, self.onsets = classes, onsets
        self.class_model, self.part_model, self.word_model = class_model, part_model, word_model

    def __call__(self, tokens: Sequence[str]) -> Vector:
        """Returns the measures of a text with at least one word."""
        items, classes = self.classes(tokens)
        places = self.class_model.places(items, classes)
        scored = self.word_model.score_tokens(tokens)
        evidence = [place.classes for place in places]
        size = len(places)
        fifth = max(1, size // 5)
        sums = [a + b + c for a, b, c in zip(evidence, evidence[1:], evidence[2:], strict=False)]
        skeleton_parts = self.classes.skeleton(tokens, classes)
        parts = self.part_model.places(skeleton_parts) or [(0.0, 0.0)]
        part_evidence = [part[0] for part in parts]
        words = [token for token in tokens if is_word(token)]
        count = len(words)
        model, is_function = self.word_model, self.classes.is_function_word
        unseen = [word for word in words if model.is_unknown(word)]
        unlisted = len(unseen)
        if self.classes.is_english:
            known = english()
            unlisted = sum(word not in known for word in unseen)
        return (
            sum(evidence) / size,
            sum([place.items for place in places]) / size,
            sum([bounded(token.evidence) for token in scored]) / size,
            sum(sorted(evidence)[:fifth]) / fifth,
            (min(sums) if sums else sum(evidence)) / WINDOW,
            _verbless(tokens, classes) if self.classes.is_english else 0.0,
            _repeated(list(itertools.pairwise(tokens))),
            _repeated(list(zip(items, items[1:], items[2:], strict=False))),
            unlisted / count,
            min(2.0, float(self.onsets.wrong(tokens))),
            sum(part_evidence) / len(parts),
            min(part_evidence),
            sum([part[-1] == "!" for part in skeleton_parts]) / len(parts),
            sum(map(self.classes.reading, tokens, classes)) / size,
            sum([place.logprob for place in places]) / size,
            sum([token.logprob for token in scored]) / size,
            sum(map(is_function, words)) / count,
            sum([part[1] for part in parts]) / len(parts),
        )


@dataclass(frozen=True, slots=True)
class Typical:
    """Where the measures of real texts lie.

    Attributes:
        lows: Their lower quartiles.
        highs: Their upper quartiles.
        spreads: Their mean distances from the median.
    """

    lows: Vector
    highs: Vector
    spreads: Vector

    @classmethod
    def of(cls, texts: Sequence[Vector]) -> Typical:
        """Returns those of some texts."""
        lows, highs, spreads = [], [], []
        for column in zip(*texts, strict=True):
            ordered = sorted(column)
            low, median, high = (ordered[len(ordered) * k // 4] for k in (1, 2, 3))
            lows.append(low)
            highs.append(high)
            spreads.append(max(_NARROWEST, sum(abs(value - median) for value in column) / len(column)))
        return cls(tuple(lows), tuple(highs), tuple(spreads))

    def features(self, measures: Vector) -> Vector:
        """Returns how far each measure is below its high and above its low quartile, in spreads.

        More than typical is no merit, so one strong side of a text cannot make up for a weak one.
        """
        below = [
            _NEAR * log1p((high - value) / (_NEAR * spread)) if value < high else 0.0
            for value, high, spread in zip(measures, self.highs, self.spreads, strict=True)
        ]
        above = [
            _NEAR * log1p((value - low) / (_NEAR * spread)) if value > low else 0.0
            for value, low, spread in zip(measures, self.lows, self.spreads, strict=True)
        ]
        return (*below, *above)


def _verbless(tokens: Sequence[str], classes: Sequence[str]) -> float:
    """Returns the share of sentences of three words or more that have no finite verb."""
    sentences = lacking = length = 0
    has_verb = False
    for token, tag in zip((*tokens, "."), (*classes, "."), strict=True):
        if token in STOPS:
            if length:
                sentences += 1
                lacking += length >= SENTENCE and not has_verb
            length, has_verb = 0, False
        elif is_word(token):
            length += 1
            has_verb = has_verb or tag in FINITE
    return lacking / max(1, sentences)


def _repeated(ngrams: Sequence[tuple[str, ...]]) -> float:
    return 1.0 - len(set(ngrams)) / len(ngrams) if ngrams else 0.0
