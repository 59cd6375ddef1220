"""A small model of preferences, for tests that need the reward `preference`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llm_envs.rewards.linear_classifier import features_of
from llm_envs.rewards.preference_features import FORM
from llm_envs.rewards.preference_model import PreferenceModel


def made(**changes: Any) -> PreferenceModel:
    """A model that likes length and the word "sea"."""
    form = tuple(0.5 if name == "length" else 0.0 for name in FORM)
    places = tuple(sorted(features_of("sea")))
    values = {"form": form, "places": places, "words": (2.0,) * len(places), "rivals": (-1.0, 1.0)}
    return PreferenceModel(**{**values, **changes})


def save_preferences(folder: Path) -> str:
    """Saves the model. Returns the folder."""
    made().save(folder)
    return str(folder)
