"""What identifies the rules of the grammar."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

_FILES = ("clauses.py", "faults.py", "fitted.py", "parser.py", "readings.py", "states.py", "verbs.txt")


@lru_cache(maxsize=1)
def rules_hash() -> str:
    """Returns 8 hexadecimal digits that identify the rules."""
    digest = hashlib.sha256()
    for name in _FILES:
        digest.update(Path(__file__).with_name(name).read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:8]
