"""Writes a record of a run whose full record is invalid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llm_baselines.spec import RunSpec
from llm_benchmarks.records.record import NO_COST, error_section, new_record
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import RecordError


def write_fallback(
    store: RecordStore,
    known: Iterable[tuple[RunSpec, Mapping[str, Any]]],
    error: Exception,
    *,
    status: str,
    provenance: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
) -> str:
    """Writes a record of a run whose full record is invalid, so that the run is not lost.

    Args:
        store: The record is written here.
        known: Pairs of spec and facts, the most complete first. The first valid pair is used.
        error: Why the full record is invalid. The record holds it under `error`.
        status: "failed" or "interrupted".
        provenance: From `collect_provenance`.
        rows: The episodes that were played. They are left out if they are what is invalid.

    Returns:
        The record's id.

    Raises:
        RecordError: No pair of spec and facts is valid.
    """
    last_error: RecordError | None = None
    section = error_section(error)
    for spec, facts in known:
        for episodes in (rows, ()):
            try:
                record = new_record(
                    spec, facts, status=status, error=section, provenance=provenance, cost=NO_COST
                )
                return store.write(record, episodes)
            except RecordError as record_error:
                last_error = record_error
    assert last_error is not None
    raise last_error
