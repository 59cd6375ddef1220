"""`llm-envs llm-demo`: a pretrained language model before and after TokenDQN, and what it cost in fluency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llm_benchmarks.benchmark_command import tell
from llm_benchmarks.cli_input import INTERRUPTED
from llm_benchmarks.leaderboard_view import WIDTH, show
from llm_benchmarks.progress import SuiteProgress
from llm_benchmarks.runner import run_suite
from llm_benchmarks.store import RecordStore
from llm_benchmarks.suite import Cell, Suite, find_suite, load_suite

BEFORE, AFTER = "lm_sample", "token_dqn"
GAIN, NLL_RISE, DISTINCT_FALL = 0.35, 0.05, 0.15
_SAMPLES, _TOKENS = 6, 2048


def run(store: Path, *, suite: str = "llm_demo", processes: int | None = None) -> int:
    """Runs the suite, and compares what was written on held-out prompts.

    Args:
        store: Where the records go; what is there already is not run again.
        suite: Another suite of the same kind.
        processes: Cells at a time; the suite's own number by default.

    Returns:
        0 if the score rose by `GAIN` at most so much cost in fluency and variety, 1 if not, 130 if it was
        interrupted.
    """
    loaded = load_suite(find_suite(suite))
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    console.print(Text(loaded.description))
    outcome = run_suite(loaded, RecordStore(store), progress=SuiteProgress(console), processes=processes)
    tell(console, outcome)
    if outcome.interrupted:
        return INTERRUPTED
    if outcome.failed:
        return 1
    show(store, console=console)
    rows = {name: _rows(RecordStore(store), loaded, name) for name in (BEFORE, AFTER)}
    cell = next(cell for cell in loaded.cells if cell.agent == AFTER)
    before, after = (measure(rows[name], cell) for name in (BEFORE, AFTER))
    _print_samples(console, rows[BEFORE], rows[AFTER])
    verdict, holds = compare(before, after)
    console.print(Text(verdict, style="green" if holds else "red"))
    return 0 if holds else 1


@dataclass(frozen=True)
class Measured:
    """What texts are worth.

    Attributes:
        score: Mean reward.
        nll: Mean over tokens of -log pi under the base model, nats, without truncation.
        distinct: Share of different pairs of neighbouring tokens among all (distinct-2, Li et al. 2016).
    """

    score: float
    nll: float
    distinct: float


def measure(rows: Sequence[Mapping[str, Any]], cell: Cell) -> Measured:
    """Measures an evaluation's texts under the base model of a cell.

    Args:
        rows: Episodes of a record.
        cell: Its "model" is the base; its environment says how a prompt is written.
    """
    from llm_baselines.language_model import build_language_model
    from llm_baselines.precision import DTYPES, choose_dtype
    from llm_baselines.teacher_forcing import log_probs_under
    from llm_baselines.trajectory import demonstration

    env: Any = gym.make(cell.env, split=cell.evaluation.split, **cell.env_kwargs)
    task = env.unwrapped.task
    texts, pairs = [], []
    for row in rows:
        prompt = task.prompt_tokens(task.examples[row["example"]])
        ids = [*prompt, *row["action_ids"]]
        texts.append(demonstration(ids, range(len(prompt), len(ids))))
        pairs += list(pairwise(row["action_ids"]))
    base = build_language_model(
        cell.config["model"],
        vocabulary_size=task.vocabulary_size,
        context_length=task.context_length,
        dtype=DTYPES[choose_dtype("auto", "cpu")],
    )
    log_probs = np.concatenate(log_probs_under(base, texts, _TOKENS))
    score = float(np.mean([row["reward"] for row in rows]))
    return Measured(score, -float(log_probs.mean()), len(set(pairs)) / max(1, len(pairs)))


def compare(before: Measured, after: Measured) -> tuple[str, bool]:
    """A line that says what was gained at what cost, and whether that is as it should be."""
    gain = after.score - before.score
    rise, fall = after.nll / before.nll - 1.0, 1.0 - after.distinct / before.distinct
    holds = gain >= GAIN and rise <= NLL_RISE and fall <= DISTINCT_FALL
    verdict = (
        f"score {before.score:.3f} to {after.score:.3f} ({gain:+.3f}, wanted {GAIN:+.2f}); base NLL "
        f"{before.nll:.3f} to {after.nll:.3f} ({rise:+.1%}, at most {NLL_RISE:+.0%}); distinct-2 "
        f"{before.distinct:.3f} to {after.distinct:.3f} ({-fall:+.1%}, at most {-DISTINCT_FALL:+.0%})"
    )
    return verdict, holds


def _rows(store: RecordStore, suite: Suite, agent: str) -> list[dict[str, Any]]:
    """The episodes of an agent's newest completed record of a suite."""
    datasets = {cell.env_kwargs.get("dataset") for cell in suite.cells}
    found = [
        record
        for record in store.records()
        if record["status"] == "completed"
        and record["agent"]["name"] == agent
        and record["env"]["kwargs"].get("dataset") in datasets
    ]
    return max(found, key=lambda record: record["provenance"]["finished_at"]).episodes()


def _print_samples(
    console: Console, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> None:
    """Continuations of the same openings, side by side."""
    table = Table(title="Held-out openings, as the model was and as it is", show_lines=True)
    for column in ("opening", "before", "after"):
        table.add_column(column, ratio=1 if column == "opening" else 2)
    ranked = sorted(after, key=lambda row: row["reward"])
    step = max(1, len(ranked) // _SAMPLES)
    old = {row["index"]: row for row in before}
    for row in ranked[step // 2 :: step][:_SAMPLES]:
        texts = [f"{one['text'].strip()}  ({one['reward']:+.2f})" for one in (old[row["index"]], row)]
        table.add_row(Text(row["source"]), *map(Text, texts))
    console.print(table)
