"""The record of one run: what it must say, how it is checked, and the hashes that name it.

`record.schema.json` (beside this file) is the definition; this module holds to it whatever is
written or read. `store.py` keeps records on disk.

Example:
    A run is planned first, so that a store can be asked whether it has been done, and completed
    afterwards::

        plan = {"env": ..., "dataset": ..., "tokenizer": ..., "reward": ..., "track": ...,
                "agent": ..., "seeds": ..., "budget": ..., "decoding": ...}
        if not store.find(cell_key(plan)):
            record = new_record(plan, status="completed", provenance=..., cost=...,
                                results=summarize(episodes))
            store.write(record, episodes, curve)
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics as stdlib_statistics
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import numpy as np
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError, best_match

from llm_benchmarks.records.own_data import by_content
from llm_benchmarks.records.plain_rows import PLAIN
from llm_envs.foreign import ForeignDataError, check_bounded

SCHEMA_VERSION = 1
_LONGEST_ERROR = 100_000  # characters of a message or traceback that a record keeps


class RecordError(ValueError):
    """A record that is not what it should be; the message names the file and the field.

    Attributes:
        record_id: The record in a store that is at fault, where it is known.
    """

    def __init__(self, message: str, record_id: str | None = None) -> None:
        super().__init__(message)
        self.record_id = record_id


@cache
def record_schema() -> dict[str, Any]:
    """The JSON Schema of record.json, with those of the other files under `$defs`."""
    text = resources.files(__package__).joinpath("record.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


# JSON Schema counts 1.0 as an integer; Python's seeds and indices do not.
_Validator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda checker, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


@cache
def _validator(part: str) -> Any:
    schema = record_schema()
    if part != "record":
        schema = {"$ref": f"#/$defs/{part}", "$defs": schema["$defs"]}
    return _Validator(schema)


def check_schema(value: Any, part: str, file: str) -> None:
    """Check a JSON value against one part of the schema.

    Args:
        value: The parsed value.
        part: "record", "episode", "curve_row" or "manifest".
        file: What to call it in the error message (for a line: "episodes.jsonl line 3").

    Raises:
        RecordError: Naming the file, the path of the first field at fault, and the fault.
    """
    if part in PLAIN and PLAIN[part](value):
        return
    try:
        check_bounded(value, file)
    except ForeignDataError as unbounded:
        raise RecordError(str(unbounded)) from None
    validator = _validator(part)
    if not validator.is_valid(value):
        error: ValidationError = best_match(validator.iter_errors(value))
        where = ".".join(str(step) for step in error.absolute_path) or "top level"
        message = error.message if len(error.message) < 300 else error.message[:300] + " ..."
        raise RecordError(f"{file}: {where}: {message}")


def check_record(record: Any, file: str = "record.json") -> None:
    """Check a whole record: its version, the schema, and the fields that follow from others.

    Raises:
        RecordError: Naming the file, the field and the fault.
    """
    if not isinstance(record, Mapping):
        raise RecordError(f"{file}: expected an object, got {type(record).__name__}")
    version = record.get("schema_version")
    if version != SCHEMA_VERSION:
        raise RecordError(
            f"{file}: schema_version: {version!r} is unknown; this release reads {SCHEMA_VERSION}"
        )
    check_schema(record, "record", file)
    if record["cell_key"] not in (
        cell_key(record),
        _key(record, record["env"]["kwargs"], record["agent"]["config"]),
    ):
        raise RecordError(f"{file}: cell_key: does not follow from the record's other fields")
    if record["seeds"]["disjoint"] != seeds_are_disjoint(record):
        raise RecordError(f"{file}: seeds.disjoint: is not what the seeds say")


def check_results(record: Mapping[str, Any], episodes: Sequence[Mapping[str, Any]]) -> None:
    """Check that a record's summary is that of its episodes, in order and played with the record's seed.

    Raises:
        RecordError: Naming the field whose value the episodes do not bear out, or the line at fault.
    """
    evaluation_seed = record["seeds"]["evaluation"]
    dataset, tokens = record["dataset"], record["tokenizer"]["vocabulary_size"]
    examples = dataset["sizes"].get(dataset["evaluation_split"])
    for k, row in enumerate(episodes):
        if row["index"] != k:
            raise RecordError(f"episodes.jsonl line {k + 1}: index: {row['index']}, expected {k}")
        if row["seed"] != (expected := _episode_seed(evaluation_seed, k)):
            raise RecordError(
                f"episodes.jsonl line {k + 1}: seed: {row['seed']}, expected {expected}, that of episode {k} "
                f"under seeds.evaluation {evaluation_seed}"
            )
        for name, value, limit in (
            ("example", row["example"], examples),
            ("action_ids", max(row["action_ids"], default=-1), tokens),
        ):
            if limit is not None and value >= limit:
                raise RecordError(f"episodes.jsonl line {k + 1}: {name}: {value} is not below {limit}")
    said = record["results"]
    if said is None or not episodes:
        if said is not None:
            raise RecordError("episodes.jsonl: is empty, but record.json has results")
        return
    found = summarize(episodes)
    assert found is not None  # there are episodes
    for name in corpus_metrics(record):
        if name in found["metrics"]:
            raise RecordError(f"record.json: reward.metrics: {name!r} is of the corpus, but episodes have it")
        if name not in said["metrics"]:
            raise RecordError(f"record.json: results.metrics: {name!r} of the corpus is missing")
        found["metrics"][name] = said["metrics"][name]
    flat_said, flat_found = dict(flatten(said)), dict(flatten(found))
    for path in sorted(flat_said.keys() | flat_found.keys()):
        a, b = flat_said.get(path), flat_found.get(path)
        if a != b and not _nearly(a, b):
            raise RecordError(f"record.json: results.{path}: {a}, but episodes.jsonl gives {b}")


def corpus_metrics(record: Mapping[str, Any]) -> list[str]:
    """The metrics that were computed once over all episodes, which no single episode bears out."""
    return [m["name"] for m in record["reward"]["metrics"] if m.get("level") == "corpus"]


@lru_cache(maxsize=2**16)  # a store's records share them
def _episode_seed(evaluation_seed: int, index: int) -> int:
    from llm_envs.evaluation import episode_seed

    return episode_seed(evaluation_seed, index)


def new_record(plan: Mapping[str, Any], *, status: str, **sections: Any) -> dict[str, Any]:
    """Complete a plan to a record: fill in what follows from the rest, and check it.

    Args:
        plan: The sections known before the run: env, dataset, tokenizer, reward, track, agent,
            seeds (training and evaluation), budget, decoding.
        status: "completed", "failed" or "interrupted".
        **sections: provenance, cost, and as they apply results and error; also any section of the
            plan that the run has completed (an agent's checkpoint hash). NumPy values are fine.

    Returns:
        A record that `RecordStore.write` takes.

    Raises:
        RecordError: If a section is missing or wrong.
    """
    record = {"schema_version": SCHEMA_VERSION, "status": status, "error": None, "results": None}
    record = plain({**record, **plan, **sections}, "record.json")
    for name in ("env", "dataset", "reward", "agent", "seeds", "budget", "decoding", "track"):
        if name not in record:
            raise RecordError(f"record.json: {name}: is missing")
    try:
        record["seeds"]["disjoint"] = seeds_are_disjoint(record)
        record["cell_key"] = cell_key(record)
    except (KeyError, TypeError) as error:
        raise RecordError(f"record.json: {error} is missing or of the wrong type") from error
    check_record(record)
    return record


def summarize(
    episodes: Iterable[Mapping[str, Any]], corpus: Mapping[str, float] | None = None
) -> dict[str, Any] | None:
    """The results section: means over episode rows; None if there are no rows.

    Args:
        episodes: The rows.
        corpus: Metrics that were computed once over all of them, by name.
    """
    rows = list(episodes)
    if not rows:
        return None
    rewards = [float(row["reward"]) for row in rows]
    metrics: dict[str, float | None] = {}
    for name in dict.fromkeys(name for row in rows for name in row["metrics"]):
        values = [row["metrics"].get(name) for row in rows]
        defined = [float(value) for value in values if value is not None]
        metrics[name] = math.fsum(defined) / len(defined) if defined else None
    metrics |= corpus or {}
    return {
        "episodes": len(rows),
        "mean_reward": math.fsum(rewards) / len(rows),
        "std_reward": stdlib_statistics.stdev(rewards) if len(rows) > 1 else 0.0,
        "metrics": metrics,
        "finish_reasons": dict(Counter(row["finish_reason"] or "none" for row in rows)),
        "mean_length": math.fsum(row["length"] for row in rows) / len(rows),
    }


def error_section(error: BaseException) -> dict[str, str]:
    """The error section of a failed record."""
    return {
        "type": type(error).__name__,
        "message": str(error)[:_LONGEST_ERROR],
        "traceback": "".join(traceback.format_exception(error))[-_LONGEST_ERROR:],
    }


def cell_key(record: Mapping[str, Any]) -> str:
    """Name what a run is asked to do; equal keys need not be run twice.

    Takes a record or a plan (see `new_record`). What goes in: the environment, the split and
    reward it is judged by, metrics other than the environment's own, the agent and its
    configuration, the track, the training reward, both seeds, the budget and the decoding. What
    a run finds out (checkpoint hashes, times) does not, nor does num_envs, which changes no result.
    Files and folders go in by what they hold (`own_data`).

    Returns:
        64 hexadecimal digits.
    """
    return _key(record, *by_content(record))


def _key(record: Mapping[str, Any], kwargs: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """The cell key with these arguments and this configuration; earlier releases took them as they stand."""
    agent, seeds, reward = record["agent"], record["seeds"], record["reward"]
    asked = {"metrics": reward["metrics_spec"]} if "metrics_spec" in reward else {}
    return content_hash(
        {
            **asked,
            "env": {"id": record["env"]["id"], "kwargs": kwargs, "signature": record["env"]["signature"]},
            "evaluation_split": record["dataset"]["evaluation_split"],
            "evaluation_reward": reward["evaluation"],
            "training_reward": reward["training"],
            "agent": {"name": agent["name"], "config": config},
            "track": record["track"],
            "seeds": {name: seeds[name] for name in ("training", "evaluation")},
            "budget": record["budget"],
            "decoding": {name: record["decoding"][name] for name in ("deterministic", "options")},
        }
    )


def seeds_are_disjoint(record: Mapping[str, Any]) -> bool:
    """Whether no seed serves two of training, evaluation and tuning."""
    seeds, tuning = record["seeds"], set(record["agent"]["tuning"]["seeds"])
    used = [seed for seed in (seeds["training"], seeds["evaluation"]) if seed is not None]
    return len(set(used)) == len(used) and tuning.isdisjoint(used)


def content_hash(value: Any) -> str:
    """The SHA-256 of a value's canonical JSON; good for signatures of configurations."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def canonical_json(value: Any) -> bytes:
    """The one spelling of a JSON value: sorted keys, no spaces, UTF-8.

    Raises:
        RecordError: If the value cannot be JSON, with the path of the part at fault.
    """
    value = plain(value, "value")
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def plain(value: Any, file: str, path: str = "") -> Any:
    """Turn mappings, tuples and NumPy values into what `json` writes.

    Raises:
        RecordError: For NaN, infinity and anything else that JSON has no word for.
    """
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise RecordError(f"{file}: {path or 'value'}: NaN and infinity are not valid JSON")
        return value
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise RecordError(f"{file}: {path or 'top level'}: key {key!r} is not a string")
        return {key: plain(item, file, _join(path, key)) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(item, file, _join(path, i)) for i, item in enumerate(value)]
    raise RecordError(f"{file}: {path or 'value'}: {type(value).__name__} cannot be written as JSON")


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested objects as (dotted path, value); lists count as leaves."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from flatten(item, _join(path, key))
    else:
        yield path, value


def _join(path: str, step: object) -> str:
    return f"{path}.{step}" if path else str(step)


def _nearly(a: Any, b: Any) -> bool:
    if not isinstance(a, int | float) or not isinstance(b, int | float):
        return False
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
