"""Reading the chatterbot-corpus package (BSD-3-Clause). Its texts stay there, none is copied."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from llm_envs.data.errors import DataError

_QUOTES = str.maketrans("‘’“”", "''\"\"")

RUDE = re.compile(
    r"\b(bend over|mate\??$|my method of reproduction|personal question|that's personal"
    r"|pleasure bot|should die|hope that you die|i want to die|testicles|takes a lot of balls"
    r"|hitler|shot dead|eskimos|was right\?$|guns?|2nd amendment|second amendment"
    r"|sinsemilla|sinsemillia|never forget a face|thought a fool|stupid|brain damage)\b",
    re.IGNORECASE,
)
"""Insults and innuendo, cruelty as a joke, and questions about which people fight."""


def read_conversations(language: str, subject: str) -> list[list[str]]:
    """The conversations of one file, white space collapsed and quotation marks straightened.

    Raises:
        DataError: If the package or the file is missing.
    """
    found = importlib.util.find_spec("chatterbot_corpus")
    if found is None or not found.submodule_search_locations:
        raise DataError(
            "this data set is read from the package chatterbot-corpus, which is not installed; "
            "pip install chatterbot-corpus"
        )
    import yaml

    folder = Path(found.submodule_search_locations[0])
    path = folder / "data" / language / f"{subject}.yml"
    if not path.exists():
        raise DataError(
            f"chatterbot-corpus has no file {language}/{subject}.yml any more; "
            "install a release in which it does, such as 1.3.3"
        )
    # The base loader reads every scalar as text: a reply "No" is not False, "1989" no number.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    with open(path, encoding="utf-8") as file:
        content = yaml.load(file, Loader=loader)
    return [[_clean(turn) for turn in talk] for talk in content["conversations"]]


def _clean(text: str) -> str:
    return " ".join(text.translate(_QUOTES).split())
