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
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar
from scipy.sparse import csr_matrix

from llm_benchmarks.rewards.shares import share_interval
from llm_envs.rewards.linear_classifier import WIDTH, features_of
from llm_envs.rewards.preference_features import embedded, form_of
from llm_envs.rewards.preference_model import PreferenceModel
from llm_envs.rewards.pretrained import Source
from llm_envs.tokenizers.words import words_of

FOLDS = 5
LEAST = 20
"""Fewer comparisons without ties are refused."""
_PENALTIES = (0.3, 1.0, 3.0, 10.0)  # 1 / (2 variance) of a weight, over the summed loss
_FORM_SCALES = (0.1, 0.3, 1.0)  # how much the standardised form counts beside the words, whose length is 1
_LEAST_SPREAD = 1e-3
_MAX_RIVALS = 500
_BINS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

Floats = npt.NDArray[np.float64]


class Comparison(NamedTuple):
    """Two texts for one prompt.

    Attributes:
        prompt: The prompt.
        a: One text.
        b: The other one.
        share: 1 if `a` is preferred, 0 if `b` is, 0.5 for a tie.
    """

    prompt: str
    a: str
    b: str
    share: float


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
        accuracy: The share of held-out comparisons, ties left out, whose preferred text scores higher.
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
    data = _Data(comparisons, None if lm is None else Source("encoder", lm, device))
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


class _Weights(NamedTuple):
    """Fitted weights of the columns of `_Data`, with the scale that its form had."""

    values: Floats
    scale: float


class _Data:
    """Comparisons as differences of features."""

    def __init__(self, comparisons: Sequence[Comparison], lm: Source | None) -> None:
        self.share = np.array([comparison.share for comparison in comparisons])
        texts = list(dict.fromkeys((c.prompt, text) for c in comparisons for text in (c.a, c.b)))
        row_of = {text: row for row, text in enumerate(texts)}
        self._a = np.array([row_of[c.prompt, c.a] for c in comparisons])
        self._b = np.array([row_of[c.prompt, c.b] for c in comparisons])
        form = np.array([form_of(prompt, text) for prompt, text in texts])
        self._spread = np.maximum((form[self._a] - form[self._b]).std(axis=0), _LEAST_SPREAD)
        self._form = form / self._spread
        self._words, self._places = _word_matrix([text for _, text in texts])
        self._lm = lm
        none = np.zeros((len(texts), 0))
        self._states = none if lm is None else embedded(lm, [text for _, text in texts])
        self._centre = self._states.mean(axis=0) if lm is not None else np.zeros(0)
        # Embeddings of one model are much alike; their differences get the length that words have.
        typical = float(np.linalg.norm(self._states - self._centre, axis=1).mean()) if lm is not None else 1.0
        self._states_scale = 1.0 / max(typical, _LEAST_SPREAD)
        self._dense_states = (self._states - self._centre) * self._states_scale

    def fit(self, rows: npt.NDArray[np.bool_], penalty: float, scale: float) -> _Weights:
        """Minimises the summed cross-entropy plus penalty times the squared weights, by L-BFGS."""
        dense = np.hstack([self._form * scale, self._dense_states])
        a, b = self._a[rows], self._b[rows]
        difference, words = dense[a] - dense[b], self._words[a] - self._words[b]
        share, split = self.share[rows], dense.shape[1]

        def loss(weights: Floats) -> tuple[float, Floats]:
            margins = difference @ weights[:split] + words @ weights[split:]
            value = float((np.logaddexp(0.0, margins) - share * margins).sum())
            errors = _logistic(margins) - share
            gradient = np.concatenate([difference.T @ errors, words.T @ errors])
            return value + penalty * float(weights @ weights), gradient + 2 * penalty * weights

        start = np.zeros(split + self._words.shape[1])
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300})
        return _Weights(found.x, scale)

    def margins(self, weights: _Weights, rows: npt.NDArray[np.bool_]) -> Floats:
        """Returns the difference of the scores of both texts, a minus b, for the chosen comparisons."""
        dense = np.hstack([self._form * weights.scale, self._dense_states])
        scores = dense @ weights.values[: dense.shape[1]] + self._words @ weights.values[dense.shape[1] :]
        found: Floats = (scores[self._a] - scores[self._b])[rows]
        return found

    def model(self, weights: _Weights, temperature: float) -> PreferenceModel:
        """Returns the model, its weights divided by the temperature."""
        count = self._form.shape[1]
        values = weights.values / temperature
        form = values[:count] * weights.scale / self._spread
        states = values[count : count + self._states.shape[1]] * self._states_scale
        words = values[count + self._states.shape[1] :]
        kept = np.flatnonzero(words)
        lm = None if self._lm is None else (self._lm.name, str(self._lm.load().identity))
        bare = PreferenceModel(
            form=_rounded(form),
            places=tuple(int(place) for place in self._places[kept]),
            words=_rounded(words[kept]),
            rivals=(0.0,),
            lm=lm,
            states=_rounded(states),
        )
        dense = np.hstack([self._form * weights.scale, self._dense_states])
        split = count + self._states.shape[1]
        scores = dense @ values[:split] + self._words @ values[split:]
        # The model's own zero differs from this one by a constant: centred states, and nothing else.
        scores = np.sort(scores + float(self._centre @ states))
        at = np.linspace(0, len(scores) - 1, min(len(scores), _MAX_RIVALS)).round().astype(int)
        return PreferenceModel(**{**vars(bare), "rivals": _rounded(scores[at])})


def _tuned(data: _Data, rows: npt.NDArray[np.bool_], folds: npt.NDArray[np.int64]) -> tuple[_Weights, float]:
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


def _logistic(margins: Floats) -> Floats:
    found: Floats = 1.0 / (1.0 + np.exp(-np.clip(margins, -500, 500)))
    return found


def _rounded(values: Any) -> tuple[float, ...]:
    return tuple(float(f"{value:.9g}") for value in values)


def _word_matrix(texts: Sequence[str]) -> tuple[Any, npt.NDArray[np.int64]]:
    """Returns the hashed words of each text, sparse (n, used places), and the places."""
    places: list[int] = []
    values: list[float] = []
    starts = [0]
    for text in texts:
        features = features_of(text)
        places += features
        values += features.values()
        starts.append(len(places))
    matrix = csr_matrix((values, places, starts), shape=(len(texts), WIDTH))
    used = np.unique(matrix.indices).astype(np.int64)
    return matrix[:, used], used


def _measured(
    model: PreferenceModel,
    comparisons: Sequence[Comparison],
    share: Floats,
    margins: Floats,
    prompts: int,
    seed: int,
) -> FittedPreferences:
    decided = share != 0.5
    right = ((margins > 0) == (share > 0.5))[decided].astype(float)
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
    likelier = _logistic(np.abs(margins))
    found = []
    for low, high in pairwise(_BINS):
        inside = (likelier >= low) & ((likelier < high) | (high == 1.0))
        if inside.any():
            said, came = float(likelier[inside].mean()), float(right[inside].mean())
            found.append(Bin(low, high, int(inside.sum()), said, came))
    return tuple(found)
