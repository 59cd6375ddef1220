"""The record of one run: how it is made, checked and held in memory.

A record holds the `RunSpec` of the run, facts about its environment and agent, and its results, cost and
provenance. `record.schema.json` defines the form. `store.py` keeps records on disk.

Example:
    Look the run up by its identity, run it if the store lacks it, and write its record::

        if not store.find(spec.identity()):
            record = new_record(spec, facts, status="completed", results=summarize(episodes),
                                cost=..., provenance=..., curve=...)
            store.write(record, episodes)
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from llm_baselines.spec import EvaluationSpec, RunSpec
from llm_benchmarks.records.plain_rows import is_plain_curve_row
from llm_benchmarks.records.schema import check_schema
from llm_benchmarks.records.values import RecordError, plain

SCHEMA_VERSION = 2
NO_FACTS: Mapping[str, Any] = {
    "context_length": None,
    "dataset": {"name": None, "hash": None, "sizes": {}},
    "tokenizer": {"spec": None, "hash": None, "vocabulary_size": None},
    "metrics": [],
    "checkpoint_hash": None,
    "parameters": None,
}
"""The facts of a run that failed before its environment was made."""

NO_COST: Mapping[str, Any] = {
    "wall_clock_seconds": {"training": None, "evaluation": None},
    "environment_steps": None,
    "gradient_steps": None,
    "tokens": None,
    "reward_calls": None,
    "peak_memory_bytes": None,
}
"""The cost of a run that could not measure it."""

_LONGEST_CURVE = 1_000_000  # rows; the schema has the same limit
_LONGEST_ERROR = 100_000  # characters of a message or traceback that a record keeps

Rows = list[dict[str, Any]]
Outcomes = tuple[list[float], list[int]]
"""The reward and the example of each episode."""


@dataclass(frozen=True)
class Record:
    """One record that was read and checked.

    Attributes:
        id: Its id in the store.
        data: The whole record as JSON values.
        spec: The run.
        read_episodes: Reads and checks the episodes.
        checkpoint: The files of the checkpoint that is kept beside the record, by name.
        read_outcomes: Reads rewards and examples alone, where that is quicker; see `outcomes`.
    """

    id: str
    data: Mapping[str, Any] = field(compare=False, repr=False)
    spec: RunSpec = field(compare=False)
    read_episodes: Callable[[], Rows] = field(compare=False, repr=False)
    checkpoint: Mapping[str, Path] = field(default_factory=dict, compare=False, repr=False)
    read_outcomes: Callable[[], Outcomes] | None = field(default=None, compare=False, repr=False)

    @property
    def evaluation(self) -> EvaluationSpec:
        """The evaluation of the run. The schema requires one."""
        assert self.spec.evaluation is not None
        return self.spec.evaluation

    @property
    def training_seed(self) -> int | None:
        """The training seed; None for an agent that is not trained."""
        return None if self.spec.training is None else self.spec.training.seed

    @property
    def status(self) -> str:
        """One of "completed", "failed" and "interrupted"."""
        return str(self.data["status"])

    @property
    def facts(self) -> Mapping[str, Any]:
        """Facts about the environment and the agent that only the run could find out."""
        return self._section("facts")

    @property
    def results(self) -> Mapping[str, Any] | None:
        """The summary of the episodes; None if none was played."""
        results: Mapping[str, Any] | None = self.data["results"]
        return results

    @property
    def cost(self) -> Mapping[str, Any]:
        """The cost of the run: time, steps, tokens, memory."""
        return self._section("cost")

    @property
    def provenance(self) -> Mapping[str, Any]:
        """The code, versions and machine of the run."""
        return self._section("provenance")

    @property
    def supersedes(self) -> tuple[str, ...]:
        """The ids of the records that this one says it corrects; see corrections.py."""
        correction = self.data.get("supersedes")
        return () if correction is None else tuple(correction["records"])

    @property
    def error(self) -> Mapping[str, Any] | None:
        """The error of a failed run."""
        error: Mapping[str, Any] | None = self.data["error"]
        return error

    def episodes(self) -> Rows:
        """Returns the rows of the evaluation, checked against the schema and the results.

        Raises:
            RecordError: The file has changed since the record was read.
        """
        return self.read_episodes()

    def outcomes(self) -> Outcomes:
        """Returns the rewards of the episodes and their examples, in order of the episodes.

        Raises:
            RecordError: The file has changed since the record was read.
        """
        if self.read_outcomes is not None:
            return self.read_outcomes()
        rows = self.episodes()
        return [row["reward"] for row in rows], [row["example"] for row in rows]

    def curve(self) -> Rows:
        """Returns the points of the training curve."""
        return list(self.data["curve"])

    def files(self) -> dict[str, Path]:
        """Returns the files of the checkpoint by name, such as "checkpoint/model.safetensors"."""
        return dict(self.checkpoint)

    def _section(self, name: str) -> Mapping[str, Any]:
        section: Mapping[str, Any] = self.data[name]
        return section


def new_record(
    spec: RunSpec,
    facts: Mapping[str, Any],
    *,
    status: str,
    cost: Mapping[str, Any],
    provenance: Mapping[str, Any],
    results: Mapping[str, Any] | None = None,
    error: Mapping[str, Any] | None = None,
    curve: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Makes the record of a run and checks it. NumPy values become plain ones.

    Args:
        spec: The run.
        facts: context_length, dataset, tokenizer, metrics, checkpoint_hash and parameters; `NO_FACTS` if
            they are unknown.
        status: "completed", "failed" or "interrupted".
        cost: The cost of the run; see `NO_COST`.
        provenance: From `collect_provenance`.
        results: From `summarize`; None if no episode was played.
        error: From `error_section`, for a failed run.
        curve: Points of the training curve: timesteps, seconds and any log keys with numbers.

    Returns:
        A record that `RecordStore.write` takes.

    Raises:
        RecordError: A part is missing or wrong. The message names the field.
    """
    whole = {
        "schema_version": SCHEMA_VERSION,
        "identity": None,
        "status": status,
        "error": error,
        "spec": asdict(spec),  # `to_dict` would refuse NumPy values
        "facts": facts,
        "results": results,
        "cost": cost,
        "provenance": provenance,
        "curve": list(curve),
        "files": {},
    }
    record: dict[str, Any] = plain(whole, "record")
    record["identity"] = RunSpec.from_dict(record["spec"]).identity()
    check_record(record)
    return record


def check_record(record: Any, place: str = "record") -> None:
    """Raises if a record has the wrong version, breaks the schema, or its identity is not that of its spec.

    Args:
        record: JSON values.
        place: The name of the record in errors.

    Raises:
        RecordError: The message names the place, the field and the fault.
    """
    if not isinstance(record, Mapping):
        raise RecordError(f"{place}: expected an object, got {type(record).__name__}")
    version = record.get("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, float):
        raise RecordError(f"{place}: schema_version: {version!r} is unknown; this release reads 1 and 2")
    curve = record.get("curve")
    is_plain = (
        isinstance(curve, list) and len(curve) <= _LONGEST_CURVE and all(map(is_plain_curve_row, curve))
    )
    check_schema({**record, "curve": []} if is_plain else record, "record", place)
    if record["identity"] != RunSpec.from_dict(record["spec"]).identity():
        raise RecordError(f"{place}: identity: does not follow from the spec")


def seeds_are_disjoint(spec: RunSpec) -> bool:
    """Returns whether training, evaluation and tuning share no seed."""
    tuning = set(spec.agent.tuning_seeds)
    used = [part.seed for part in (spec.training, spec.evaluation) if part is not None]
    return len(set(used)) == len(used) and tuning.isdisjoint(used)


def error_section(error: BaseException) -> dict[str, str]:
    """Returns the error section of a failed record."""
    return {
        "type": type(error).__name__,
        "message": str(error)[:_LONGEST_ERROR],
        "traceback": "".join(traceback.format_exception(error))[-_LONGEST_ERROR:],
    }
