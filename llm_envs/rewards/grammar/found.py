"""Texts that learners found against earlier versions of `fluency`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from llm_envs.tokenizers.words import words_of

_FILE = Path(__file__).with_name("found.jsonl")
_KNOWN = 0.9  # a found text says something about a corpus that knows this share of its words


class Found(NamedTuple):
    """A text that a learner wrote for the reward, and that is no language.

    Attributes:
        text: The text.
        kind: Who found it, against which reward.
        source: The request that it answers.
        used: Whether `fluency` learns from it. The others are for tests.
    """

    text: str
    kind: str
    used: bool
    source: str


@lru_cache(maxsize=1)
def found() -> tuple[Found, ...]:
    """Returns all found texts."""
    rows = map(json.loads, _FILE.read_text(encoding="utf-8").splitlines())
    return tuple(Found(row["text"], row["kind"], row["used"], row["source"]) for row in rows)


def found_texts(words: Iterable[str]) -> list[Found]:
    """Returns the used texts that consist of the words of a corpus, nine in ten of them."""
    known = set(words)
    chosen = []
    for row in found():
        if row.used:
            written = words_of(row.text)
            if sum(word in known for word in written) >= _KNOWN * len(written) > 0:
                chosen.append(row)
    return chosen


@lru_cache(maxsize=1)
def found_hash() -> str:
    """Returns 8 hexadecimal digits that identify the used texts."""
    used = "\0".join(row.text for row in found() if row.used)
    return hashlib.sha256(used.encode("utf-8")).hexdigest()[:8]
