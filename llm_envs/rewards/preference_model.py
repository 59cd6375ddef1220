"""A Bradley-Terry model of what people prefer: the folder that `llm-envs rewards fit-preferences` writes.

A text's score is linear in its features. The probability that people prefer one text to another for the same
prompt is the logistic function of the difference of their scores (Bradley and Terry 1952).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from llm_envs.foreign import ForeignDataError, read_json
from llm_envs.rewards.linear_classifier import WIDTH, features_of
from llm_envs.rewards.preference_features import FORM, embedded, form_of
from llm_envs.rewards.pretrained import Source

DESCRIPTION = "preference.json"
KIND = "preference-model"
MAX_BYTES = 16 << 20
_MAX_HIDDEN = 1 << 16

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PreferenceModel:
    """Weights of a text's features.

    Attributes:
        form: Weights of the measures of `FORM`.
        places: Hashed words that have a weight, sorted.
        words: Their weights.
        rivals: Scores of texts that people compared, sorted; what a text is measured against.
        lm: Name and identity of a language model whose hidden states are features, or None.
        states: Weights of those; empty without a language model.
        facts: What else the folder says: accuracy, calibration, how it was fitted.
    """

    form: tuple[float, ...]
    places: tuple[int, ...]
    words: tuple[float, ...]
    rivals: tuple[float, ...]
    lm: tuple[str, str] | None = None
    states: tuple[float, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def identity(self) -> str:
        """16 hexadecimal digits over everything that decides a score."""
        return hashlib.sha256(json.dumps(self._numbers()).encode()).hexdigest()[:16]

    def scores(self, sources: Sequence[str], texts: Sequence[str], lm: Source | None = None) -> Floats:
        """Returns the score of each text, (n,), in log-odds.

        Args:
            sources: The prompts.
            texts: The texts.
            lm: The language model that `self.lm` names, if it names one.
        """
        weight_of = dict(zip(self.places, self.words, strict=True))
        found = np.empty(len(texts))
        for i, (source, text) in enumerate(zip(sources, texts, strict=True)):
            form = sum(w * value for w, value in zip(self.form, form_of(source, text), strict=True))
            words = sum(weight_of.get(place, 0.0) * value for place, value in features_of(text).items())
            found[i] = form + words
        if lm is not None:
            found += embedded(lm, texts) @ np.array(self.states)
        return found

    def win_rates(self, scores: Floats) -> Floats:
        """Returns the mean probability of being preferred to the texts that people compared, (n,)."""
        margins = np.clip(scores[:, None] - np.array(self.rivals)[None, :], -500, 500)
        shares: Floats = (1.0 / (1.0 + np.exp(-margins))).mean(axis=1)
        return shares

    def save(self, folder: Path) -> None:
        """Writes the folder: one JSON file, put in its place by a rename."""
        folder.mkdir(parents=True, exist_ok=True)
        facts = {"kind": KIND, "format": 1, "identity": self.identity, **self._numbers()}
        part = folder / f"{DESCRIPTION}.part"
        with open(part, "w", encoding="utf-8") as file:
            file.write(json.dumps({**self.facts, **facts}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / DESCRIPTION)

    def _numbers(self) -> dict[str, Any]:
        lm = None if self.lm is None else {"name": self.lm[0], "identity": self.lm[1]}
        return {
            "form": dict(zip(FORM, self.form, strict=True)),
            "places": list(self.places),
            "words": list(self.words),
            "rivals": list(self.rivals),
            "lm": lm,
            "states": list(self.states),
        }


def read_preference_model(place: str) -> PreferenceModel:
    """Reads a folder. It is somebody else's: it is data of a bounded size, and no code.

    Raises:
        ValueError: The folder is missing, damaged, altered or of another kind.
    """
    path = Path(place).expanduser() / DESCRIPTION
    try:
        facts = read_json(path, max_bytes=MAX_BYTES)
    except OSError as error:
        raise ValueError(
            f"'{path}' cannot be read: {error.strerror}; `llm-envs rewards fit-preferences` writes such a "
            "folder"
        ) from error
    if not isinstance(facts, dict) or facts.get("kind") != KIND or facts.get("format") != 1:
        raise ForeignDataError(f"'{path}' is no {KIND} of format 1")
    try:
        model = _checked(facts)
    except ForeignDataError as error:
        raise ForeignDataError(f"'{path}': {error}") from None
    if facts.get("identity") != model.identity:
        raise ForeignDataError(f"'{path}': identity is not that of its numbers: the file was altered")
    return model


def _checked(facts: Mapping[str, Any]) -> PreferenceModel:
    form = facts.get("form")
    if not isinstance(form, dict) or tuple(form) != FORM:
        raise ForeignDataError(f"form needs the measures {', '.join(FORM)}")
    places = facts.get("places")
    if (
        not isinstance(places, list)
        or not all(type(p) is int and 0 <= p < WIDTH for p in places)
        or any(a >= b for a, b in pairwise(places))
    ):
        raise ForeignDataError(f"places is a rising list of whole numbers below {WIDTH}")
    lm = facts.get("lm")
    if lm is not None and not (
        isinstance(lm, dict)
        and set(lm) == {"name", "identity"}
        and all(isinstance(v, str) for v in lm.values())
    ):
        raise ForeignDataError("lm is null, or has the texts name and identity")
    words, states = _numbers(facts, "words"), _numbers(facts, "states")
    rivals = _numbers(facts, "rivals")
    if len(words) != len(places):
        raise ForeignDataError(f"words has {len(words)} numbers for {len(places)} places")
    if not rivals or (lm is None) != (not states) or len(states) > _MAX_HIDDEN:
        raise ForeignDataError("rivals needs a number, and states has numbers if and only if lm is named")
    return PreferenceModel(
        form=_numbers({"form": list(form.values())}, "form"),
        places=tuple(places),
        words=words,
        rivals=rivals,
        lm=None if lm is None else (lm["name"], lm["identity"]),
        states=states,
        facts={name: value for name, value in facts.items() if name not in _STORED},
    )


_STORED = ("kind", "format", "identity", "form", "places", "words", "rivals", "lm", "states")


def _numbers(facts: Mapping[str, Any], name: str) -> tuple[float, ...]:
    values = facts.get(name)
    if not isinstance(values, list) or not all(
        type(value) in (int, float) and math.isfinite(value) and abs(value) < 1e6 for value in values
    ):
        raise ForeignDataError(f"{name} is a list of finite numbers")
    return tuple(map(float, values))
