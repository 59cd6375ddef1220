"""Runs one cell and writes its record, also when the run fails."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.storage.temporary import temporary_folder
from llm_benchmarks.console.exit_status import one_line
from llm_benchmarks.records.checkpoint import checkpoint_files
from llm_benchmarks.records.provenance import collect_provenance, utc_now
from llm_benchmarks.records.record import NO_FACTS
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import RecordError
from llm_benchmarks.run.cells import Cell
from llm_benchmarks.run.execution import Execution, Progress
from llm_benchmarks.run.fallback_record import write_fallback
from llm_benchmarks.run.resolve import draft


@dataclass(frozen=True)
class CellResult:
    """The result of running one cell.

    Attributes:
        status: "completed" or "failed".
        record: The record's id.
        score: Mean reward; None for a failed cell.
        seconds: Wall-clock time.
        message: One line: the error of a failed cell, or why the checkpoint or the values of tokens were not
            kept.
    """

    status: str
    record: str
    score: float | None
    seconds: float
    message: str = ""


def run_cell(
    cell: Cell,
    store: RecordStore,
    *,
    device: str = "auto",
    threads: int | None = None,
    keep_checkpoint: bool = False,
    progress: Progress | None = None,
    command: Sequence[str] | None = None,
) -> CellResult:
    """Runs a cell and writes its record, whether the run succeeds or fails.

    Args:
        cell: The cell to run.
        store: The record is written here.
        device: A torch device, or "auto".
        threads: Threads of this process, for the record; None if the libraries choose.
        keep_checkpoint: Keep the trained agent beside the record.
        progress: Called about every second.
        command: The command line that the record names.

    Raises:
        KeyboardInterrupt: The run was interrupted. Its record has the status "interrupted", unless the signal
            came while the record was written.
        OSError: The record cannot be written. The store holds no part of it.
    """
    started, clock = utc_now(), time.perf_counter()
    execution = Execution(cell, device, progress or (lambda phase, done, total: None))
    try:
        with deferred_signals(), temporary_folder(Path(tempfile.gettempdir()), "llm-envs-cell-") as folder:
            execution.run(folder)
            provenance = collect_provenance(started_at=started, threads=threads, command=command)
            record_id, message = _write(
                cell, execution, store, provenance, folder if keep_checkpoint else None
            )
    finally:
        execution.close()
    if execution.status == "interrupted":
        raise KeyboardInterrupt
    score = None if execution.result is None else execution.result.mean_reward
    return CellResult(execution.status, record_id, score, time.perf_counter() - clock, message)


def _write(
    cell: Cell,
    execution: Execution,
    store: RecordStore,
    provenance: Mapping[str, Any],
    checkpoint: Path | None,
) -> tuple[str, str]:
    """Writes the record of a run that has ended. A run whose record is invalid is recorded as failed.

    Args:
        cell: The cell.
        execution: Its run.
        store: The record is written here.
        provenance: From `collect_provenance`.
        checkpoint: Folder of the trained agent; None if it is not kept.

    Returns:
        The record's id, and the message of `CellResult`.

    Raises:
        OSError: The record cannot be written.
    """
    rows, files = execution.rows, {}
    message = f"no values of tokens are noted: {execution.unnoted}" if execution.unnoted else ""
    if checkpoint is not None and execution.status == "completed":
        if execution.unsaved:
            message = _not_kept(execution.unsaved)
        else:
            files = checkpoint_files(checkpoint)
    try:
        record = execution.record(provenance)
        try:
            record_id = store.write(record, rows, files)
        except (RecordError, OSError) as error:
            if not files:
                raise
            message = _not_kept(one_line(error))
            record_id = store.write(record, rows)
    except OSError:
        raise
    except Exception as error:  # the run has ended, and must not be lost because its record is invalid
        execution.fail(error)
        record_id = write_fallback(
            store,
            [(execution.spec, execution.facts()), (draft(cell), NO_FACTS)],
            error,
            status=execution.status,
            provenance=provenance,
            rows=rows,
        )
    return record_id, message if execution.error is None else one_line(execution.error)


def _not_kept(reason: str) -> str:
    return f"its checkpoint is not kept: {reason}"
