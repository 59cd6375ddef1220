"""What a verification finds: one finding for each level that was tried, and the verdict they make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Outcome = Literal["holds", "fails", "unknown"]

LEVELS = {
    0: "unaltered: schema, every byte, results that follow from the episodes",
    1: "rescored: rewards and metrics computed again from the texts",
    2: "replayed: seeds and tokens played again in the environment",
    3: "re-evaluated: the checkpoint wrote the texts, and plays as well under fresh seeds",
}
"""Level -> what it shows."""


class Fails(Exception):
    """The record contradicts what was computed again. The message says what differs and where."""


class NotVerifiable(Exception):
    """This level cannot be tried here. The message says why."""


@dataclass(frozen=True)
class Finding:
    """The result of trying one level.

    Attributes:
        level: 0 to 3; see `LEVELS`.
        outcome: "holds"; "fails", if something differs; "unknown", if the level cannot be tried here.
        reason: What differs and where, or why the level cannot be tried; for a level that holds, a remark.
    """

    level: int
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True)
class Verdict:
    """What was found about one record.

    Attributes:
        record: Its id.
        findings: One for each level that was tried, in order. The first that does not hold is the last.
    """

    record: str
    findings: tuple[Finding, ...]

    @property
    def level(self) -> int | None:
        """The highest level that holds; None if not even level 0 does."""
        held = [finding.level for finding in self.findings if finding.outcome == "holds"]
        return max(held, default=None)

    @property
    def fault(self) -> Finding | None:
        """The finding that does not hold; None if every level that was tried holds."""
        return next((finding for finding in self.findings if finding.outcome != "holds"), None)

    def to_dict(self) -> dict[str, Any]:
        """Returns the verdict as JSON values."""
        fault = self.fault
        return {
            "level": self.level,
            "tried": max(finding.level for finding in self.findings),
            "outcome": "holds" if fault is None else fault.outcome,
            "reason": "" if fault is None else fault.reason,
            "remarks": [
                finding.reason for finding in self.findings if finding is not fault and finding.reason
            ],
        }


def held(findings: Iterable[Finding]) -> bool:
    """Returns True if every finding holds."""
    return all(finding.outcome == "holds" for finding in findings)
