"""The record of a run whose own record cannot be written."""

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
    refused: Exception,
    *,
    status: str,
    provenance: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
) -> str:
    """Writes a record of a run whose own cannot be written, so that it is not lost.

    Args:
        store: Where it goes.
        known: Spec and facts of the run, then poorer ones; the first that are valid are taken.
        refused: Why the run's own record was refused; it stands under `error`.
        status: "failed" or "interrupted".
        provenance: As for `new_record`.
        rows: The episodes played; left out where they are at fault.

    Returns:
        The record's id.

    Raises:
        RecordError: Nothing of what is known is valid.
    """
    last: RecordError | None = None
    error = error_section(refused)
    for spec, facts in known:
        for kept in (rows, ()):
            try:
                record = new_record(
                    spec, facts, status=status, error=error, provenance=provenance, cost=NO_COST
                )
                return store.write(record, kept)
            except RecordError as again:
                last = again
    assert last is not None
    raise last
