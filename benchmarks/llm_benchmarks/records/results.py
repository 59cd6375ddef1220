"""The results of a record: their computation from its episodes, and the check of both."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from llm_benchmarks.records.token_values import check_field
from llm_benchmarks.records.values import RecordError, flatten
from llm_envs.evaluation import episode_seed


def summarize(
    episodes: Iterable[Mapping[str, Any]], corpus: Mapping[str, float] | None = None
) -> dict[str, Any] | None:
    """Returns the results section of a record: means over the episodes.

    Args:
        episodes: The rows of the evaluation.
        corpus: The corpus metrics by name. Each is computed once over all episodes.

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
    """Raises if a record's results do not follow from its episodes, or an episode's seed from its own.

    Args:
        record: A record that `check_record` has checked.
        episodes: Its rows, each checked against the schema.

    Raises:
        RecordError: The message names the field that the episodes contradict, or the wrong episode.
    """
    facts, evaluation = record["facts"], record["spec"]["evaluation"]
    examples = facts["dataset"]["sizes"].get(evaluation["split"])
    tokens = facts["tokenizer"]["vocabulary_size"]
    for k, row in enumerate(episodes):
        check_field(row, f"episode {k}")
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
    results = record["results"]
    if results is None:
        return
    expected_results = summarize(episodes)
    if expected_results is None:
        raise RecordError("record: results: the record has results but no episodes")
    for name in corpus_metrics(facts):
        if name in expected_results["metrics"]:
            raise RecordError(f"record: facts.metrics: {name!r} is a corpus metric, but episodes have it")
        if name not in results["metrics"]:
            raise RecordError(f"record: results.metrics: the corpus metric {name!r} is missing")
        expected_results["metrics"][name] = results["metrics"][name]
    flat_results, flat_expected = dict(flatten(results)), dict(flatten(expected_results))
    for path in sorted(flat_results.keys() | flat_expected.keys()):
        a, b = flat_results.get(path), flat_expected.get(path)
        if a != b and not _nearly(a, b):
            raise RecordError(f"record: results.{path}: {a}, but the episodes give {b}")


def corpus_metrics(facts: Mapping[str, Any]) -> list[str]:
    """Returns the names of the corpus metrics, which single episodes do not have."""
    return [metric["name"] for metric in facts["metrics"] if metric.get("level") == "corpus"]


@lru_cache(maxsize=2**16)  # the records of a store share them
def _episode_seed(evaluation_seed: int, index: int) -> int:
    return episode_seed(evaluation_seed, index)


def _nearly(a: Any, b: Any) -> bool:
    if not isinstance(a, int | float) or not isinstance(b, int | float):
        return False
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
