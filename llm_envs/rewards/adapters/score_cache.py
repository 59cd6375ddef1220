"""Scores on disk, so that a server is asked once for each text."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from llm_envs.assets import cache_home

_AT_ONCE = 500


class ScoreCache:
    """A table of scores in one SQLite file. It can be pickled, and processes may share it.

    Args:
        place: The file. The default is `rewards/http.sqlite3` in the cache folder of this package.
    """

    def __init__(self, place: Path | None = None) -> None:
        self.place = cache_home() / "rewards" / "http.sqlite3" if place is None else place

    @staticmethod
    def key(request: Mapping[str, Any]) -> str:
        """Returns the key of a request: a hash over all that can change the score."""
        return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()

    def get(self, keys: Iterable[str]) -> dict[str, float]:
        """Returns the known scores among these keys."""
        wanted = list(keys)
        found: dict[str, float] = {}
        with self._table() as table:
            for start in range(0, len(wanted), _AT_ONCE):
                part = wanted[start : start + _AT_ONCE]
                marks = ",".join("?" * len(part))
                found.update(table.execute(f"SELECT key, score FROM scores WHERE key IN ({marks})", part))
        return found

    def put(self, scores: Mapping[str, float]) -> None:
        """Adds scores."""
        with self._table() as table, table:
            table.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?)", list(scores.items()))

    @contextmanager
    def _table(self) -> Iterator[sqlite3.Connection]:
        """Opens the file for one use: connections survive neither pickling nor forks."""
        try:
            self.place.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.place, timeout=60)) as table:
                table.execute("CREATE TABLE IF NOT EXISTS scores (key TEXT PRIMARY KEY, score REAL NOT NULL)")
                yield table
        except (sqlite3.Error, OSError) as error:
            raise ValueError(
                f"the cache of scores '{self.place}' cannot be used ({error}); delete the file, or give "
                "cache=False"
            ) from error
