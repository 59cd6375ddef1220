"""Takes records out of a store's tables without deleting anything.

    STORE/quarantine/<id>/    the record's file, its checkpoint, and reason.json

A damaged record is left out of every table anyway, and named each time. In quarantine it is out of the way,
with the reason beside it. Nothing there is read as a record, merged or counted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llm_baselines.storage.exchange import flush_folder, replace_file
from llm_benchmarks.records.provenance import utc_now
from llm_benchmarks.records.record_file import checkpoint_folder, record_path
from llm_benchmarks.records.store import RecordStore, is_record_name
from llm_benchmarks.records.values import RecordError
from llm_envs import __version__
from llm_envs.foreign import ForeignDataError, read_json

FOLDER = "quarantine"
_REASON = "reason.json"
_LONGEST = 4000  # characters of a reason


@dataclass(frozen=True)
class Quarantined:
    """A record in quarantine.

    Attributes:
        record: Its id.
        reason: Why it was moved.
        moved_at: When, in UTC.
        release: The release of llm-envs that moved it.
        place: Its folder's name in the quarantine.
    """

    record: str
    reason: str
    moved_at: str
    release: str
    place: str


def damaged(store: RecordStore) -> tuple[dict[str, str], dict[str, str]]:
    """Reads every record of a store.

    Returns:
        Id -> what is wrong, for the records that are damaged; and likewise for those that this machine could
        not read now, which may be whole: a disk that is away, a file without permission.
    """
    wrong: dict[str, str] = {}
    unread: dict[str, str] = {}
    for id in store.ids():
        try:
            store.load(id)
        except RecordError as error:
            (unread if isinstance(error.__cause__, OSError) else wrong)[id] = str(error)
    return wrong, unread


def quarantine(store: RecordStore, id: str, reason: str) -> Quarantined | None:
    """Moves a record and its checkpoint into the quarantine.

    A process that dies in between leaves the record in the store, or in quarantine with its reason. Moving it
    again moves what is left.

    Args:
        store: The store.
        id: The record's whole id.
        reason: Why.

    Returns:
        What was moved; None if the store has no such record: another process may have moved it.

    Raises:
        OSError: The file system refused.
    """
    parts = [checkpoint_folder(store.path, id), record_path(store.path, id), store.path / id]
    parts = [part for part in parts if os.path.lexists(part)]
    if not parts:
        return None
    place = _free_place(store.path / FOLDER, id, [part.name for part in parts])
    reason = reason if len(reason) <= _LONGEST else reason[: _LONGEST - 1] + "…"
    moved = Quarantined(id, reason, utc_now(), __version__, place.name)
    told = {name: value for name, value in asdict(moved).items() if name != "place"}
    replace_file(place / _REASON, json.dumps(told, indent=2) + "\n")
    for part in parts:  # the record last: while it is in the store, moving can be begun again
        with suppress(FileNotFoundError):  # another process moved it
            os.rename(part, place / part.name)
    flush_folder(place)
    flush_folder(store.path)
    return moved


def quarantined(store: RecordStore, problems: dict[str, str] | None = None) -> list[Quarantined]:
    """Returns the records in quarantine, the latest last.

    Args:
        store: The store.
        problems: Receives folder name -> what is wrong with its reason.json.
    """
    found = []
    folder = store.path / FOLDER
    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            one = _read(place)
            if any(os.path.lexists(path) for path in (record_path(place, one.record), place / one.record)):
                found.append(one)  # else the process that moved it died before it did
        except (ForeignDataError, OSError, LookupError, TypeError, ValueError) as error:
            if problems is not None:
                problems[place.name] = f"{_REASON}: {error}"
    return sorted(found, key=lambda one: (one.moved_at, one.place))


def restore(store: RecordStore, id: str) -> str:
    """Moves a record back into the store, if it is whole now: a later release may read it.

    Args:
        store: The store.
        id: The record's id, or the first characters of it.

    Returns:
        The whole id.

    Raises:
        KeyError: No record in quarantine has this id, or several begin with it.
        FileExistsError: The store has a record of this id, or a checkpoint.
        RecordError: The record is still damaged. It stays where it is.
    """
    matches = [one for one in quarantined(store) if id and one.record.startswith(id)]
    if len(matches) != 1:
        what = f"{len(matches)} records in quarantine begin with" if matches else "no record in quarantine is"
        raise KeyError(f"{what} {id!r}; `llm-envs leaderboard quarantine --list --store STORE` shows all")
    [one] = matches
    place = store.path / FOLDER / one.place
    inside = RecordStore(place)
    inside.load(one.record)
    if one.record in store.ids():
        raise FileExistsError(f"'{store.path}' has a record {one.record} already")
    checkpoint = checkpoint_folder(place, one.record)
    if os.path.lexists(checkpoint):
        target = checkpoint_folder(store.path, one.record)
        if os.path.lexists(target):
            raise FileExistsError(f"'{target}' is in the way; move it elsewhere")
        os.rename(checkpoint, target)
    for part in (record_path(place, one.record), place / one.record):
        if os.path.lexists(part):
            os.rename(part, store.path / part.name)
    flush_folder(store.path)
    if [path.name for path in place.iterdir()] == [_REASON]:  # else somebody's files lie there: they stay
        (place / _REASON).unlink()
        place.rmdir()
    return one.record


def _free_place(folder: Path, id: str, names: Sequence[str]) -> Path:
    """Makes a folder for a record; a number is added if one of the same id was moved before."""
    folder.mkdir(exist_ok=True)
    if folder.is_symlink():
        raise OSError(f"'{folder}' is a link, and records are moved into no other place")
    number = 1
    while True:
        place = folder / (id if number == 1 else f"{id}.{number}")
        place.mkdir(exist_ok=True)
        if not any(os.path.lexists(place / name) for name in names):
            return place
        number += 1


def _read(place: Path) -> Quarantined:
    values: Any = read_json(place / _REASON)
    if not isinstance(values, dict):
        raise ValueError("it is no JSON object")
    one = Quarantined(**values, place=place.name)
    texts = (one.record, one.reason, one.moved_at, one.release)
    if not all(isinstance(text, str) and len(text) <= _LONGEST for text in texts):
        raise ValueError("a value is no text, or too long")
    if not is_record_name(one.record) or place.name.partition(".")[0] != one.record:
        raise ValueError("it is of another record")
    return one
