"""Level 2, too: the episodes of a record are those that its suite plays."""

from __future__ import annotations

from functools import cache
from typing import Any

from llm_benchmarks.console.options import read_toml
from llm_benchmarks.records.record import Record, Rows
from llm_benchmarks.run.cells import EVALUATION_SEED
from llm_benchmarks.run.suite import bundled_suites
from llm_benchmarks.verification.findings import Fails
from llm_envs.envs.ids import bare_id

_SAMPLING_SEEDS = 1000
"""Agents that do not train add their own seed to the evaluation seed; it must lie below this."""


def check_plan(record: Record, rows: Rows, examples: int, evaluation_seed: int | None = None) -> None:
    """Raises if the episodes are not those that the evaluation of a row plays.

    Episode k is on example k modulo the number of examples, under the seed that follows from the
    evaluation's seed and k. Every example is played, unless the suite of the record plays fewer.

    Args:
        record: A record with results; level 0 has checked the seeds of its episodes against its own.
        rows: Its episodes.
        examples: Number of examples of the split.
        evaluation_seed: The seed that all rows share; by default that of the record's suite, or 1,000,000.

    Raises:
        Fails: An episode is missing, doubled or out of order, or the seed is another one.
    """
    suite = _evaluation_of_suite(record)
    if evaluation_seed is None:
        evaluation_seed = suite.get("seed", EVALUATION_SEED)
    seed, planned = record.evaluation.seed, record.evaluation.episodes
    offset = seed - evaluation_seed
    if offset if record.spec.training is not None else not 0 <= offset < _SAMPLING_SEEDS:
        raise Fails(
            f"the evaluation seed is {seed}, that of the leaderboard {evaluation_seed}: evaluate with it"
        )
    if len(rows) != planned:
        raise Fails(f"it has {len(rows)} episodes, and {planned} were to be played")
    if len(rows) < (least := suite.get("episodes") or examples):
        whose = "the suite plays" if suite.get("episodes") else "the examples of the split are"
        raise Fails(f"it plays {len(rows)} episodes, {whose} {least}")
    for k, row in enumerate(rows):
        if row["example"] != k % examples:
            raise Fails(f"episode {k}: example {row['example']}, where an evaluation plays {k % examples}")


def _evaluation_of_suite(record: Record) -> dict[str, Any]:
    """Returns how the suite of this package that a record names evaluates; {} if there is no such suite."""
    spec = record.spec
    for envs, kwargs, variant, evaluation in _blocks(spec.experiment):
        own = all(spec.environment.kwargs.get(name) == value for name, value in kwargs.items())
        if own and spec.environment.id in envs and variant == spec.variant:
            return evaluation
    return {}


@cache
def _blocks(suite: str) -> list[tuple[list[str], dict[str, Any], str, dict[str, Any]]]:
    """Returns environments, their arguments, variant and evaluation of each block of a suite."""
    path = bundled_suites().get(suite)
    if path is None:
        return []
    values = read_toml(path, "suite")
    return [
        (
            [bare_id(env) for env in block["envs"]],
            block.get("env_kwargs", {}),
            block.get("variant", ""),
            {**values.get("evaluation", {}), **block.get("evaluation", {})},
        )
        for block in values["cells"]
    ]
