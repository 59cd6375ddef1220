"""Comparisons of texts as differences of features, and a Bradley-Terry model fitted to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from llm_envs.rewards.linear_classifier import WIDTH, features_of
from llm_envs.rewards.preference_features import embedded, form_of
from llm_envs.rewards.preference_model import PreferenceModel
from llm_envs.rewards.pretrained import Source

_LEAST_SPREAD = 1e-3
_MAX_RIVALS = 500

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


class Weights(NamedTuple):
    """Fitted weights of the columns of `ComparisonFeatures`, with the scale that its form had."""

    values: Floats
    scale: float


class ComparisonFeatures:
    """Comparisons as differences of features.

    Args:
        comparisons: The comparisons.
        lm: The language model whose states are features, or None.
    """

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

    def fit(self, rows: npt.NDArray[np.bool_], penalty: float, scale: float) -> Weights:
        """Minimises the summed cross-entropy plus penalty times the squared weights, by L-BFGS."""
        dense = np.hstack([self._form * scale, self._dense_states])
        a, b = self._a[rows], self._b[rows]
        difference, words = dense[a] - dense[b], self._words[a] - self._words[b]
        share, split = self.share[rows], dense.shape[1]

        def loss(weights: Floats) -> tuple[float, Floats]:
            margins = difference @ weights[:split] + words @ weights[split:]
            value = float((np.logaddexp(0.0, margins) - share * margins).sum())
            errors = logistic(margins) - share
            gradient = np.concatenate([difference.T @ errors, words.T @ errors])
            return value + penalty * float(weights @ weights), gradient + 2 * penalty * weights

        start = np.zeros(split + self._words.shape[1])
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300})
        return Weights(found.x, scale)

    def margins(self, weights: Weights, rows: npt.NDArray[np.bool_]) -> Floats:
        """Returns the difference of the scores of both texts, a minus b, for the chosen comparisons."""
        dense = np.hstack([self._form * weights.scale, self._dense_states])
        scores = dense @ weights.values[: dense.shape[1]] + self._words @ weights.values[dense.shape[1] :]
        found: Floats = (scores[self._a] - scores[self._b])[rows]
        return found

    def model(self, weights: Weights, temperature: float) -> PreferenceModel:
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


def logistic(margins: Floats) -> Floats:
    """Returns the probabilities of margins."""
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
