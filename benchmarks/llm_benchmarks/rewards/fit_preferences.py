"""Fits a Bradley-Terry model to comparisons of texts, and measures it on comparisons it has not seen.

Sources: Bradley and Terry (1952), "Rank analysis of incomplete block designs"; Platt (1999),
"Probabilistic outputs for support vector machines" (targets of the calibration); Guo et al. (2017), "On
calibration of modern neural networks" (temperature, expected calibration error).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from llm_benchmarks.rewards.comparison_features import (
    Comparison,
    ComparisonFeatures,
    Floats,
    Weights,
    logistic,
)
from llm_benchmarks.rewards.shares import share_interval
from llm_envs.rewards.preference_model import PreferenceModel
from llm_envs.rewards.pretrained import Source
from llm_envs.tokenizers.words import words_of

FOLDS = 5
LEAST = 20
"""Fewer comparisons without ties are refused."""
_PENALTIES = (0.3, 1.0, 3.0, 10.0)  # 1 / (2 variance) of a weight, over the summed loss
_FORM_SCALES = (0.1, 0.3, 1.0)  # how much the standardised form counts beside the words, whose length is 1
_BINS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class Bin(NamedTuple):
    """Held-out comparisons whose likelier side has a probability in an interval.

    Attributes:
        low: Least probability.
        high: Greatest.
        number: Comparisons.
        said: Their mean probability.
        came: The share of them in which people preferred the likelier side.
    """

    low: float
    high: float
    number: int
    said: float
    came: float


@dataclass(frozen=True)
class FittedPreferences:
    """A model and how good it is on comparisons that it has not seen.

    Attributes:
        model: Fitted to all comparisons.
        accuracy: The share of held-out comparisons, ties left out, whose preferred text scores higher. Two
            texts that score the same count half.
        low: Lower end of the 95 % interval, over prompts.
        high: Upper end.
        longer: The accuracy of "the longer text is better", or of the opposite if that is more.
        log_loss: Mean negative log-likelihood of held-out comparisons, in nats; 0.693 knows nothing.
        calibration_error: Mean distance of said and came over `bins`, weighted by their counts.
        bins: The reliability table.
        comparisons: Comparisons with a preferred text.
        ties: Ties, which count half for each side.
        prompts: Different prompts.
    """

    model: PreferenceModel
    accuracy: float
    low: float
    high: float
    longer: float
    log_loss: float
    calibration_error: float
    bins: tuple[Bin, ...]
    comparisons: int
    ties: int
    prompts: int


def fit_preferences(
    comparisons: Sequence[Comparison], *, lm: str | None = None, seed: int = 0, device: str = "auto"
) -> FittedPreferences:
    """Fits a model to all comparisons, and measures the method by cross-validation.

    All comparisons of a prompt lie in one fold. The penalties are chosen inside the other folds, so that a
    held-out comparison decides nothing about the model that judges it.

    Args:
        comparisons: The comparisons. Those of two equal texts teach nothing and are left out.
        lm: A fetched asset's name, a folder, or a hub id of a language model whose mean hidden state is a
            feature of each text.
        seed: Seed of the folds.
        device: A torch device for `lm`.

    Raises:
        ValueError: There are fewer than `LEAST` comparisons without ties, or fewer than `FOLDS` prompts.
    """
    comparisons = [comparison for comparison in comparisons if comparison.a != comparison.b]
    decided = sum(comparison.share != 0.5 for comparison in comparisons)
    if decided < LEAST:
        raise ValueError(
            f"{decided} comparisons of different texts without ties; at least {LEAST} are needed"
        )
    prompts = sorted({comparison.prompt for comparison in comparisons})
    if len(prompts) < FOLDS:
        raise ValueError(
            f"comparisons of {len(prompts)} prompts; at least {FOLDS} are needed, to hold some out"
        )
    data = ComparisonFeatures(comparisons, None if lm is None else Source("encoder", lm, device))
    fold_of = dict(zip(prompts, _spread(len(prompts), seed), strict=True))
    folds = np.array([fold_of[comparison.prompt] for comparison in comparisons])
    margins = np.empty(len(comparisons))
    for fold in range(FOLDS):
        held_out = folds == fold
        fitted, temperature = _tuned(data, ~held_out, folds)
        margins[held_out] = data.margins(fitted, held_out) / temperature
    final, temperature = _tuned(data, np.ones(len(comparisons), bool), folds)
    model = data.model(final, temperature)
    return _measured(model, comparisons, data.share, margins, len(prompts), seed)


def _spread(count: int, seed: int) -> list[int]:
    """Returns a fold for each of `count` prompts; sizes differ by one at most."""
    found = [0] * count
    for place, prompt in enumerate(np.random.default_rng(seed).permutation(count)):
        found[prompt] = place % FOLDS
    return found


def _tuned(
    data: ComparisonFeatures, rows: npt.NDArray[np.bool_], folds: npt.NDArray[np.int64]
) -> tuple[Weights, float]:
    """Returns weights and temperature from some comparisons alone, the penalties chosen over their folds."""
    inner = [fold for fold in range(FOLDS) if (rows & (folds == fold)).any()]
    share = data.share[rows]
    best: tuple[float, float, float, float] | None = None
    for penalty in _PENALTIES:
        for scale in _FORM_SCALES:
            margins = np.empty(len(folds))
            for fold in inner:
                out = rows & (folds == fold)
                margins[out] = data.margins(data.fit(rows & ~out, penalty, scale), out)
            temperature = _temperature(margins[rows], share)
            loss = _log_loss(margins[rows] / temperature, share)
            if best is None or loss < best[0]:
                best = (loss, penalty, scale, temperature)
    assert best is not None
    return data.fit(rows, best[1], best[2]), best[3]


def _temperature(margins: Floats, share: Floats) -> float:
    """Returns the temperature that makes the margins' probabilities likeliest (Guo et al. 2017).

    No comparison counts as certain, or the temperature of a model without an error would be 0 (Platt 1999).
    """
    share = (share * len(share) + 1) / (len(share) + 2)
    found = minimize_scalar(
        lambda log: _log_loss(margins / math.exp(log), share), bounds=(-3.0, 4.0), method="bounded"
    )
    return math.exp(float(found.x))


def _log_loss(margins: Floats, share: Floats) -> float:
    return float((np.logaddexp(0.0, margins) - share * margins).mean())


def _measured(
    model: PreferenceModel,
    comparisons: Sequence[Comparison],
    share: Floats,
    margins: Floats,
    prompts: int,
    seed: int,
) -> FittedPreferences:
    decided = share != 0.5
    right = np.where(margins == 0.0, 0.5, (margins > 0) == (share > 0.5))[decided]
    clusters = [c.prompt for c, kept in zip(comparisons, decided, strict=True) if kept]
    accuracy = share_interval(list(right), clusters)
    lengths = np.array([len(words_of(c.a)) - len(words_of(c.b)) for c in comparisons])[decided]
    longer = float(np.where(lengths == 0, 0.5, (lengths > 0) == (share[decided] > 0.5)).mean())
    bins = _bins(margins[decided], right)
    error = sum(b.number * abs(b.said - b.came) for b in bins) / sum(b.number for b in bins)
    found = FittedPreferences(
        model=model,
        accuracy=accuracy.estimate,
        low=float(accuracy.low or 0.0),
        high=float(accuracy.high or 0.0),
        longer=max(longer, 1 - longer),
        log_loss=_log_loss(margins, share),
        calibration_error=error,
        bins=bins,
        comparisons=int(decided.sum()),
        ties=int((~decided).sum()),
        prompts=prompts,
    )
    facts = {name: getattr(found, name) for name in _FACTS}
    facts |= {"interval": [found.low, found.high], "bins": [b._asdict() for b in bins], "seed": seed}
    return FittedPreferences(**{**vars(found), "model": PreferenceModel(**{**vars(model), "facts": facts})})


_FACTS = ("accuracy", "longer", "log_loss", "calibration_error", "comparisons", "ties", "prompts")


def _bins(margins: Floats, right: Floats) -> tuple[Bin, ...]:
    likelier = logistic(np.abs(margins))
    found = []
    for low, high in pairwise(_BINS):
        inside = (likelier >= low) & ((likelier < high) | (high == 1.0))
        if inside.any():
            said, came = float(likelier[inside].mean()), float(right[inside].mean())
            found.append(Bin(low, high, int(inside.sum()), said, came))
    return tuple(found)
