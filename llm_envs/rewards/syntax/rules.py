"""What identifies the lists of the grammar."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def lists_hash() -> str:
    """Returns 8 hexadecimal digits that identify the lists of words. The version is that of the rules."""
    digest = hashlib.sha256()
    for name in ("nouns.txt", "words.txt"):
        digest.update(Path(__file__).with_name(name).read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:8]
