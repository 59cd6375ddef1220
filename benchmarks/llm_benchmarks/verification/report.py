"""What a verification prints: a line for each level, then what does not hold, and where."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from llm_benchmarks.console.report import say
from llm_benchmarks.records.record import Record
from llm_benchmarks.verification.findings import LEVELS, Verdict, held
from llm_envs.foreign import shown

_LINES = 50
"""Records that are told one by one; --json has all."""


@dataclass(frozen=True)
class Told:
    """One record in a report.

    Attributes:
        name: Environment, agent and training seed, in one line; empty for a record that cannot be read.
        verdict: What was found.
    """

    name: str
    verdict: Verdict

    @classmethod
    def of(cls, record: Record | None, verdict: Verdict) -> Told:
        """Makes the entry of a record; None stands for one that cannot be read."""
        return cls("" if record is None else record_name(record), verdict)


def record_name(record: Record) -> str:
    """Returns what a record is about, in one line."""
    seed = "" if record.training_seed is None else f", seed {record.training_seed}"
    return shown(f"{record.spec.environment.id} {record.spec.agent.name}{seed}", 100)


def all_hold(told: Iterable[Told]) -> bool:
    """Returns True if every level that was tried holds for every record."""
    return all(held(entry.verdict.findings) for entry in told)


def to_json(told: Sequence[Told], level: int) -> str:
    """Returns the report for a program, as ASCII."""
    records: dict[str, Any] = {
        entry.verdict.record: {"name": entry.name, **entry.verdict.to_dict()} for entry in told
    }
    return json.dumps(
        {"level": level, "holds": all_hold(told), "records": records}, indent=2, allow_nan=False
    )


def print_report(console: Console, told: Sequence[Told], level: int) -> None:
    """Prints how many records reach which level, and a line for each that does not reach the one asked.

    Args:
        console: Where it prints. Texts of records appear escaped, on one line.
        told: The records.
        level: The level that was asked.
    """
    counts = Counter(entry.verdict.level for entry in told)
    for reached in sorted((known for known in counts if known is not None), reverse=True):
        say(console, f"V{reached} {counts[reached]:>6}  {LEVELS[reached]}")
    if counts[None]:
        say(console, f"-- {counts[None]:>6}  damaged or altered")
    below = [entry for entry in told if entry.verdict.fault is not None]
    for entry in below[:_LINES]:
        fault = entry.verdict.fault
        assert fault is not None
        what = "fails" if fault.outcome == "fails" else "cannot be tried"
        head = f"{entry.verdict.record[:12]} {entry.name}".rstrip()
        say(console, f"{head}: V{fault.level} {what}: {shown(fault.reason, 600)}")
    if len(below) > _LINES:
        say(console, f"and {len(below) - _LINES} more; --json has all")
    if len(told) <= _LINES:
        for entry in told:
            for finding in entry.verdict.findings:
                if finding.outcome == "holds" and finding.reason:
                    say(
                        console,
                        f"{entry.verdict.record[:12]} {entry.name}: V{finding.level} {finding.reason}",
                    )
