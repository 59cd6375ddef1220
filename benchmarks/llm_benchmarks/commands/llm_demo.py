"""`llm-envs llm-demo`: compares a pretrained language model before and after TokenDQN, also in fluency."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llm_benchmarks.commands import leaderboard_page, verify
from llm_benchmarks.commands.benchmark import print_outcome
from llm_benchmarks.console.fitting_table import Column, print_table
from llm_benchmarks.console.fitting_table import Row as FittingRow
from llm_benchmarks.console.input import INTERRUPTED, InputError
from llm_benchmarks.console.report import plain, report_console, say
from llm_benchmarks.console.termination import termination_interrupts
from llm_benchmarks.leaderboard.view import WIDTH, show
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.cells import Cell
from llm_benchmarks.run.progress import SuiteProgress
from llm_benchmarks.run.resolve import resolve
from llm_benchmarks.run.runner import run_suite
from llm_benchmarks.run.suite import Suite, find_suite, load_suite
from llm_benchmarks.run.threads import with_threads
from llm_benchmarks.verification.ladder import Ladder
from llm_envs.foreign import shown_lines

BEFORE, AFTER = "lm_sample", "token_dqn"
GAIN, NLL_RISE, DISTINCT_FALL = 0.35, 0.05, 0.15
_SAMPLES, _TOKENS = 6, 2048


@termination_interrupts()
def run(
    store: Path, *, suite: str = "llm_demo", processes: int | None = None, threads: int | None = None
) -> int:
    """Runs the suite, and compares the texts on held-out prompts before and after training.

    Args:
        store: The records are written here. Cells with a record do not run again.
        suite: A suite with `lm_sample` and `token_dqn`; its other agents and seeds are compared too.
        processes: Number of cells that run at once; the suite's number by default.
        threads: Threads of each cell; by default OMP_NUM_THREADS if it is set, else the suite's number.

    Returns:
        0 if the score rose by `GAIN`, the base NLL and distinct-2 stayed within `NLL_RISE` and
        `DISTINCT_FALL`, and the records are proved; 1 if not; 130 if it was interrupted.
    """
    loaded = with_threads(load_suite(find_suite(suite)), threads)
    if missing := {BEFORE, AFTER} - {cell.agent for cell in loaded.cells}:
        raise InputError(f"suite {suite!r} has no {' and no '.join(sorted(missing))} to compare")
    console = report_console(WIDTH)
    console.print(plain(loaded.description, limit=None))
    outcome = run_suite(loaded, RecordStore(store), progress=SuiteProgress(console), processes=processes)
    print_outcome(console, outcome)
    if outcome.interrupted:
        return INTERRUPTED
    if outcome.failed:
        return 1
    show(store, console=console)
    records = _records(RecordStore(store), loaded)
    base = BaseModel(next(cell for cell in loaded.cells if cell.agent == AFTER))
    measured = {name: [base.measure(rows) for rows in runs] for name, runs in records.items()}
    means = {name: _mean(runs) for name, runs in measured.items()}
    _print_samples(console, records[BEFORE][0], records[AFTER][0])
    if len(records) > 2 or len(records[AFTER]) > 1:
        _print_measured(console, measured)
    verdict, holds = compare(means[BEFORE], means[AFTER])
    console.print(Text(verdict, style="green" if holds else "red"))
    say(console, "The records are played again, token by token:")
    proved = verify.run(Ladder(), store) == 0
    leaderboard_page.write(store, store / leaderboard_page.FILE)
    return 0 if holds and proved else 1


@dataclass(frozen=True)
class Measured:
    """The quality of some texts.

    Attributes:
        score: Mean reward.
        nll: Mean over tokens of -log pi under the base model, in nats, over the full vocabulary.
        distinct: Distinct pairs of neighbouring tokens, as a share of all pairs (distinct-2, Li et al. 2016).
    """

    score: float
    nll: float
    distinct: float


class BaseModel:
    """The model before training. It measures all texts.

    Args:
        cell: Its option "model" names the model, and its environment writes the prompts.
    """

    def __init__(self, cell: Cell) -> None:
        from llm_baselines.lm.build import build_language_model
        from llm_baselines.lm.precision import DTYPES, choose_dtype

        env: Any = gym.make(cell.env, split=cell.evaluation.split, **cell.env_kwargs)
        self._task = env.unwrapped.task
        self._lm = build_language_model(
            cell.config["model"],
            vocabulary_size=self._task.vocabulary_size,
            context_length=self._task.context_length,
            dtype=DTYPES[choose_dtype("auto", "cpu")],
        )

    def measure(self, rows: Sequence[Mapping[str, Any]]) -> Measured:
        """Returns the quality of some texts.

        Args:
            rows: Episodes of a record.
        """
        from llm_baselines.lm.teacher_forcing import log_probs_under
        from llm_baselines.play.trajectory import demonstration

        texts = []
        for row in rows:
            prompt = self._task.prompt_tokens(self._task.examples[row["example"]])
            ids = [*prompt, *row["action_ids"]]
            texts.append(demonstration(ids, range(len(prompt), len(ids))))
        log_probs = np.concatenate(log_probs_under(self._lm, texts, _TOKENS))
        score = float(np.mean([row["reward"] for row in rows]))
        return Measured(score, -float(log_probs.mean()), distinct_pairs(rows))


def distinct_pairs(rows: Sequence[Mapping[str, Any]]) -> float:
    """Returns distinct-2 (Li et al. 2016): the share of distinct pairs of neighbouring tokens, 0 to 1."""
    pairs = [pair for row in rows for pair in pairwise(row["action_ids"])]
    return len(set(pairs)) / max(1, len(pairs))


def compare(before: Measured, after: Measured) -> tuple[str, bool]:
    """Returns a line with the gain and its cost, and True if both are within their limits."""
    gain = after.score - before.score
    rise = after.nll / before.nll - 1.0 if before.nll else math.inf
    fall = 1.0 - after.distinct / before.distinct if before.distinct else 0.0
    holds = gain >= GAIN and rise <= NLL_RISE and fall <= DISTINCT_FALL
    verdict = (
        f"score {before.score:.3f} to {after.score:.3f} ({gain:+.3f}, wanted {GAIN:+.2f}); base NLL "
        f"{before.nll:.3f} to {after.nll:.3f} ({rise:+.1%}, at most {NLL_RISE:+.0%}); distinct-2 "
        f"{before.distinct:.3f} to {after.distinct:.3f} ({-fall:+.1%}, at most {-DISTINCT_FALL:+.0%})"
    )
    return verdict, holds


def _records(store: RecordStore, suite: Suite) -> dict[str, list[list[dict[str, Any]]]]:
    """Returns agent -> the episodes of each of its completed records, in the order of the cells."""
    episodes: dict[str, list[list[dict[str, Any]]]] = {}
    for cell in suite.cells:
        records = store.find(resolve(cell).spec.identity())
        if not records:
            raise InputError(f"the store has no readable record of {cell}: run the same command again")
        episodes.setdefault(cell.agent, []).append(records[-1].episodes())
    return episodes


def _mean(runs: Sequence[Measured]) -> Measured:
    """Returns the means over runs."""
    return Measured(*np.mean([astuple(run) for run in runs], axis=0).tolist())


def _print_measured(console: Console, measured: Mapping[str, Sequence[Measured]]) -> None:
    """Prints a line for each agent: means over its runs, and the lowest and highest values."""
    say(console, "Gain and cost; means over seeds [lowest, highest]", "bold")
    columns = [Column("agent"), Column("seeds", right=True, rank=2), Column("score", right=True)]
    columns += [Column("base NLL", right=True), Column("distinct-2", right=True)]
    rows = []
    for name, runs in measured.items():
        values = np.array([astuple(run) for run in runs])
        spread = zip(values.mean(axis=0), values.min(axis=0), values.max(axis=0), strict=True)
        cells = [f"{m:.3f}" + (f" [{a:.3f}, {b:.3f}]" if len(runs) > 1 else "") for m, a, b in spread]
        rows.append(FittingRow([plain(name), Text(str(len(runs))), *map(Text, cells)]))
    print_table(console, columns, rows)


def _print_samples(
    console: Console, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> None:
    """Continuations of the same openings, side by side."""
    table = Table(title="Held-out openings, as the model was and as it is", show_lines=True)
    for column in ("opening", "before", "after"):
        table.add_column(column, ratio=1 if column == "opening" else 2, overflow="fold")
    ranked = sorted(after, key=lambda row: row["reward"])
    step = max(1, len(ranked) // _SAMPLES)
    old = {row["index"]: row for row in before}
    for row in ranked[step // 2 :: step][:_SAMPLES]:
        if row["index"] not in old:  # the two were not judged on as many texts
            continue
        pair = (old[row["index"]], row)
        texts = [f"{shown_lines(one['text'].strip())}  ({one['reward']:+.2f})" for one in pair]
        table.add_row(Text(shown_lines(row["source"])), *map(Text, texts))
    console.print(table)
