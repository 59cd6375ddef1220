"""Writes a leaderboard in the form of Every Eval Ever: JSON for each row, and its episodes as JSON Lines.

    OUT/data/<environment>/<developer>/<agent>/<uuid>.json
    OUT/data/<environment>/<developer>/<agent>/<uuid>_samples.jsonl

The form is version 0.3.0 of the schema of the EvalEval Coalition, https://github.com/evaleval/every_eval_ever.
The same records give the same files: ids and times come from the records.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from llm_baselines.storage.exchange import replace_file
from llm_benchmarks.leaderboard.rows import Row
from llm_benchmarks.leaderboard.scores import Scores, results_of
from llm_benchmarks.leaderboard.statistics import Interval, mean_interval
from llm_benchmarks.leaderboard.tables import Table
from llm_benchmarks.records.record import Record
from llm_benchmarks.records.store import RecordStore
from llm_envs import __version__
from llm_envs.rewards.cards import CARDS

SCHEMA_VERSION = "0.3.0"
DEVELOPER = "llm-envs"
_REWARD = "mean_reward"
_CORRECT = ("success", "task_success", "exact_match")
"""Metrics that say whether a text is right, the first one that an episode has."""

_UNUSABLE = re.compile(r"[^A-Za-z0-9._-]+")
_RESERVED = re.compile(r"data|con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)
_RANGE = re.compile(r"(-?\d+) (?:to|or) (\d+)")
_UNBOUNDED = ("-Infinity", "Infinity")
_LEVEL = 0.95
_LONGEST_NAME = 80


def write_logs(
    tables: Iterable[Table], store: RecordStore, out: Path, developer: str = DEVELOPER
) -> list[Path]:
    """Writes every row that has a score.

    Args:
        tables: The tables of the store.
        store: Its records, which hold the episodes.
        out: The folder; created if absent. Files of other names stay.
        developer: Who made the agents.

    Returns:
        The JSON files.

    Raises:
        RecordError: A record has changed since the tables were made.
        OSError: A file cannot be written.
    """
    written = []
    for table in tables:
        names = agent_names(table)
        for row, name in zip(table.rows, names, strict=True):
            if row.score is None:
                continue
            records = [store.load(id) for id in row.records]
            model = f"{path_name(developer)}/{name}"
            folder = f"data/{path_name(table.env)}/{model}"
            id = _uuid(table, row)
            log = _log(table, row, records, model)
            samples = "".join(_samples(table, records, log))
            log["detailed_evaluation_results"] = {
                "format": "jsonl",
                "file_path": f"{folder}/{id}_samples.jsonl",
                "hash_algorithm": "sha256",
                "checksum": hashlib.sha256(samples.encode()).hexdigest(),
                "total_rows": samples.count("\n"),
            }
            (out / folder).mkdir(parents=True, exist_ok=True)
            replace_file(out / f"{folder}/{id}_samples.jsonl", samples)
            replace_file(out / f"{folder}/{id}.json", _json(log, indent=2) + "\n")
            written.append(out / f"{folder}/{id}.json")
    return written


def agent_names(table: Table) -> list[str]:
    """Returns a name for each row that can be a folder's; rows of equal names get a part of their hash."""
    names = [path_name(f"{row.agent} {row.label}".strip()) for row in table.rows]
    return [
        name if names.count(name) == 1 else f"{name}-{_uuid(table, row)[:8]}"
        for name, row in zip(names, table.rows, strict=True)
    ]


def path_name(text: str) -> str:
    """Returns a text as the name of a folder on every system.

    Spaces become "-". A part of the text's hash is added where it has other signs, is long, or is reserved.
    """
    plain = text.replace(" ", "-")
    name = _UNUSABLE.sub("-", plain)[:_LONGEST_NAME].strip("-. ")
    if name != plain or _RESERVED.fullmatch(name.partition(".")[0]):
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{name}-{digest[:8]}".strip("-")
    return name


def newest(records: Sequence[Record]) -> str:
    """Returns when the last of some runs ended."""
    return max(str(record.provenance["finished_at"]) for record in records)


def _log(table: Table, row: Row, records: Sequence[Record], model: str) -> dict[str, Any]:
    first = records[0]
    ended = newest(records)
    created = str(int(datetime.fromisoformat(ended.replace("Z", "+00:00")).timestamp()))
    name = f"llm-envs/{path_name(table.env)}"
    versions = sorted({str(r.provenance["packages"].get("llm-envs") or __version__) for r in records})
    details = {
        "deployment_type": "self_deployed",
        "model_availability": "unknown",
        "agent": row.agent,
        "variant": row.label,
        "track": first.spec.agent.track,
        "training_steps": row.training_steps,
        "training_seeds": row.seeds,
        "trained_on": "; ".join(row.trained_on.values()),
        "base_model": None if first.spec.agent.base_model is None else first.spec.agent.base_model["name"],
        "verified": row.verified,
        "records": " ".join(row.records),
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"{name}/{model}/{_uuid(table, row)}/{created}",
        "evaluation_timestamp": ended,
        "retrieved_timestamp": created,
        "source_metadata": {
            "source_name": "llm-envs leaderboard",
            "source_type": "evaluation_run",
            "source_organization_name": model.partition("/")[0],
            "evaluator_relationship": "first_party",
        },
        "eval_library": {"name": "llm-envs", "version": ", ".join(versions)},
        "model_info": {
            "name": f"{row.agent} {row.label}".strip(),
            "id": model,
            "developer": model.partition("/")[0],
            "additional_details": _texts(details),
        },
        "evaluation_results": list(_results(table, row, records)),
    }


def _results(table: Table, row: Row, records: Sequence[Record]) -> Iterator[dict[str, Any]]:
    """Yields the reward that the table is sorted by, then the metrics."""
    scores = Scores.of(records)
    assert scores.interval is not None
    yield _result(table, records, _REWARD, scores.interval.estimate, scores.interval)
    for name, value in row.metrics.items():
        yield _result(table, records, name, value, _metric_interval(records, name))


def _result(
    table: Table, records: Sequence[Record], name: str, score: float, interval: Interval | None
) -> dict[str, Any]:
    first = records[0]
    facts, evaluation = first.facts, first.evaluation
    signature = table.evaluation_reward if name == _REWARD else _signature(first, name)
    card = CARDS.get(name)
    low, high = _bounds(name, score)
    source = {
        "split": table.evaluation_split,
        "content_hash": facts["dataset"]["hash"],
        "environment": table.env,
        "environment_signature": table.signature,
    }
    return {
        "evaluation_result_id": _result_id(table, name),
        "evaluation_name": table.env,
        "source_data": {
            "dataset_name": str(table.dataset),
            "source_type": "other",
            "additional_details": _texts(source),
        },
        "metric_config": {
            "metric_id": f"llm_envs.{name}",
            "metric_name": name,
            "lower_is_better": card is not None and card.direction == "lower",
            "score_type": "continuous",
            "min_score": low,
            "max_score": high,
            "additional_details": _texts({"signature": signature}),
        },
        "score_details": {
            "score": score,
            **({} if interval is None else {"uncertainty": _uncertainty(interval)}),
        },
        "generation_config": {
            "generation_args": {
                option: evaluation.decoding[option]
                for option in ("temperature", "top_p", "top_k")
                if isinstance(evaluation.decoding.get(option), int | float)
            },
            "additional_details": _texts(
                {
                    "deterministic": evaluation.deterministic,
                    "decoding": dict(evaluation.decoding),
                    "evaluation_seed": evaluation.seed,
                }
            ),
        },
    }


def _uncertainty(interval: Interval) -> dict[str, Any]:
    """Returns an interval; the number of samples is that of training seeds, or of examples."""
    found: dict[str, Any] = {"num_samples": interval.n}
    if interval.standard_error is not None:
        found["standard_error"] = {"value": interval.standard_error, "method": "analytic"}
    if interval.low is not None and interval.high is not None:
        found["confidence_interval"] = {
            "lower": interval.low,
            "upper": interval.high,
            "confidence_level": _LEVEL,
            "method": interval.method,
        }
    return found


def _metric_interval(records: Sequence[Record], name: str) -> Interval | None:
    """Returns the interval of a metric over training seeds; None where a seed has no run of its own."""
    by_seed = {record.training_seed: results_of(record)["metrics"].get(name) for record in records}
    values = [value for value in by_seed.values() if value is not None]
    return mean_interval(values) if len(values) == len(records) and None not in by_seed else None


def _samples(table: Table, records: Sequence[Record], log: Mapping[str, Any]) -> Iterator[str]:
    """Yields a line for each episode of each run, with its reward as the score."""
    for record in records:
        for row in record.episodes():
            correct = next((row["metrics"][name] for name in _CORRECT if name in row["metrics"]), None)
            source, text = _whole(row["source"]), _whole(row["text"])
            details = {
                "record": record.id,
                "episode": row["index"],
                "training_seed": record.training_seed,
                "episode_seed": row["seed"],
                "finish_reason": row["finish_reason"],
                "tokens": row["length"],
                "is_correct": "by the metric" if correct is not None else "not defined for this environment",
                **{f"metric/{name}": value for name, value in row["metrics"].items()},
            }
            yield (
                _json(
                    {
                        "schema_version": SCHEMA_VERSION,
                        "evaluation_id": log["evaluation_id"],
                        "model_id": log["model_info"]["id"],
                        "evaluation_name": table.env,
                        "evaluation_result_id": _result_id(table, _REWARD),
                        "sample_id": f"{table.evaluation_split}/{row['example']}",
                        "sample_hash": hashlib.sha256(source.encode()).hexdigest(),
                        "interaction_type": "single_turn",
                        "input": {"raw": source, "reference": []},  # a record does not hold the references
                        "output": {"raw": [text]},
                        "answer_attribution": [
                            {
                                "turn_idx": 0,
                                "source": "output.raw",
                                "extracted_value": text,
                                "extraction_method": "the whole text",
                                "is_terminal": True,
                            }
                        ],
                        "evaluation": {
                            "score": row["reward"],
                            "is_correct": correct is not None and correct >= 1,
                        },
                        "metadata": _texts(details),
                    }
                )
                + "\n"
            )


def _result_id(table: Table, name: str) -> str:
    return f"{table.env}/{table.evaluation_split}/{name}"


def _signature(record: Record, name: str) -> str | None:
    listed = {metric["name"]: metric["signature"] for metric in record.facts["metrics"]}
    return listed.get(name)


def _bounds(name: str, score: float) -> tuple[Any, Any]:
    """Returns the range of a metric as its card has it; unbounded where that says nothing, or is wrong."""
    card = CARDS.get(name)
    found = None if card is None else _RANGE.fullmatch(card.range)
    if found is not None and int(found[1]) <= score <= int(found[2]):
        return int(found[1]), int(found[2])
    return _UNBOUNDED


def _uuid(table: Table, row: Row) -> str:
    """Returns a UUID of version 4 that follows from what the row is made of."""
    text = _json([table.env, table.evaluation_split, table.evaluation_reward, table.signature, *row.records])
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Returns the values that are given, as the strings that the schema asks for."""
    given = {name: value for name, value in values.items() if value is not None and value != ""}
    return {
        name: _whole(value) if isinstance(value, str) else _json(value, sort_keys=True)
        for name, value in given.items()
    }


def _whole(text: str) -> str:
    """Returns a text that UTF-8 can hold: half a surrogate pair becomes a replacement character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _json(value: Any, **options: Any) -> str:
    return json.dumps(value, allow_nan=False, **options)
