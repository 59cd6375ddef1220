"""Runs one cell: makes the agent, trains and evaluates it, and writes the record, also of a failure."""

from __future__ import annotations

import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym

from llm_baselines.agent import TrainingReport
from llm_baselines.spec import RunSpec
from llm_baselines.storage.interruption import deferred_signals, interruptibly
from llm_baselines.storage.not_finite import check_saved
from llm_baselines.storage.temporary import temporary_folder
from llm_benchmarks.records.checkpoint import checkpoint_files, checkpoint_hash
from llm_benchmarks.records.provenance import collect_provenance, peak_memory_bytes, utc_now
from llm_benchmarks.records.record import NO_FACTS, error_section, new_record
from llm_benchmarks.records.results import summarize
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import RecordError, plain
from llm_benchmarks.run.cells import Cell, SuiteError
from llm_benchmarks.run.environments import evaluation_arguments
from llm_benchmarks.run.fallback_record import write_fallback
from llm_benchmarks.run.phases import EVALUATING, TRAINING, stage_of
from llm_benchmarks.run.resolve import Resolved, draft, resolve_agent, with_environment
from llm_benchmarks.run.trained_folder import folder_hash
from llm_envs import EvaluationResult, evaluate
from llm_envs.envs.ids import make_vec

Progress = Callable[[str, int, int], None]
"""progress(phase, done, total). The phase is "training" or what the agent's `training_stage` says, counted in
steps, and then EVALUATING, counted in episodes."""

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
)


@dataclass(frozen=True)
class CellResult:
    """The result of running one cell.

    Attributes:
        status: "completed" or "failed".
        record: The record's id.
        score: Mean reward; None for a failed cell.
        seconds: Wall-clock time.
        message: The error of a failed cell, or why a checkpoint was not kept, in a line.
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
    """Runs a cell and writes its record, whether it succeeds or fails.

    Args:
        cell: What is run.
        store: Where the record goes.
        device: A torch device, or "auto".
        threads: Threads of this process; None if the libraries choose.
        keep_checkpoint: Keep the trained agent beside the record.
        progress: Called about every second.
        command: The command line that the record names.

    Raises:
        KeyboardInterrupt: The run was interrupted. The record says so, unless it was already being written.
        OSError: The record cannot be written; nothing of it is left.
    """
    run = _CellRun(cell, device, progress or (lambda phase, done, total: None))
    started, clock = utc_now(), time.perf_counter()
    status, error, result = "completed", None, None
    here = Path(tempfile.gettempdir())
    try:
        with deferred_signals(), temporary_folder(here, "llm-envs-cell-") as place:
            try:
                result = interruptibly(run.play, place)
            except KeyboardInterrupt:
                status = "interrupted"
            except Exception as raised:
                status, error = "failed", raised
            rows = result.to_dicts() if result is not None else []
            provenance = collect_provenance(started_at=started, threads=threads, command=command)
            kept = keep_checkpoint and status == "completed"
            files = checkpoint_files(place) if kept and not run.unsaved else {}
            not_kept = f"its checkpoint is not kept: {run.unsaved}" if kept and run.unsaved else ""
            try:
                record = new_record(
                    run.spec,
                    run.facts(result),
                    status=status,
                    error=None if error is None else error_section(error),
                    provenance=provenance,
                    cost=run.cost(),
                    results=summarize(rows, result.corpus_metrics if result is not None else None),
                    curve=run.curve(),
                )
                try:
                    record_id = store.write(record, rows, files)
                except (RecordError, OSError) as refused:
                    if not files:
                        raise
                    not_kept = f"its checkpoint is not kept: {one_line(refused)}"
                    record_id = store.write(record, rows)
            except OSError:
                raise
            except Exception as refused:  # the run is over: it is not lost for the form of its record
                result, error = None, refused
                status = "interrupted" if status == "interrupted" else "failed"
                record_id = write_fallback(
                    store,
                    [(run.spec, run.facts(None)), (draft(cell), NO_FACTS)],
                    refused,
                    status=status,
                    provenance=provenance,
                    rows=rows,
                )
    finally:
        run.close()
    if status == "interrupted":
        raise KeyboardInterrupt
    score = None if result is None else result.mean_reward
    message = not_kept if error is None else one_line(error)
    return CellResult(status, record_id, score, time.perf_counter() - clock, message)


class _CellRun:
    """A cell that is being run. It knows enough for a record at any moment.

    Attributes:
        spec: The run, as far as it is known.
        unsaved: Why what was trained could not be saved; empty if it could.
    """

    def __init__(self, cell: Cell, device: str, progress: Progress) -> None:
        self._cell = cell
        self._device = device
        self._progress = progress
        self.spec: RunSpec = draft(cell)
        self.unsaved = ""
        self._resolved: Resolved | None = None
        self._checkpoint_hash: str | None = None
        self._parameters: int | None = None
        self._agent: Any = None
        self._env: gym.Env[Any, Any] | None = None
        self._training_seconds: float | None = None
        self._evaluation_seconds: float | None = None

    def play(self, place: Path) -> EvaluationResult:
        """Makes, trains and evaluates; what was trained is saved in `place`."""
        resolved = self._resolved = resolve_agent(self._cell)
        self.spec = resolved.spec
        resolved = self._resolved = with_environment(resolved)
        self.spec = resolved.spec
        self._env = resolved.training_env()
        self._agent = resolved.make_agent(self._env, device=self._device)
        pin_torch()
        if resolved.training is not None:
            self._train(resolved.training.total_timesteps)
        self._progress(EVALUATING, 0, resolved.evaluation.episodes or 0)
        if resolved.trained is not None:
            self._checkpoint_hash = folder_hash(Path(resolved.cell.agent), resolved.trained)
        elif resolved.training is not None and callable(getattr(self._agent, "save", None)):
            self._save(place)
        self._parameters = self._report().parameters or None
        return self._evaluate(resolved)

    def facts(self, result: EvaluationResult | None) -> dict[str, Any]:
        """The facts of the record, with what has been found out so far.

        Args:
            result: Of the evaluation; names the metrics that a conversation measured.
        """
        facts = dict(NO_FACTS if self._resolved is None else self._resolved.facts)
        named = {metric["name"] for metric in facts["metrics"]}
        measured = [name for name in (result.metrics if result is not None else {}) if name not in named]
        facts["metrics"] = [*({"name": name, "signature": None} for name in measured), *facts["metrics"]]
        return {**facts, "checkpoint_hash": self._checkpoint_hash, "parameters": self._parameters}

    def _save(self, place: Path) -> None:
        """Saves what was trained. Where it cannot be, it is evaluated all the same."""
        try:
            self._agent.save(place)
        except OSError as error:
            self.unsaved = one_line(error)
        else:
            check_saved(place, f"{self.spec.agent.name!r}")
            if files := checkpoint_files(place):
                self._checkpoint_hash = checkpoint_hash(files)

    def _train(self, total: int) -> None:
        if not callable(getattr(self._agent, "learn", None)):
            raise SuiteError(f"agent {self._cell.agent!r} has no learn(); leave total_timesteps out")
        started = time.perf_counter()
        try:
            with self._watched(total):
                self._agent.learn(total)
        finally:
            self._training_seconds = time.perf_counter() - started

    def _evaluate(self, resolved: Resolved) -> EvaluationResult:
        judged = resolved.evaluation
        total = judged.episodes or 0
        arguments = evaluation_arguments(resolved.cell)
        envs = make_vec(resolved.cell.env, judged.num_envs, autoreset_mode="Disabled", **arguments)
        done = 0

        def count(row: Any) -> None:
            nonlocal done
            done += 1
            self._progress(EVALUATING, done, total)

        started = time.perf_counter()
        try:
            return evaluate(
                self._agent,
                envs,
                judged.episodes,
                judged.seed,
                deterministic=judged.deterministic,
                on_episode=count,
            )
        finally:
            self._evaluation_seconds = time.perf_counter() - started
            envs.close()

    @contextmanager
    def _watched(self, total: int) -> Iterator[None]:
        """Reports the agent's steps every second while it learns."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(1.0):
                self._progress(*stage_of(self._agent, total))

        watcher = threading.Thread(target=watch, daemon=True)
        self._progress(TRAINING, 0, total)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def _report(self) -> TrainingReport:
        if self._resolved is not None and self._resolved.trained is not None:
            return self._resolved.trained.report or TrainingReport()
        report = getattr(self._agent, "report", None)
        return report if isinstance(report, TrainingReport) else TrainingReport()

    def cost(self) -> dict[str, Any]:
        """The cost section of the record, up to now."""
        report, training = self._report(), self.spec.training
        reported = self._resolved is not None and self._resolved.trained is not None
        reported = reported or isinstance(getattr(self._agent, "report", None), TrainingReport)
        seconds = report.seconds if reported and report.seconds else self._training_seconds
        steps = report.environment_steps if reported else None
        if self._resolved is not None and not reported:  # an agent of others that keeps no report
            steps = 0 if training is None else training.total_timesteps
        return {
            "wall_clock_seconds": {
                "training": 0.0 if training is None or self._resolved is None else seconds or 0.0,
                "evaluation": self._evaluation_seconds,
            },
            "environment_steps": 0 if training is None or self._resolved is None else steps,
            "gradient_steps": report.gradient_steps if reported else None,
            "tokens": report.tokens if reported else None,
            "reward_calls": report.reward_calls if reported else None,
            "peak_memory_bytes": peak_memory_bytes(),
        }

    def curve(self) -> list[dict[str, Any]]:
        """The training curve, without values that are not finite.

        Raises:
            RecordError: A row has no steps or seconds, or a value is no number.
        """
        rows = []
        for number, row in enumerate(self._report().curve, 1):
            try:
                kept = {k: v for k, v in plain(_finite(row), "curve").items() if not isinstance(v, bool)}
                rows.append({**kept, "timesteps": int(row["timesteps"]), "seconds": float(row["seconds"])})
            except (TypeError, ValueError, LookupError, AttributeError) as error:
                raise RecordError(
                    f"the agent's report: row {number} of its curve is {row!r}; expected timesteps, seconds "
                    f"and numbers by name ({type(error).__name__}: {error})"
                ) from error
        return rows

    def close(self) -> None:
        """Closes the environment."""
        if self._env is not None:
            self._env.close()


def _finite(row: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in row.items() if math.isfinite(value)}


def pin_torch() -> None:
    """Limits torch, if it is loaded, to the threads that the environment variables allow."""
    torch = sys.modules.get("torch")
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if torch is not None and threads.isdigit():
        torch.set_num_threads(int(threads))


def one_line(error: BaseException) -> str:
    """An error as a single line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
