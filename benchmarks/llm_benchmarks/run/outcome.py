"""The results of a suite's cells."""

from __future__ import annotations

from dataclasses import dataclass, field

from llm_benchmarks.run.cells import Cell


@dataclass
class SuiteOutcome:
    """The results of a suite's cells.

    Attributes:
        completed: Cells that ran to their end.
        skipped: Cells with a completed record, from before or from another process in the meantime.
        failed: Cells that failed, here or in another process in the meantime, with the error in one line.
        elsewhere: Cells that belong to other shards.
        unreadable: Records that could not be read, with the reason.
        interrupted: True if the suite was interrupted.
        seconds: Wall-clock time.
    """

    completed: list[Cell] = field(default_factory=list)
    skipped: list[Cell] = field(default_factory=list)
    failed: list[tuple[Cell, str]] = field(default_factory=list)
    elsewhere: list[Cell] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False
    seconds: float = 0.0
