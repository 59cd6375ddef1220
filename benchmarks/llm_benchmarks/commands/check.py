"""`llm-envs check`: what environments, agents and submissions of others must keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from llm_benchmarks.checking.agents.every import AGENT_CHECKS
from llm_benchmarks.checking.checks import Check, Finding, Subject, run_checks
from llm_benchmarks.checking.environments.every import ENVIRONMENT_CHECKS
from llm_benchmarks.checking.report import all_hold, print_report, to_json
from llm_benchmarks.checking.subjects import AgentSubject, environment, kind_of
from llm_benchmarks.checking.submission import SUBMISSION_CHECKS, Submission
from llm_benchmarks.console.input import InputError, bad_input, is_folder, shown_path
from llm_benchmarks.console.progress_display import ProgressDisplay
from llm_benchmarks.console.report import report_console
from llm_benchmarks.run.cells import check_names, check_ours
from llm_envs.envs.ids import bare_id, find_spec

_WIDTH = 110


def is_environment(name: str) -> bool:
    """Returns whether a name is an environment's; False for an agent's.

    Raises:
        InputError: It is neither.
    """
    with bad_input():
        return kind_of(name) == "environment"


def run_environment(
    name: str, arguments: Mapping[str, Any], *, seed: int, search_tokens: int, json_output: bool
) -> int:
    """Checks an environment and prints the report.

    Args:
        name: An id, "module:Class" or "module:function".
        arguments: Arguments that differ from its own defaults.
        seed: Seed of the checks.
        search_tokens: As for `EnvironmentSubject`.
        json_output: Print JSON.

    Returns:
        0 if no check fails, else 1.

    Raises:
        InputError: The environment cannot be made.
    """
    with ExitStack() as stack:
        with bad_input():
            subject = stack.enter_context(
                environment(name, arguments, seed=seed, search_tokens=search_tokens)
            )
            subject.env.close()  # it is made now: what it refuses is bad input
        return _report(name, "environment", _watched(ENVIRONMENT_CHECKS, subject), json_output)


def run_agent(name: str, env: str, *, seed: int, json_output: bool, **options: Any) -> int:
    """Checks an agent and prints the report.

    Args:
        name: A name of the registry, a folder, or "module:factory".
        env: The environment that it is checked on.
        seed: Seed of the agent.
        json_output: Print JSON.
        **options: Further fields of `AgentSubject`.

    Returns:
        0 if no check fails, else 1.

    Raises:
        InputError: There is no such agent or environment.
    """
    with bad_input():
        check_names([env], [name], "check")
        check_ours([env], "check")
        find_spec(env)
        subject = AgentSubject(name, bare_id(env), seed=seed, **options)
        subject.make_env().close()
    return _report(name, "agent", _watched(AGENT_CHECKS, subject), json_output)


def run_submission(folder: Path, *, json_output: bool) -> int:
    """Checks a submission and prints the report.

    Args:
        folder: A folder of records.
        json_output: Print JSON.

    Returns:
        0 if no check fails, else 1.

    Raises:
        InputError: There is no such folder.
    """
    if not is_folder(folder):
        raise InputError(
            f"--submission: there is no folder {shown_path(folder)}; docs/submit.md says what it holds"
        )
    return _report(str(folder), "submission", _watched(SUBMISSION_CHECKS, Submission(folder)), json_output)


def _watched(checks: tuple[Check[Subject], ...], subject: Subject) -> list[Finding]:
    """Runs checks with a progress display on standard error."""
    findings: list[Finding] = []
    with ProgressDisplay(Console(stderr=True)) as display:
        display.add("checks", "checking", detail=checks[0].name, total=len(checks))
        for finding in run_checks(checks, subject):
            findings.append(finding)
            coming = checks[len(findings)].name if len(findings) < len(checks) else "done"
            display.update(
                "checks", prefix="checking: ", detail=coming, done=len(findings), total=len(checks)
            )
    return findings


def _report(name: str, kind: str, findings: Iterable[Finding], json_output: bool) -> int:
    found = list(findings)
    if json_output:
        print(to_json(name, kind, found))
    else:
        print_report(report_console(_WIDTH), name, kind, found)
    return 0 if all_hold(found) else 1
