"""Records as a forger writes them: any bytes, with the hashes refitted."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import made_up

from llm_benchmarks.records.results import summarize
from llm_benchmarks.records.values import RecordError, json_line

Lines = list[bytes]
"""The content of a record's file: the record, then its episodes."""

CURVE = [{"timesteps": 10, "seconds": 0.5, "eval/mean_reward": 0.25}]


def lines_of(record: Any, rows: Any) -> Lines:
    """The lines of a record, whatever is in it."""
    return [_json(value) + b"\n" for value in (record, *rows)]


def _json(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def plant(store: Path, lines: Lines) -> str:
    """Writes a record's file under the name that fits its content."""
    return plant_bytes(store, b"".join(lines))


def plant_bytes(store: Path, content: bytes) -> str:
    """Writes any content as a record's file, under the name that fits it."""
    store.mkdir(parents=True, exist_ok=True)
    id = hashlib.sha256(content).hexdigest()
    (store / f"{id}.jsonl.gz").write_bytes(gzip.compress(content, mtime=0))
    return id


def content_of(store: Path, id: str) -> bytes:
    """The uncompressed content of a record's file."""
    return gzip.decompress((store / f"{id}.jsonl.gz").read_bytes())


def forge(store: Path, id: str, old: bytes, new: bytes) -> str:
    """Replaces bytes of a record's content and fits its name, as a forger would."""
    content = content_of(store, id)
    assert old in content
    (store / f"{id}.jsonl.gz").unlink()
    return plant_bytes(store, content.replace(old, new))


def refitted(record: Any, rows: Any) -> tuple[Any, Any]:
    """A record whose identity and results follow from what it says now, as far as there are any."""
    with contextlib.suppress(ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        record["results"] = summarize(rows) if record["results"] is not None else None
    with contextlib.suppress(RecordError, AttributeError, LookupError, TypeError, ValueError):
        made_up.identified(record)
    return record, rows


def changed(value: Any, path: str, new: Any) -> None:
    """Puts a value at a dotted path."""
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        value = value[step]
    value[last] = new


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Every dotted path into a JSON value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in parts:
        here = f"{path}.{key}" if path else str(key)
        yield here
        yield from paths(item, here)


LONG = int("9" * 400)
ODD: list[Any] = [
    None,
    True,
    -1,
    1.5,
    2**70,
    LONG,
    1e308,
    -1e308,
    1e31,
    float("nan"),
    float("inf"),
    "x",
    "",
    "\ud800",
    "x" * 5000,
    [],
    {},
    [[[[]]]],
    {"a": {"b": "c"}},
    {"id": 3},
    json.loads("[" * 80 + "]" * 80),
]
"""What a mutation puts in place of a value."""


def mutation(rng: random.Random, seed: int) -> Lines:
    """A record of which one thing was altered: a field, a field that is missing or too many, a byte."""
    record, rows = made_up.run("hostile", seed, steps=seed, curve=json.loads(json.dumps(CURVE)))
    target = rng.choice([record, record, rows, record["curve"]])
    path = rng.choice(list(paths(target)))
    how = rng.choice(["value", "value", "value", "missing", "extra", "byte", "cut"])
    if how == "value":
        changed(target, path, rng.choice(ODD))
    if how == "missing" and not path.rpartition(".")[2].isdigit():
        changed(target, path, None)
    if how == "extra":
        changed(target, path, {"surprise": 1})
    if rng.random() < 0.7:
        record, rows = refitted(record, rows)
    lines = lines_of(record, rows)
    if how in ("byte", "cut"):
        number = rng.randrange(len(lines))
        data, at = bytearray(lines[number]), rng.randrange(len(lines[number]))
        data[at] = rng.randrange(256)
        lines[number] = bytes(data) if how == "byte" else bytes(data[:at])
    return lines


def good(record: Any, rows: Any) -> Lines:
    """A record as we write it."""
    if not record["curve"]:
        record = {**record, "curve": CURVE}
    return [json_line(value) for value in (record, *rows)]
