"""One run under way: it makes, trains and evaluates the agent, and gives the record of the run."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.vector import VectorEnv

from llm_baselines.agent import TrainingReport
from llm_baselines.spec import RunSpec
from llm_baselines.storage.interruption import interruptibly
from llm_baselines.storage.not_finite import check_saved
from llm_benchmarks.console.exit_status import one_line
from llm_benchmarks.records.checkpoint import checkpoint_files, checkpoint_hash
from llm_benchmarks.records.provenance import peak_memory_bytes
from llm_benchmarks.records.record import NO_FACTS, error_section, new_record
from llm_benchmarks.records.results import summarize
from llm_benchmarks.records.token_values import FIELD
from llm_benchmarks.records.values import RecordError, plain
from llm_benchmarks.run.cells import Cell, SuiteError
from llm_benchmarks.run.environments import evaluation_arguments
from llm_benchmarks.run.phases import EVALUATING, TRAINING, stage_of
from llm_benchmarks.run.resolve import Resolved, draft, resolve_agent, with_environment
from llm_benchmarks.run.threads import pin_torch
from llm_benchmarks.run.trained_folder import folder_hash
from llm_benchmarks.run.valuing import note_values
from llm_envs import EvaluationResult, evaluate
from llm_envs.envs.ids import make_vec

Progress = Callable[[str, int, int], None]
"""progress(phase, done, total). A training phase counts steps; `EVALUATING` counts episodes.

A training phase is "training", or the phase that the agent's `training_stage` names."""

_WATCH = 0.1  # seconds between two looks at an agent's steps


class Execution:
    """One run of a cell, from its spec to its record. At any moment it knows enough for a record.

    Args:
        cell: The cell to run.
        device: A torch device, or "auto".
        progress: Called about every second.

    Attributes:
        spec: The run, as far as it is known.
        status: "completed", "failed" or "interrupted".
        result: The evaluation; None if it did not finish.
        error: The error of a failed run, or the reason why its record is invalid.
        unsaved: Why the trained agent could not be saved; empty if it could.
        unnoted: Why no values of tokens were noted, though they were asked for; empty if they were.
    """

    def __init__(self, cell: Cell, device: str, progress: Progress) -> None:
        self._cell = cell
        self._device = device
        self._progress = progress
        self.spec: RunSpec = draft(cell)
        self.status = "completed"
        self.result: EvaluationResult | None = None
        self.error: Exception | None = None
        self.unsaved = ""
        self.unnoted = ""
        self._resolved: Resolved | None = None
        self._checkpoint_hash: str | None = None
        self._parameters: int | None = None
        self._agent: Any = None
        self._env: gym.Env[Any, Any] | None = None
        self._training_seconds: float | None = None
        self._evaluation_seconds: float | None = None
        self._noted: dict[int, dict[str, Any]] = {}

    def run(self, folder: Path) -> None:
        """Makes, trains and evaluates the agent. `status`, `result` and `error` say how that ended.

        Args:
            folder: The trained agent is saved here.
        """
        try:
            self.result = interruptibly(self._play, folder)
        except KeyboardInterrupt:
            self.status = "interrupted"
        except Exception as error:
            self.status, self.error = "failed", error

    def fail(self, error: Exception) -> None:
        """Marks the run as failed, because its record is invalid. An interrupted run stays interrupted."""
        self.result, self.error = None, error
        if self.status != "interrupted":
            self.status = "failed"

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The episodes that were played, as a record holds them."""
        rows = [] if self.result is None else self.result.to_dicts()
        return [
            {**row, FIELD: self._noted[row["index"]]} if row["index"] in self._noted else row for row in rows
        ]

    def record(self, provenance: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the record of the run, for `RecordStore.write`.

        Args:
            provenance: From `collect_provenance`.

        Raises:
            RecordError: No valid record can hold the run.
        """
        corpus_metrics = None if self.result is None else self.result.corpus_metrics
        return new_record(
            self.spec,
            self.facts(),
            status=self.status,
            error=None if self.error is None else error_section(self.error),
            provenance=provenance,
            cost=self._cost(),
            results=summarize(self.rows, corpus_metrics),
            curve=self._curve(),
        )

    def close(self) -> None:
        """Closes the environment."""
        if self._env is not None:
            self._env.close()

    def _play(self, folder: Path) -> EvaluationResult:
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
            self._save(folder)
        self._parameters = self._report().parameters or None
        return self._evaluate(resolved)

    def facts(self) -> dict[str, Any]:
        """Returns the facts that are known so far, with the metrics that the evaluation measured."""
        facts = dict(NO_FACTS if self._resolved is None else self._resolved.facts)
        named = {metric["name"] for metric in facts["metrics"]}
        measured = [name for name in (self.result.metrics if self.result else {}) if name not in named]
        facts["metrics"] = [*({"name": name, "signature": None} for name in measured), *facts["metrics"]]
        return {**facts, "checkpoint_hash": self._checkpoint_hash, "parameters": self._parameters}

    def _save(self, folder: Path) -> None:
        """Saves the trained agent. A full disk does not keep it from being evaluated."""
        try:
            self._agent.save(folder)
        except OSError as error:
            self.unsaved = one_line(error)
        else:
            check_saved(folder, f"{self.spec.agent.name!r}")
            if files := checkpoint_files(folder):
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
        evaluation = resolved.evaluation
        total = evaluation.episodes or 0
        arguments = evaluation_arguments(resolved.cell)
        envs = make_vec(resolved.cell.env, evaluation.num_envs, autoreset_mode="Disabled", **arguments)
        done = 0

        def count(row: Any) -> None:
            nonlocal done
            done += 1
            self._progress(EVALUATING, done, total)

        started = time.perf_counter()
        try:
            result = evaluate(
                self._agent,
                envs,
                evaluation.episodes,
                evaluation.seed,
                deterministic=evaluation.deterministic,
                on_episode=count,
            )
        except BaseException:
            envs.close()
            raise
        finally:
            self._evaluation_seconds = time.perf_counter() - started
        with closing(envs):
            if resolved.cell.evaluation.note_values:
                self._note_values(envs, result)
        return result

    def _note_values(self, envs: VectorEnv[Any, Any, Any], result: EvaluationResult) -> None:
        """Notes the values of tokens. An error of the agent does not cost the evaluation."""
        try:
            self._noted = note_values(self._agent, envs, result.to_dicts())
        except Exception as error:
            self.unnoted = one_line(error)
        else:
            self.unnoted = "" if self._noted else "this agent cannot say them"

    @contextmanager
    def _watched(self, total: int) -> Iterator[None]:
        """Reports the agent's steps while it learns, often enough to see short phases."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(_WATCH):
                self._progress(*stage_of(self._agent, total))

        watcher = threading.Thread(target=watch, daemon=True)
        self._progress(TRAINING, 0, total)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()

    def _report(self) -> TrainingReport:
        """Returns the agent's report of its training; an empty one where it keeps none."""
        if self._resolved is not None and self._resolved.trained is not None:
            return self._resolved.trained.report or TrainingReport()
        report = getattr(self._agent, "report", None)
        return report if isinstance(report, TrainingReport) else TrainingReport()

    def _cost(self) -> dict[str, Any]:
        """Returns the cost section of the record, up to now."""
        report, training = self._report(), self.spec.training
        reported = self._resolved is not None and self._resolved.trained is not None
        reported = reported or isinstance(getattr(self._agent, "report", None), TrainingReport)
        seconds = report.seconds if reported and report.seconds else self._training_seconds
        steps = report.environment_steps if reported else None
        if self._resolved is not None and not reported:  # a user's agent that keeps no report
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

    def _curve(self) -> list[dict[str, Any]]:
        """Returns the training curve, without values that are not finite.

        Raises:
            RecordError: A row has no timesteps or seconds, or a value is not a number.
        """
        rows = []
        for number, row in enumerate(self._report().curve, 1):
            try:
                values = {k: v for k, v in plain(_finite(row), "curve").items() if not isinstance(v, bool)}
                rows.append({**values, "timesteps": int(row["timesteps"]), "seconds": float(row["seconds"])})
            except (TypeError, ValueError, LookupError, AttributeError) as error:
                raise RecordError(
                    f"the agent's report: row {number} of its curve is {row!r}; expected timesteps, seconds "
                    f"and numbers by name ({type(error).__name__}: {error})"
                ) from error
        return rows


def _finite(row: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in row.items() if math.isfinite(value)}
