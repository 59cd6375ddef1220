"""The index of a store: what tables need of each record, so that a large store is not read file by file.

    CACHE/indexes/<hash of the store's path>.sqlite

The index is never the truth. It is kept in the user's own cache and not in the store, because a store may be
handed in, with a forged index in it. An entry counts only while size, times and inode of the record's file,
and of the files of its checkpoint, are those of the moment when every byte of them was checked. The name of a
record is the hash of its content, so what the index says of an id is true of every file that deserves the
name. The stamp tells whether the file must be checked again. Without a usable index the records are read.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import Any

from llm_baselines.spec import AgentSpec, EnvironmentSpec, EvaluationSpec, RewardSpec, RunSpec, TrainingSpec
from llm_benchmarks.console.garbage import without_collections
from llm_benchmarks.records.index_file import BrokenIndex, Entry, IndexFile, as_json, publish
from llm_benchmarks.records.listing import listed_records
from llm_benchmarks.records.record import Outcomes, Record, Rows
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import RecordError
from llm_envs import __version__
from llm_envs.assets import cache_home

LEAST = 100
"""A store with fewer records has no index: reading them takes no time."""

TOLD_FROM = 1000  # records that are read in vain, before a line says so
_FORMAT = 1
_FOLDER = "indexes"


def summaries(store: RecordStore, problems: dict[str, str] | None = None, least: int = LEAST) -> list[Record]:
    """Returns what tables need of all readable records, sorted by id; from the index as far as there is one.

    The records are those of `RecordStore.records`, with the same numbers. `data` may lack provenance, error,
    curve and files; `RecordStore.load` has them.

    Args:
        store: The store.
        problems: Receives id -> what is wrong, for each unreadable record.
        least: Stores with fewer records are read without an index.
    """
    listed = listed_records(store.path)
    if len(listed) < least:
        return store.records(problems)
    found: dict[str, str] = {}
    try:
        records = _Indexing(store).records(listed, found)
    except BrokenIndex:
        found = {}
        records = _Indexing(store, anew=True).records(listed, found)
    if problems is not None:
        problems |= found
    return records


def index_path(store: RecordStore) -> Path:
    """Returns the path of a store's index.

    Raises:
        AssetError: The user has no cache.
    """
    name = hashlib.sha256(os.path.realpath(store.path).encode("utf-8", "surrogateescape")).hexdigest()
    return cache_home() / _FOLDER / f"{name[:32]}.sqlite"


class _Indexing:
    """Reads a store through its index, and brings the index up to date."""

    def __init__(self, store: RecordStore, anew: bool = False) -> None:
        self._store = store
        self._about = {"format": str(_FORMAT), "store": os.path.realpath(store.path), "code": _code()}
        self._path: Path | None = None
        self._file: IndexFile | None = None
        self._why = ""
        try:
            self._path = index_path(store)
            self._file = None if anew else IndexFile(self._path, self._about)
        except FileNotFoundError:
            pass
        except (BrokenIndex, OSError, ValueError) as error:
            self._why = str(error)
        self._parts = _Parts(self._file.parts if self._file is not None else {})

    def records(self, listed: dict[str, str | None], problems: dict[str, str]) -> list[Record]:
        known = self._file.entries if self._file is not None else {}
        fresh: dict[str, Entry] = {}
        former: dict[str, Record] = {}  # folders of schema 1, which have no stamp
        try:
            for id, stamp in listed.items():
                if id in known and known[id].stamp == stamp:
                    continue
                try:
                    record = self._store.load(id)
                except RecordError as error:
                    problems[id] = str(error)
                    continue
                if stamp is None:
                    former[id] = record
                else:
                    fresh[id] = self._entry(record, stamp)
        finally:  # what an interrupted command has read need not be read again
            if fresh:
                self._publish(fresh, known.keys() - listed.keys())
        with without_collections():
            return [
                former[id] if id in former else self._summary(id, fresh.get(id) or known[id])
                for id in listed
                if id not in problems
            ]

    def _publish(self, fresh: dict[str, Entry], gone: set[str]) -> None:
        try:
            if self._path is not None:
                publish(self._path, self._about, self._file, self._parts.fresh, fresh, gone)
                return
        except (OSError, sqlite3.Error) as error:
            self._why = str(error)
        if len(fresh) >= TOLD_FROM:
            warnings.warn(
                f"no index of '{self._store.path}' could be kept, so {len(fresh):,} records are read each "
                f"time: {self._why}; set LLM_ENVS_HOME to a folder of yours",
                stacklevel=2,
            )

    def _entry(self, record: Record, stamp: str) -> Entry:
        data = record.data
        spec = dict(data["spec"])
        training = spec["training"]
        seed = None
        if training is not None:
            training = dict(training)
            seed = training.pop("seed")
        shared = (spec["environment"], spec["agent"], training, spec["evaluation"], data["facts"])
        content = [
            *map(self._parts.number, shared),
            seed,
            spec["experiment"],
            spec["variant"],
            data["identity"],
            data["status"],
            data["results"],
            data["cost"],
            data.get("supersedes"),
        ]
        return Entry(stamp, as_json(content), *record.outcomes())

    def _summary(self, id: str, entry: Entry) -> Record:
        try:
            return self._made(id, entry)
        except (LookupError, TypeError, ValueError) as error:
            raise BrokenIndex(f"what it says of {id} makes no record: {error}") from error

    def _made(self, id: str, entry: Entry) -> Record:
        (environment, agent, training, evaluation, facts, seed, experiment, variant, *others) = json.loads(
            entry.content
        )
        identity, status, results, cost, supersedes = others
        parts = self._parts
        spec = RunSpec(
            environment=parts.made(_environment, environment),
            agent=parts.made(_agent, agent),
            training=parts.training(training, seed),
            evaluation=parts.made(_evaluation, evaluation),
            experiment=experiment,
            variant=variant,
        )
        data = {
            "identity": identity,
            "status": status,
            "facts": parts.made(_facts, facts),
            "results": results,
            "cost": cost,
            **({} if supersedes is None else {"supersedes": supersedes}),
        }
        return Record(
            id=id,
            data=data,
            spec=spec,
            read_episodes=partial(_episodes, self._store, id),
            read_outcomes=partial(_outcomes, self._store, self._file, id, entry),
        )


class _Parts:
    """JSON values that many records share. Each is parsed once, and its object is shared too."""

    def __init__(self, contents: Mapping[int, str]) -> None:
        self._contents = dict(contents)
        self._numbers = {content: number for number, content in contents.items()}
        self._next = max(contents, default=-1) + 1
        self._made: dict[tuple[Any, ...], Any] = {}
        self.fresh: dict[int, str] = {}

    def number(self, value: Any) -> int:
        """Returns the number of a value, a new one if it has none."""
        content = as_json(value)
        if content not in self._numbers:
            self._numbers[content] = self._next
            self._contents[self._next] = self.fresh[self._next] = content
            self._next += 1
        return self._numbers[content]

    def made(self, make: Callable[..., Any], number: int, *others: Any) -> Any:
        """Returns what a function makes of a value."""
        key = (make, number, *others)
        if key not in self._made:
            self._made[key] = make(json.loads(self._contents[number]), *others)
        return self._made[key]

    def training(self, number: int, seed: int | None) -> TrainingSpec | None:
        """Returns a training. The parts that do not depend on the seed are shared by those of all seeds."""
        key = (_training, number, seed)
        if key not in self._made:
            whole = self.made(_training, number)
            self._made[key] = None if whole is None else replace(whole, seed=seed)
        made: TrainingSpec | None = self._made[key]
        return made


def _facts(values: dict[str, Any]) -> dict[str, Any]:
    return values


def _environment(values: dict[str, Any]) -> EnvironmentSpec:
    return EnvironmentSpec(**values)


def _agent(values: dict[str, Any]) -> AgentSpec:
    return AgentSpec(**{**values, "tuning_seeds": tuple(values["tuning_seeds"])})


def _evaluation(values: dict[str, Any]) -> EvaluationSpec:
    return EvaluationSpec(**{**values, "reward": RewardSpec(**values["reward"])})


def _training(values: dict[str, Any] | None) -> TrainingSpec | None:
    return None if values is None else TrainingSpec(**{**values, "reward": RewardSpec(**values["reward"])})


def _episodes(store: RecordStore, id: str) -> Rows:
    return store.load(id, rows=False).episodes()


def _outcomes(store: RecordStore, file: IndexFile | None, id: str, entry: Entry) -> Outcomes:
    if entry.rewards is not None and entry.examples is not None:
        return list(entry.rewards), list(entry.examples)
    try:
        if file is not None:
            return file.outcomes(id)
    except BrokenIndex:  # the record itself has them
        pass
    return store.load(id, rows=False).outcomes()


@cache
def _code() -> str:
    """Returns a hash of the release and of the code that reads and checks records."""
    digest = hashlib.sha256(f"{__version__} {_FORMAT}".encode())
    files = [resources.files("llm_baselines").joinpath("spec.py")]
    for package in ("llm_benchmarks.records", "llm_envs.foreign"):
        files += sorted(resources.files(package).iterdir(), key=lambda file: file.name)
    for file in files:
        own = file.name.startswith("index")  # what they write has a format of its own
        if file.name.endswith((".py", ".json")) and not own:
            digest.update(file.read_bytes())
    return digest.hexdigest()
