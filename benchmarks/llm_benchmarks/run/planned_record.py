"""Records before and beside the run: whether a plan can become a record, and what is kept where it cannot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llm_benchmarks.records.record import RecordError, error_section, new_record
from llm_benchmarks.records.store import RecordStore

NO_COST: dict[str, Any] = {
    "wall_clock_seconds": {"training": None, "evaluation": None},
    "environment_steps": None,
    "gradient_steps": None,
    "tokens": None,
    "reward_calls": None,
    "peak_memory_bytes": None,
}
"""The cost section of a run that could not measure it."""

_MOMENT = "2000-01-01T00:00:00Z"
_PROVENANCE: dict[str, Any] = {
    "git_commit": None,
    "git_dirty": None,
    "packages": {},
    "python": "3",
    "platform": "any",
    "hardware": {"cpu": "any", "cores": 1, "memory_bytes": None, "accelerator": None},
    "threads": 1,
    "started_at": _MOMENT,
    "finished_at": _MOMENT,
    "command": [],
}
_RESULTS: dict[str, Any] = {
    "episodes": 1,
    "mean_reward": 0.0,
    "std_reward": 0.0,
    "metrics": {},
    "finish_reasons": {},
    "mean_length": 0.0,
}


def check_plan(plan: Mapping[str, Any]) -> None:
    """Refuses a plan that no completed record can come of, before anything is trained.

    Args:
        plan: As `new_record` takes it.

    Raises:
        RecordError: Naming the field and the fault.
    """
    cost = {**NO_COST, "environment_steps": 0, "wall_clock_seconds": {"training": 0.0, "evaluation": 0.0}}
    new_record(plan, status="completed", provenance=_PROVENANCE, cost=cost, results=_RESULTS)


def write_fallback(
    store: RecordStore,
    plans: Iterable[Mapping[str, Any]],
    refused: Exception,
    *,
    status: str,
    provenance: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
) -> str:
    """Writes a record of a run whose own cannot be written, so that it is not lost.

    Args:
        store: Where it goes.
        plans: The plan of the run, then poorer ones; the first that is valid is taken.
        refused: Why the run's own record was refused; it stands under `error`.
        status: "failed" or "interrupted".
        provenance: As for `new_record`.
        rows: The episodes played; left out where they are at fault.

    Returns:
        The record's id.

    Raises:
        RecordError: No plan is valid.
    """
    last: RecordError | None = None
    error = error_section(refused)
    for plan in plans:
        for kept in (rows, ()):
            try:
                record = new_record(plan, status=status, error=error, provenance=provenance, cost=NO_COST)
                return store.write(record, kept)
            except RecordError as again:
                last = again
    assert last is not None
    raise last
