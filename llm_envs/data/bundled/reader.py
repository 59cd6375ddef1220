"""Reading the texts that were written for this project: JSON Lines in ``corpora/``."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "corpora"


def read_rows(name: str) -> list[dict[str, Any]]:
    """The rows of ``corpora/NAME.jsonl``."""
    with open(FOLDER / f"{name}.jsonl", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def piece_group(text: str) -> str:
    """A group of its own for a piece of text: all requests for it share a split."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
