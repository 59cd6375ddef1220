"""What `leaderboard verify` found about the records of a store, kept beside them.

    STORE/verification.json    record id -> the level that holds, and what does not

The id of a record is the hash of its content. So an altered record has another id, and no verdict. Whoever
can write into a store can write this file too: it says what somebody found, and a reader who needs to know
verifies again. `merge` does not copy it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal

from llm_baselines.storage.exchange import replace_file
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import RecordError
from llm_envs.foreign import ForeignDataError, read_json

NAME = "verification.json"
_FORMAT = 1
_HIGHEST = 3
_LONGEST = 1000  # characters of a reason
_PATIENCE = 60.0  # seconds to wait for another process that writes


@dataclass(frozen=True)
class KeptVerdict:
    """What was found about one record.

    Attributes:
        level: The highest level that holds; None if the record is damaged.
        tried: The highest level that was tried.
        outcome: "holds", "fails" or "unknown": whether every level that was tried holds.
        reason: What does not hold, or why it cannot be tried.
        release: The release of llm-envs that verified.
        verified_at: When, in UTC.
    """

    level: int | None
    tried: int
    outcome: Literal["holds", "fails", "unknown"]
    reason: str
    release: str
    verified_at: str

    @property
    def badge(self) -> str:
        """The verdict in a word or two, such as "V2" or "fails V1"."""
        if self.outcome == "fails":
            return f"fails V{self.tried}"
        return "" if self.level is None else f"V{self.level}"


def read_verdicts(store: RecordStore) -> dict[str, KeptVerdict]:
    """Returns the verdicts of a store by record id; an empty dict if nothing was verified.

    Raises:
        RecordError: The file is damaged; remove it and verify again.
    """
    path = store.path / NAME
    try:
        content = read_json(path)
    except FileNotFoundError:
        return {}
    except (ForeignDataError, OSError) as error:
        raise RecordError(f"{NAME}: cannot be read: {error}; remove it and verify again") from error
    try:
        if content["format"] != _FORMAT:
            raise ValueError(f"format {content['format']!r} is unknown; this release reads {_FORMAT}")
        return {id: _verdict(values) for id, values in content["records"].items()}
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(f"{NAME}: {error}; remove it and verify again") from error


def keep_verdicts(store: RecordStore, found: Mapping[str, KeptVerdict]) -> None:
    """Adds verdicts to those of a store, atomically; another process that does so waits.

    An earlier verdict of a higher level stays if the new one confirms what it tried. Verdicts of records that
    left the store are dropped.

    Raises:
        RecordError: The present file is damaged.
        OSError: The file cannot be written, or another process holds its lock for a minute.
    """
    waited_since = time.monotonic()
    while (lock := store.claim(NAME)) is None:
        if time.monotonic() - waited_since > _PATIENCE:
            raise OSError(f"'{store.path / NAME}': another process writes it for more than a minute")
        time.sleep(0.05)
    try:
        kept = read_verdicts(store)
        for id, verdict in found.items():
            earlier = kept.get(id)
            if earlier is None or not _confirms(verdict, earlier):
                kept[id] = verdict
        replace_file(store.path / NAME, _to_json(kept, store.ids()))
    finally:
        lock.release()
        with suppress(OSError):  # other locks are there
            lock.path.parent.rmdir()


def _confirms(new: KeptVerdict, earlier: KeptVerdict) -> bool:
    """Returns True if a new verdict found what an earlier one, which went further, had found before."""
    return new.outcome == earlier.outcome == "holds" and (new.level or 0) < (earlier.level or 0)


def _to_json(verdicts: Mapping[str, KeptVerdict], ids: Iterable[str]) -> str:
    present = sorted(set(ids) & verdicts.keys())
    lines = [f"  {json.dumps(id)}: {json.dumps(asdict(verdicts[id]))}" for id in present]
    return f'{{"format": {_FORMAT}, "records": {{\n' + ",\n".join(lines) + "\n}}\n"


def _verdict(values: Any) -> KeptVerdict:
    """Returns a verdict of the file.

    Raises:
        ValueError: A field has a value that is never written.
        TypeError: A field is missing or unknown.
    """
    verdict = KeptVerdict(**values)
    levels = range(_HIGHEST + 1)
    texts = (verdict.reason, verdict.release, verdict.verified_at)
    whole = (
        type(verdict.tried) is int
        and verdict.tried in levels
        and (verdict.level is None or (type(verdict.level) is int and verdict.level in levels))
        and verdict.outcome in ("holds", "fails", "unknown")
        and all(isinstance(text, str) and len(text) <= _LONGEST for text in texts)
    )
    if not whole:
        raise ValueError("a verdict has a value that no verification writes")
    return verdict


def shortened(reason: str) -> str:
    """Returns a reason as it is kept: of bounded length."""
    return reason if len(reason) <= _LONGEST else reason[: _LONGEST - 1] + "…"
