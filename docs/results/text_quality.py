"""How fluent and how varied the texts of some records are.

    python docs/results/text_quality.py STORE ID [--experiment NAME]

Fluency, constraints and novelty are means over texts of the rewards of these names; the text of a dialogue
is all that the agent said in it; success is the one in the record, as are chrf and exact_match of
translations, whose corpus BLEU is sacrebleu's, between 0 and 1. distinct-2 (Li et al. 2016) is the share of
different pairs of neighbouring tokens among all that a run has written.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import gymnasium as gym
import sacrebleu
from rich.console import Console
from rich.table import Table

import llm_envs
from llm_benchmarks.commands.llm_demo import distinct_pairs
from llm_benchmarks.console.report import plain, tell_problems
from llm_benchmarks.leaderboard.rows import Row
from llm_benchmarks.leaderboard.scores import results_of
from llm_benchmarks.leaderboard.tables import leaderboard_tables
from llm_benchmarks.records.record import Record
from llm_benchmarks.records.store import RecordStore

#: Id -> metrics that stand in its records, and rewards that are measured here.
NAMES = {
    "TextGen-v0": ((), ("fluency", "constraints", "novelty")),
    "Dialogue-v0": (("success",), ("fluency",)),
    "Translation-v0": (("chrf", "exact_match"), ()),
    "Translation-EnZh-v0": (("chrf", "exact_match"), ()),
    "Translation-EnIt-v0": (("chrf",), ()),
    "Dialogue-Chat-v0": (("chrf",), ()),
    "TextGen-Script-v0": (("chrf",), ("fluency", "constraints", "novelty")),
    "TextGen-Code-v0": (("chrf", "bleu"), ()),
}

#: Ids whose texts are judged as one corpus, too: against the reference that each example has.
CORPORA = ("Translation-v0",)


def main() -> None:
    """Prints a table for each set of comparable rows, as the leaderboard does."""
    parser = ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("env_id", choices=sorted(NAMES))
    parser.add_argument("--experiment", help="only the runs of this experiment, beside the anchors")
    options = parser.parse_args()
    if not options.store.is_dir():
        parser.error(f"there is no folder '{options.store}'")
    recorded, names = NAMES[options.env_id]
    task = gym.make(options.env_id, split="test", metrics=list(names)).unwrapped.task  # type: ignore[attr-defined]
    problems: dict[str, str] = {}
    records = {record.id: record for record in RecordStore(options.store).records(problems)}
    for record in [record for record in records.values() if record.spec.environment.id == options.env_id]:
        if fault := _fault(record, recorded, len(task.examples)):
            problems[record.id] = fault
            del records[record.id]
    tell_problems(problems)
    try:
        tables = leaderboard_tables(records.values(), options.env_id, options.experiment)
    except ValueError as error:
        parser.error(str(error))
    for table in tables:
        title = "; ".join(f"{name}: {value}" for name, value in table.differences.items())
        rows = sorted((row for row in table.rows if row.records), key=lambda row: (row.agent, row.label))
        _print_table(rows, records, task, options.env_id, title)


def _print_table(
    rows: Sequence[Row], records: Mapping[str, Record], task: Any, env_id: str, title: str
) -> None:
    """Prints a line for each row."""
    recorded, names = NAMES[env_id]
    whole = ("corpus BLEU",) if env_id in CORPORA else ()
    heads = ("agent", "options", "steps", "seeds", *whole, *recorded, *names, "distinct-2")
    lines = Table(*heads, box=None, title=plain(title) if title else None)
    for column in lines.columns[2:]:
        column.justify = "right"
    for row in rows:
        runs = [records[id] for id in row.records]
        run: dict[str, list[float]] = defaultdict(list)
        for record in runs:
            episodes = record.episodes()
            run["distinct-2"].append(distinct_pairs(episodes))
            for name in recorded:
                run[name].append(results_of(record)["metrics"][name])
            for name in whole:
                run[name].append(_corpus_bleu(task, episodes))
            if names:
                measured = task.metrics.score_batch([_episode(task, played) for played in episodes])[1]
                for name in names:
                    run[name].append(mean(one[name] for one in measured))
        shown = [f"{mean(run[name]):.3f}" for name in (*whole, *recorded, *names)]
        shown.append(f"{mean(run['distinct-2']):.4f}")  # long dialogues repeat most pairs
        steps = 0 if runs[0].spec.training is None else runs[0].spec.training.total_timesteps
        lines.add_row(plain(row.agent), plain(row.label, limit=200), f"{steps:,}", str(len(runs)), *shown)
    Console(width=120).print(lines)


def _fault(record: Record, metrics: Sequence[str], examples: int) -> str:
    """What keeps a completed record from being measured; empty if nothing does."""
    if record.status != "completed":
        return ""
    if missing := [name for name in metrics if results_of(record)["metrics"].get(name) is None]:
        return f"record: results.metrics.{missing[0]}: is missing"
    beyond = (row["example"] for row in record.episodes() if row["example"] >= examples)
    return next((f"example {example} is not below {examples}" for example in beyond), "")


def _corpus_bleu(task: Any, episodes: Sequence[Mapping[str, Any]]) -> float:
    texts = [played["text"] for played in episodes]
    (references,) = zip(*(task.examples[played["example"]].references for played in episodes), strict=True)
    return float(sacrebleu.corpus_bleu(texts, [list(references)]).score) / 100


def _episode(task: Any, played: Mapping[str, Any]) -> llm_envs.Episode:
    """A recorded episode as rewards take it."""
    return llm_envs.Episode(
        example=task.examples[played["example"]],
        text=played["text"],
        action_ids=tuple(played["action_ids"]),
        finish_reason=played["finish_reason"],
    )


if __name__ == "__main__":
    main()
