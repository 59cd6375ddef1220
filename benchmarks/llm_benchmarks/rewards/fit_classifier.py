"""Trains a text classifier from labelled rows: multinomial logistic regression on hashed n-grams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from llm_benchmarks.rewards.shares import wilson_interval
from llm_envs.data.files.local import open_table
from llm_envs.rewards.linear_classifier import WIDTH, LinearClassifier, features_of

_PENALTIES = (1e-5, 1e-4, 1e-3)


@dataclass(frozen=True)
class Fitted:
    """A classifier and how good it is on rows that it has not seen.

    Attributes:
        classifier: Trained on all other rows.
        accuracy: The share of held-out rows whose label it finds.
        low: Lower end of the 95 % interval (Wilson 1927).
        high: Upper end.
        commonest: The share of the commonest label among the held-out rows.
        rows: Rows it was trained on.
        held_out: Rows it was tested on.
    """

    classifier: LinearClassifier
    accuracy: float
    low: float
    high: float
    commonest: float
    rows: int
    held_out: int


def read_rows(file: Path, text: str, label: str) -> list[tuple[str, str]]:
    """Returns text and label of every row of a .jsonl, .csv, .tsv or .parquet file.

    Raises:
        ValueError: A column is missing, or holds something else than text (labels may be whole numbers).
        OSError: The file cannot be read.
    """
    rows: list[tuple[str, str]] = []
    for number, row in open_table(file).scan([text, label]):
        for column in (text, label):
            if column not in row:
                raise ValueError(f"{file}: row {number} has no {column!r}; it has {', '.join(map(str, row))}")
        value, name = row[text], row[label]
        if not isinstance(value, str):
            raise ValueError(f"{file}: row {number}: {text!r} is {value!r}, which is no text")
        if isinstance(name, float) or not isinstance(name, str | int):
            raise ValueError(
                f"{file}: row {number}: {label!r} is {name!r}; a label is a text or a whole number"
            )
        rows.append((value, str(name)))
    return rows


def fit(rows: Sequence[tuple[str, str]], *, rewarded: str | None = None, seed: int = 0) -> Fitted:
    """Trains a classifier and tests it on a fifth of the texts.

    A text that occurs several times lies on one side. The strength of the penalty is chosen on a fifth of the
    training rows.

    Args:
        rows: Text and label.
        rewarded: The label whose probability is the reward by default.
        seed: Seed of the split.

    Raises:
        ValueError: There are fewer than two labels, fewer than five texts of one, or no such label.
    """
    texts_of = Counter(label for label, _ in {(label, text) for text, label in rows})
    labels = tuple(sorted(texts_of))
    if len(labels) < 2:
        raise ValueError(f"a classifier needs rows of two labels or more, got {', '.join(labels) or 'none'}")
    for label in labels:
        if texts_of[label] < 5:
            raise ValueError(f"label {label!r} has {texts_of[label]} different texts; at least 5 are needed")
    if rewarded is not None and rewarded not in labels:
        raise ValueError(f"there is no label {rewarded!r}; the rows have {', '.join(labels)}")
    rng = np.random.default_rng(seed)
    train, held_out = _split(rows, rng)
    inner, check = _split(train, rng)
    penalty = max(_PENALTIES, key=lambda p: _accuracy(_weights(inner, labels, p), labels, check))
    weights = _weights(train, labels, penalty)
    right = _right(weights, labels, held_out)
    accuracy, count = float(right.mean()), len(right)
    low, high = wilson_interval(accuracy, count)
    commonest = Counter(label for _, label in held_out).most_common(1)[0][1] / count
    facts: Mapping[str, Any] = {
        "rewarded": rewarded if rewarded is not None or len(labels) > 2 else labels[1],
        "accuracy": accuracy,
        "interval": [low, high],
        "commonest_label": commonest,
        "rows": len(train),
        "held_out": count,
        "penalty": penalty,
        "seed": seed,
    }
    classifier = LinearClassifier(labels, weights, facts)
    return Fitted(classifier, accuracy, low, high, commonest, len(train), count)


def _split(
    rows: Sequence[tuple[str, str]], rng: np.random.Generator
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Returns four fifths and one fifth of the rows, of each label alike, equal texts on one side."""
    label_of: dict[str, str] = {}
    for text, label in rows:
        label_of.setdefault(text, label)
    apart: set[str] = set()
    for label in sorted(set(label_of.values())):
        texts = sorted(text for text, own in label_of.items() if own == label)
        order = rng.permutation(len(texts))
        apart.update(texts[i] for i in order[: max(1, len(texts) // 5)])
    return [row for row in rows if row[0] not in apart], [row for row in rows if row[0] in apart]


def _matrix(rows: Sequence[tuple[str, str]]) -> Any:
    """Returns the features of the rows, sparse (n, WIDTH + 1); the last column is 1."""
    places: list[int] = []
    values: list[float] = []
    starts = [0]
    for text, _ in rows:
        features = features_of(text)
        places += [*features, WIDTH]
        values += [*features.values(), 1.0]
        starts.append(len(places))
    return csr_matrix((values, places, starts), shape=(len(rows), WIDTH + 1))


def _weights(
    rows: Sequence[tuple[str, str]], labels: Sequence[str], penalty: float
) -> npt.NDArray[np.float32]:
    """Minimises the mean cross-entropy plus penalty / 2 * |weights|^2, without the bias, by L-BFGS."""
    matrix = _matrix(rows)
    target = np.array([labels.index(label) for _, label in rows])
    every = np.arange(len(rows))
    used = np.unique(matrix.indices)
    matrix = matrix[:, used]
    shape = (len(labels), len(used))
    regular = np.ones(len(used))
    regular[-1] = 0.0  # the bias

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        weights = flat.reshape(shape)
        logits = matrix @ weights.T
        logits -= logits.max(axis=1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        value = -logs[every, target].mean() + penalty / 2 * float((regular * weights**2).sum())
        errors = np.exp(logs)
        errors[every, target] -= 1.0
        gradient = (matrix.T @ errors).T / len(rows) + penalty * regular * weights
        return value, gradient.ravel()

    found = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    weights = np.zeros((len(labels), WIDTH + 1), np.float32)
    weights[:, used] = found.x.reshape(shape)
    return weights


def _right(
    weights: npt.NDArray[np.float32], labels: Sequence[str], rows: Sequence[tuple[str, str]]
) -> npt.NDArray[np.bool_]:
    classifier = LinearClassifier(tuple(labels), weights, {})
    found = classifier.logits([text for text, _ in rows]).argmax(axis=1)
    right: npt.NDArray[np.bool_] = found == np.array([labels.index(label) for _, label in rows])
    return right


def _accuracy(
    weights: npt.NDArray[np.float32], labels: Sequence[str], rows: Sequence[tuple[str, str]]
) -> float:
    return float(_right(weights, labels, rows).mean())
