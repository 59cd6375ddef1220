"""Records as a forger writes them: any bytes, with the hashes refitted."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import made_up

from llm_benchmarks.records.folder import json_bytes
from llm_benchmarks.records.record import RecordError, cell_key, summarize

Files = dict[str, bytes]
CURVE = [{"timesteps": 10, "seconds": 0.5, "eval/mean_reward": 0.25}]


def files_of(record: Any, rows: Any, curve: Any = CURVE) -> Files:
    """The bytes of a record, whatever is in it."""
    lines = {"episodes.jsonl": rows, "curve.jsonl": curve}
    return {
        "record.json": _json(record) + b"\n",
        **{name: b"".join(_json(row) + b"\n" for row in found) for name, found in lines.items()},
    }


def _json(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def plant(store: Path, files: Files, manifest: Callable[[Any], Any] = lambda told: told) -> str:
    """Writes a record with a manifest that fits its bytes and a folder that fits the manifest."""
    listed = {n: {"sha256": hashlib.sha256(d).hexdigest(), "size": len(d)} for n, d in files.items()}
    raw = _json(manifest({"manifest_version": 1, "files": listed}))
    folder = store / hashlib.sha256(raw).hexdigest()
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "manifest.json").write_bytes(raw)
    return folder.name


def refitted(record: Any, rows: Any) -> tuple[Any, Any]:
    """A record whose cell key and summary follow from what it says now, as far as there are any."""
    with contextlib.suppress(ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        record["results"] = summarize(rows) if record["results"] is not None else None
    with contextlib.suppress(RecordError, AttributeError, LookupError, TypeError):
        record["cell_key"] = cell_key(record)
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


def mutation(rng: random.Random, seed: int) -> Files:
    """A record of which one thing was altered: a field, a field that is missing or too many, a byte."""
    record, rows = made_up.run("hostile", seed)
    curve = json.loads(json.dumps(CURVE))
    target = rng.choice([record, record, rows, curve])
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
    files = files_of(record, rows, curve)
    if how in ("byte", "cut"):
        name = rng.choice(sorted(files))
        data, at = bytearray(files[name]), rng.randrange(len(files[name]))
        data[at] = rng.randrange(256)
        files[name] = bytes(data) if how == "byte" else bytes(data[:at])
    return files


def good(record: Any, rows: Any) -> Files:
    """A record as we write it."""
    return {
        "record.json": json_bytes(record, indent=2),
        "episodes.jsonl": b"".join(map(json_bytes, rows)),
        "curve.jsonl": b"".join(map(json_bytes, CURVE)),
    }
