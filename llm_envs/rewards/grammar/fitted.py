"""Everything that `fluency` learns from the train texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from math import exp
from random import Random

from llm_envs.rewards.grammar.class_model import ClassModel
from llm_envs.rewards.grammar.corruptions import CORRUPTIONS, Stock
from llm_envs.rewards.grammar.discriminator import Discriminator
from llm_envs.rewards.grammar.features import Measures, Onsets, Typical, Vector
from llm_envs.rewards.grammar.found import found_texts
from llm_envs.rewards.grammar.part_model import PartModel
from llm_envs.rewards.grammar.word_classes import WordClasses
from llm_envs.rewards.ngram_model import NgramModel
from llm_envs.tokenizers.words import is_word, tokens_of

_FOLDS = 5
_HELD_OUT = 500  # the most texts scored for the calibration
_CLASSED = 3000  # the most texts that classes are learned from
_KINDS = 6  # corruptions of each text; the kinds take turns
_REAL = "real"
_FOUND = 2.0  # how much more a kind of found texts counts than a kind of corruption

# Log-odds are mapped so that three in four unseen real texts score more than sigmoid(_HIGH) = 0.85,
# and half of the corrupted ones less than sigmoid(_LOW) = 0.05.
_REAL_SHARE, _HIGH = 0.25, 1.7
_SALAD_SHARE, _LOW = 0.50, -3.0
_LEAST_WIDTH = 0.5


@dataclass(frozen=True, slots=True)
class FittedFluency:
    """What is known about the language of some texts.

    Attributes:
        measures: The features of a text under models of all texts.
        typical: Where the levels of unseen real texts lie.
        discriminator: Log-odds of real against corrupted texts.
        centre: Log-odds that score 1/2.
        width: Log-odds for one unit of the score's sigmoid.
        enough: Texts with fewer distinct words than this are scaled down.
    """

    measures: Measures
    typical: Typical
    discriminator: Discriminator
    centre: float
    width: float
    enough: int

    def odds(self, tokens: Sequence[str]) -> float:
        """Returns the log-odds that a text with at least one word is real."""
        return self.discriminator(self.typical.features(self.measures(tokens)))

    def score(self, tokens: Sequence[str]) -> float:
        """Returns the score of a text, 0 to 1."""
        distinct = len({token for token in tokens if is_word(token)})
        if not distinct:
            return 0.0
        return self.score_measured(self.measures(tokens), distinct)

    def score_measured(self, measures: Vector, distinct: int) -> float:
        """Returns the score of a text, 0 to 1, from its measures and its number of distinct words."""
        place = (self.discriminator(self.typical.features(measures)) - self.centre) / self.width
        return min(1.0, distinct / self.enough) ** 2 / (1.0 + exp(min(700.0, -place)))


def fit_fluency(texts: Sequence[str]) -> FittedFluency:
    """Learns classes, n-grams and the discriminator from distinct texts.

    Raises:
        ValueError: Fewer than two texts have words in them.
    """
    sequences = [tokens for tokens in map(tokens_of, texts) if any(map(is_word, tokens))]
    if len(sequences) < 2:
        raise ValueError("needs at least two distinct train texts with words in them")
    rng = Random(0)
    order = list(range(len(sequences)))
    rng.shuffle(order)
    classes = WordClasses([sequences[i] for i in sorted(order[:_CLASSED])])
    classed = [classes(tokens) for tokens in sequences]
    measured = _measured(sequences, classed, classes, order, rng)
    kinds = [kind for kind, _ in measured]
    typical = Typical.of([measures for kind, measures in measured if kind == _REAL])
    rows = [typical.features(measures) for _, measures in measured]
    discriminator = Discriminator.fit(rows, [kind == _REAL for kind in kinds], _weights(kinds))
    odds = [(discriminator(row), kind) for row, kind in zip(rows, kinds, strict=True)]
    high = _quantile([value for value, kind in odds if kind == _REAL], _REAL_SHARE)
    low = _quantile([value for value, kind in odds if kind != _REAL], _SALAD_SHARE)
    width = max(_LEAST_WIDTH, (high - low) / (_HIGH - _LOW))
    distinct = [float(len({token for token in tokens if is_word(token)})) for tokens in sequences]
    return FittedFluency(
        measures=_measures(sequences, classed, classes),
        typical=typical,
        discriminator=discriminator,
        centre=high - _HIGH * width,
        width=width,
        enough=max(1, int(_quantile(distinct, 0.05))),
    )


def _measured(
    sequences: Sequence[Sequence[str]],
    classed: Sequence[tuple[tuple[str, ...], tuple[str, ...]]],
    classes: WordClasses,
    order: Sequence[int],
    rng: Random,
) -> list[tuple[str, Vector]]:
    """Returns (kind, measures) of real, corrupted and found texts, under models that have not seen them."""
    stock = Stock(sequences, classes.is_function_word)
    salads = [(row.kind.partition(",")[0], tokens_of(row.text)) for row in found_texts(stock.words)]
    folds = min(_FOLDS, len(order))
    rounds = folds if len(order) <= 4 * _HELD_OUT else 1  # each fold costs its models
    turns = cycle(CORRUPTIONS.items())
    measured: list[tuple[str, Vector]] = []
    for fold in range(rounds):
        held_out = order[fold::folds]
        left_out = set(held_out)
        kept = [i for i in order if i not in left_out]
        measures = _measures([sequences[i] for i in kept], [classed[i] for i in kept], classes)
        for i in held_out[: _HELD_OUT // rounds]:
            measured.append((_REAL, measures(sequences[i])))
            for kind, corrupt in islice(turns, _KINDS):
                made = corrupt(sequences[i], rng, stock)
                if made != sequences[i] and any(map(is_word, made)):
                    measured.append((kind, measures(made)))
        measured += [(kind, measures(tokens)) for kind, tokens in salads[fold::rounds]]
    return measured


def _weights(kinds: Sequence[str]) -> list[float]:
    """Returns how much each text counts: a real one 1, and every kind of corruption alike in sum."""
    counts = Counter(kinds)
    per_kind = 2.0 * counts[_REAL] / len(counts)
    return [
        1.0 if kind == _REAL else (1.0 if kind in CORRUPTIONS else _FOUND) * per_kind / counts[kind]
        for kind in kinds
    ]


def _measures(
    sequences: Sequence[Sequence[str]],
    classed: Sequence[tuple[tuple[str, ...], tuple[str, ...]]],
    classes: WordClasses,
) -> Measures:
    parts = [classes.skeleton(tokens, tags) for tokens, (_, tags) in zip(sequences, classed, strict=True)]
    return Measures(classes, ClassModel(classed), PartModel(parts), NgramModel(sequences), Onsets(sequences))


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
