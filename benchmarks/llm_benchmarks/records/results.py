"""The results of a record: how they follow from its episodes, and the check that they do."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from llm_benchmarks.records.values import RecordError, flatten
from llm_envs.evaluation import episode_seed


def summarize(
    episodes: Iterable[Mapping[str, Any]], corpus: Mapping[str, float] | None = None
) -> dict[str, Any] | None:
    """The results section: means over the episodes.

    Args:
        episodes: The rows.
        corpus: Metrics that were computed once over all of them, by name.

    Returns:
        The section; None if there are no rows.
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
        "std_reward": statistics.stdev(rewards) if len(rows) > 1 else 0.0,
        "metrics": metrics,
        "finish_reasons": dict(Counter(row["finish_reason"] or "none" for row in rows)),
        "mean_length": math.fsum(row["length"] for row in rows) / len(rows),
    }


def check_results(record: Mapping[str, Any], episodes: Sequence[Mapping[str, Any]]) -> None:
    """Checks that a record's results are those of its episodes, played in order with the record's seed.

    Args:
        record: A checked record.
        episodes: Its rows, each checked against the schema.

    Raises:
        RecordError: The message names the field that the episodes contradict, or the episode at fault.
    """
    facts, evaluation = record["facts"], record["spec"]["evaluation"]
    examples = facts["dataset"]["sizes"].get(evaluation["split"])
    tokens = facts["tokenizer"]["vocabulary_size"]
    for k, row in enumerate(episodes):
        if row["index"] != k:
            raise RecordError(f"episode {k}: index: {row['index']}, expected {k}")
        if row["seed"] != (expected := _episode_seed(evaluation["seed"], k)):
            raise RecordError(
                f"episode {k}: seed: {row['seed']}, expected {expected}, that of episode {k} "
                f"under spec.evaluation.seed {evaluation['seed']}"
            )
        for name, value, limit in (
            ("example", row["example"], examples),
            ("action_ids", max(row["action_ids"], default=-1), tokens),
        ):
            if limit is not None and value >= limit:
                raise RecordError(f"episode {k}: {name}: {value} is not below {limit}")
    said = record["results"]
    if said is None:
        return
    found = summarize(episodes)
    if found is None:
        raise RecordError("record: results: there are some, but no episodes")
    for name in corpus_metrics(facts):
        if name in found["metrics"]:
            raise RecordError(f"record: facts.metrics: {name!r} is of the corpus, but episodes have it")
        if name not in said["metrics"]:
            raise RecordError(f"record: results.metrics: {name!r} of the corpus is missing")
        found["metrics"][name] = said["metrics"][name]
    flat_said, flat_found = dict(flatten(said)), dict(flatten(found))
    for path in sorted(flat_said.keys() | flat_found.keys()):
        a, b = flat_said.get(path), flat_found.get(path)
        if a != b and not _nearly(a, b):
            raise RecordError(f"record: results.{path}: {a}, but the episodes give {b}")


def corpus_metrics(facts: Mapping[str, Any]) -> list[str]:
    """The metrics that were computed once over all episodes, which no single episode has."""
    return [metric["name"] for metric in facts["metrics"] if metric.get("level") == "corpus"]


@lru_cache(maxsize=2**16)  # the records of a store share them
def _episode_seed(evaluation_seed: int, index: int) -> int:
    return episode_seed(evaluation_seed, index)


def _nearly(a: Any, b: Any) -> bool:
    if not isinstance(a, int | float) or not isinstance(b, int | float):
        return False
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
