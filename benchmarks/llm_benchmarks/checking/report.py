"""What `llm-envs check` prints: a line for each check, and what to do about those that do not hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from llm_benchmarks.checking.checks import Finding
from llm_benchmarks.console.fitting_table import Column, Row, print_table
from llm_benchmarks.console.report import plain, say
from llm_envs.foreign import shown

_STYLES = {"holds": "green", "note": "yellow", "fails": "bold red", "does not apply": "dim"}
_COLUMNS = (Column("check"), Column("result", least=14), Column("found", rank=1))
_LONGEST = 600
_SHORT = 60


def all_hold(findings: Sequence[Finding]) -> bool:
    """Returns True if no check fails."""
    return all(finding.result != "fails" for finding in findings)


def to_json(name: str, kind: str, findings: Sequence[Finding]) -> str:
    """Returns the report for a program."""
    checks = [{**asdict(finding), "seconds": round(finding.seconds, 3)} for finding in findings]
    report = {"subject": name, "kind": kind, "holds": all_hold(findings), "checks": checks}
    return json.dumps(report, indent=2, allow_nan=False)


def print_report(console: Console, name: str, kind: str, findings: Sequence[Finding]) -> None:
    """Prints the report of one subject.

    Args:
        console: Where it prints. What somebody else's code said appears escaped.
        name: The subject.
        kind: "environment", "agent" or "submission".
        findings: One for each check.
    """
    say(console, f"{kind} {shown(name, 200)}", "bold")
    rows = []
    for finding in findings:
        brief = finding.result != "fails" and len(finding.detail) <= _SHORT
        found = plain(finding.detail if brief else "")
        below = Text("" if brief else _explained(finding))
        rows.append(Row([plain(finding.check), plain(finding.result, _STYLES[finding.result]), found], below))
    print_table(console, _COLUMNS, rows, all_in="--json has all")
    failed = [finding.check for finding in findings if finding.result == "fails"]
    held = sum(finding.result == "holds" for finding in findings)
    if failed:
        say(console, f"{len(failed)} of {len(findings)} checks do not hold: {', '.join(failed)}", "bold red")
    else:
        say(console, f"{held} of {len(findings)} checks hold, and none fails", "bold")


def _explained(finding: Finding) -> str:
    """Returns what was found, and for a check that fails what must hold and what to do."""
    found = shown(finding.detail, _LONGEST)
    if finding.result != "fails":
        return found
    return f"{found}. Must hold: {finding.says}. What to do: {finding.remedy}."
