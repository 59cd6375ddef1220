"""`llm-envs leaderboard rescore`: scores the texts of a store by another reward or metric."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from llm_benchmarks.console.input import InputError, bad_input, existing_store
from llm_benchmarks.console.progress_display import ProgressDisplay
from llm_benchmarks.console.report import complain, figure, report_console, say, tell_problems
from llm_benchmarks.records.additions import (
    AddedScores,
    Addition,
    Kind,
    check_name,
    write_addition,
)
from llm_benchmarks.records.record import Record
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.trained_on import reward_label
from llm_benchmarks.rewards.rescoring import NotOfTheEpisode, rescore
from llm_benchmarks.verification.findings import NotVerifiable
from llm_benchmarks.verification.ground import Grounds
from llm_envs.foreign import shown

_WIDTH = 100


def run(
    spec: Any,
    kind: Kind,
    store: Path,
    *,
    name: str | None,
    wanted: Callable[[Record], bool],
    json_output: bool,
) -> int:
    """Scores records and writes the addition beside them.

    Args:
        spec: The reward or metric.
        kind: "reward" or "metric".
        store: Folder of the records.
        name: The name of the addition; by default that of the specification.
        wanted: Which records to score.
        json_output: Print JSON.

    Returns:
        0, or 1 if records were left out.

    Raises:
        InputError: The reward is unknown, cannot be made, or is no function of the episode alone.
    """
    name = reward_label(spec) if name is None else name
    with bad_input():
        check_name(name)
    records = RecordStore(existing_store(store))
    problems: dict[str, str] = {}
    chosen = [record for record in records.records(problems) if record.results is not None and wanted(record)]
    tell_problems(problems)
    if not chosen:
        raise InputError(f"there is no completed record of that kind in '{store}'")
    scores, left_out = _scored(chosen, spec, kind)
    if not scores:
        raise InputError(next(iter(left_out.values())))
    with bad_input():
        write_addition(records, Addition(name, kind, spec, scores))
    if json_output:
        means = {id: one.mean for id, one in scores.items()}
        print(json.dumps({"name": name, "kind": kind, "means": means, "left_out": left_out}, indent=2))
    else:
        _print(report_console(_WIDTH), name, chosen, scores)
    for reason, count in Counter(left_out.values()).items():
        complain(f"{count} {'record' if count == 1 else 'records'} left out: {reason}")
    return 1 if left_out or problems else 0


def _scored(
    records: Sequence[Record], spec: Any, kind: Kind
) -> tuple[dict[str, AddedScores], dict[str, str]]:
    """Returns the scores by record id, and why records were left out."""
    scores: dict[str, AddedScores] = {}
    left_out: dict[str, str] = {}
    grounds = Grounds()
    records = sorted(records, key=lambda record: (record.spec.environment.id, record.id))
    with ProgressDisplay(Console(stderr=True)) as display:
        display.add("records", "scoring", detail="", total=len(records))
        for done, record in enumerate(records, 1):
            try:
                scores[record.id] = rescore(record, grounds.of(record), spec, kind)
            except NotOfTheEpisode as error:
                raise InputError(str(error)) from error
            except (NotVerifiable, ValueError) as reason:  # such as a data set without references
                left_out[record.id] = str(reason)
            detail = f"{done} of {len(records)} records"
            display.update("records", prefix="scoring: ", detail=detail, done=done, total=len(records))
    return scores, left_out


def _print(console: Console, name: str, records: Sequence[Record], scores: dict[str, AddedScores]) -> None:
    """Prints the mean of every agent on every environment."""
    means: dict[tuple[str, str], list[float]] = {}
    for record in records:
        if record.id in scores:
            key = record.spec.environment.id, record.spec.agent.name
            means.setdefault(key, []).append(scores[record.id].mean)
    for (env, agent), values in sorted(means.items()):
        runs = f"{len(values)} {'run' if len(values) == 1 else 'runs'}"
        say(
            console,
            f"{shown(env)} {shown(agent)}: {shown(name)} {figure(sum(values) / len(values))} ({runs})",
        )
