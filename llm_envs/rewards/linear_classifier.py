"""A linear text classifier on hashed n-grams: small, fast, and saved as numbers alone.

`llm-envs rewards fit-classifier` trains one; the reward `classifier` reads its folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from llm_envs.foreign import read_json
from llm_envs.tokenizers.words import ngrams_of, words_of

DESCRIPTION, WEIGHTS = "classifier.json", "weights.npy"
KIND = "linear-text-classifier"
WIDTH = 1 << 16
_MAX_LABELS = 1000


def features_of(text: str) -> dict[int, float]:
    """Returns place -> value: the text's words, pairs of words, and 3 to 4 characters of words, hashed.

    The values have length 1 together. A text without words has none.
    """
    words = words_of(text)
    found = {*words, *ngrams_of(words, 2)}
    for word in words:
        padded = f"<{word}>"
        found.update(f"#{padded[i : i + n]}" for n in (3, 4) for i in range(len(padded) - n + 1))
    places = {crc32(feature.encode()) % WIDTH for feature in found}
    return dict.fromkeys(sorted(places), len(places) ** -0.5) if places else {}


@dataclass(frozen=True)
class LinearClassifier:
    """Labels and their weights.

    Attributes:
        labels: The names.
        weights: float32 (labels, WIDTH + 1); the last column is the bias.
        facts: What else the folder says: the label to score, accuracy, how it was trained.
    """

    labels: tuple[str, ...]
    weights: npt.NDArray[np.float32]
    facts: Mapping[str, Any]

    @property
    def identity(self) -> str:
        """16 hexadecimal digits over labels and weights."""
        digest = hashlib.sha256(json.dumps(list(self.labels)).encode())
        digest.update(np.ascontiguousarray(self.weights, "<f4").tobytes())
        return digest.hexdigest()[:16]

    def logits(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Returns one logit for each text and label, (n, labels)."""
        found = np.empty((len(texts), len(self.labels)))
        for row, text in enumerate(texts):
            features = features_of(text)
            places, values = list(features), np.array(list(features.values()))
            found[row] = self.weights[:, places] @ values + self.weights[:, -1]
        return found

    def save(self, folder: Path) -> None:
        """Writes the folder, the description last, so that a folder with one is complete."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / WEIGHTS, self.weights.astype("<f4"), allow_pickle=False)
        facts = {"kind": KIND, "format": 1, "labels": list(self.labels), "identity": self.identity}
        (folder / DESCRIPTION).write_text(json.dumps({**self.facts, **facts}, indent=1), encoding="utf-8")


def is_linear(place: str) -> bool:
    """Returns True if a path is a folder that `LinearClassifier.save` wrote."""
    return (Path(place).expanduser() / DESCRIPTION).is_file()


def read_linear(place: str) -> LinearClassifier:
    """Reads a folder. It is somebody else's: it is data of a bounded size, and no code.

    Raises:
        ValueError: The folder is damaged or of another kind.
    """
    folder = Path(place).expanduser()
    facts = read_json(folder / DESCRIPTION, max_bytes=1 << 20)
    if not isinstance(facts, dict) or facts.get("kind") != KIND or facts.get("format") != 1:
        raise ValueError(f"'{folder / DESCRIPTION}' is no {KIND} of format 1")
    labels: Any = facts.get("labels")
    named = isinstance(labels, list) and all(isinstance(label, str) for label in labels)
    if not named or not 2 <= len(set(labels)) == len(labels) <= _MAX_LABELS:
        raise ValueError(f"'{folder / DESCRIPTION}': labels is a list of 2 to {_MAX_LABELS} different names")
    shape = (len(labels), WIDTH + 1)
    try:
        weights = np.load(folder / WEIGHTS, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"'{folder / WEIGHTS}' cannot be read: {error}") from error
    if weights.shape != shape or weights.dtype != np.float32:
        raise ValueError(
            f"'{folder / WEIGHTS}' holds {weights.dtype}{weights.shape}, expected float32{shape}"
        )
    weights = np.array(weights)
    if not np.isfinite(weights).all():
        raise ValueError(f"'{folder / WEIGHTS}' holds a number that is not finite")
    return LinearClassifier(tuple(labels), weights, facts)
