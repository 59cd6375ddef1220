"""Training into a folder: an agent others can evaluate, a report, and what is needed to go on.

FOLDER/agent.json, ...     the agent, as its own `save` wrote it
FOLDER/training.json       the run, what it cost, the hashes of the agent's files: see `TrainedFolder`
FOLDER/run/                the agent's checkpoints and logs

A training holds the lock on FOLDER/.lock (see storage/locks.py) from its start to its end. Agent and report
are exchanged for new ones by one rename (see storage/exchange.py).
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from llm_baselines.agent import TrainingReport
from llm_baselines.spec import RunSpec
from llm_baselines.storage.exchange import (
    TEMPORARY,
    end_exchange,
    errors_name,
    exchange,
    flush,
    replace_file,
)
from llm_baselines.storage.interruption import deferred_signals, interruptibly
from llm_baselines.storage.locks import Lock, is_locked, try_lock
from llm_baselines.storage.not_finite import NotFinite, check_saved
from llm_baselines.storage.temporary import temporary_folder
from llm_baselines.storage.training_spec import changes, short_name
from llm_benchmarks.records.provenance import utc_now
from llm_benchmarks.run.cells import Cell, SuiteError
from llm_benchmarks.run.resolve import Resolved, resolve_agent, with_environment
from llm_benchmarks.run.trained_folder import REPORT, RUN, TrainedFolder, read_report
from llm_envs.assets.cache import file_sha256
from llm_envs.foreign import refuse_code

_LOCK = ".lock"


class UnsavedError(OSError):
    """The trained agent could not be written. The former content of the folder is whole."""


class Training:
    """A training that is ready to begin. Everything that can be refused was checked before.

    Attributes:
        agent: The agent.
        resolved: The run, with an evaluation as a record of it would have.
        state: What training.json says; it changes as the training goes on.
        begins_anew: Whether this training replaces an earlier one that left no agent.
    """

    def __init__(
        self,
        agent: Any,
        env: Any,
        folder: Path,
        resolved: Resolved,
        state: TrainedFolder,
        *,
        before: TrainedFolder | None,
        resume: bool,
    ) -> None:
        self.agent = agent
        self.resolved = resolved
        self.state = state
        self.begins_anew = before is not None and not resume
        self._env = env
        self._folder = folder
        self._before = before
        self._resume = resume
        self._lock: Lock | None = None

    def claim(self) -> None:
        """Locks the folder for this process, and repairs what a killed process left there.

        Raises:
            SuiteError: Another process trains into the folder, or has done so since `prepare` looked; or the
                folder holds a link.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        _refuse_links(self._folder)
        lock = try_lock(self._folder / _LOCK)
        if lock is None:
            raise _in_use(self._folder)
        try:
            if _look_into(self._folder, self._resume) != self._before:
                raise SuiteError(f"another process has trained into '{self._folder}' meanwhile; look again")
            end_exchange(self._folder, others_stay=True)
        except BaseException:
            lock.release()
            raise
        self._lock = lock

    def run(self, *, callback: Any = None) -> TrainedFolder:
        """Trains. An interruption saves the agent as it is and is raised again; later ones wait for that.

        Args:
            callback: For agents that take one of Stable-Baselines3's.

        Returns:
            What training.json says.

        Raises:
            KeyboardInterrupt: Training was interrupted; agent and report have been saved.
            UnsavedError: They could not be written.
            SuiteError: As `claim`.
            NotFinite: Weights are NaN or infinite. The report says "failed", and the last checkpoint stays.
        """
        if self._lock is None:
            self.claim()
        assert self._lock is not None
        try:
            with deferred_signals() as held:
                before = self.state.report  # of the agent that stands in the folder, if any
                _write(self._folder, self.state)
                self._learn({} if callback is None else {"callback": callback})
                try:
                    self.state = _save(self.agent, self._folder, self.state)
                except NotFinite:
                    self.state = replace(self.state, status="failed")
                    _write(self._folder, replace(self.state, report=before))
                    raise
                except OSError as error:
                    held.forget()  # it ends anyway, and says why
                    raise UnsavedError(
                        f"the agent cannot be saved in '{self._folder}': {error}. What stood there before is "
                        "whole; --resume goes on from the last checkpoint"
                    ) from error
            if self.state.status == "interrupted":
                raise KeyboardInterrupt
        finally:
            self._lock.release()
            self._lock = None
            self._env.close()
        return self.state

    def _learn(self, options: Mapping[str, Any]) -> None:
        """Trains, and notes in the report how it ended and what it cost."""
        started = time.perf_counter()
        steps = self.state.training.total_timesteps
        status = "completed"
        try:
            interruptibly(
                self.agent.learn,
                steps,
                run_folder=self._folder / RUN,
                resume=self._resume,
                **options,
            )
        except KeyboardInterrupt:
            status, steps = "interrupted", 0  # how many there were it does not tell
        except BaseException:  # agent and report in the folder stay those from before, if any
            self.state = replace(self.state, status="failed", finished_at=utc_now())
            with suppress(OSError):  # what went wrong may be the disk
                _write(self._folder, self.state)
            raise
        report = getattr(self.agent, "report", None) or TrainingReport(
            environment_steps=steps, tokens=steps, seconds=time.perf_counter() - started
        )
        self.state = replace(self.state, status=status, finished_at=utc_now(), report=_finite(report))


def prepare(cell: Cell, folder: Path, *, resume: bool = False, device: str = "auto") -> Training:
    """Makes everything that a training needs. Nothing is written yet.

    Args:
        cell: Says environment, agent, seed, reward, budget and configuration.
        folder: New or empty, unless resumed. A folder whose training left no agent counts as empty if the
            request is the same.
        resume: Continue the training in the folder; only the budget may differ. Begin if there is none.
        device: A torch device, or "auto".

    Raises:
        SuiteError: The folder or the request does not allow it.
        ValueError: Environment, reward or agent cannot be made as asked.
    """
    before = _check_folder(folder, resume)
    if before is not None and resume:  # what is not said again stays as it was
        was = before.spec.agent
        steps = before.training.total_timesteps if cell.total_timesteps is None else cell.total_timesteps
        refuse_code(dict(was.config), folder / REPORT)  # said again on the command line, it is allowed
        cell = replace(cell, total_timesteps=steps, config={**was.config, **was.settings, **cell.config})
    known = resolve_agent(cell)
    if ":" in cell.agent and known.training is None and cell.total_timesteps is None:
        raise SuiteError(f"agent {cell.agent!r} has no budget of its own; say how many --total-timesteps")
    if known.training is None:
        raise SuiteError(f"agent {cell.agent!r} does not train; evaluate it as it is")
    resolved = with_environment(known)
    spec = RunSpec.from_dict(resolved.spec.training_only().to_dict())  # as it reads when it is resumed
    if before is not None:
        _check_same(before.spec, spec, folder, resume)
    state = TrainedFolder(
        status="running",
        spec=spec,
        started_at=utc_now(),
        report=before.report if before else None,
        files=before.files if before else None,
    )
    env = resolved.training_env()
    agent = resolved.make_agent(env, device=device)
    for method, why in (("learn", "it cannot train"), ("save", "what it learns would be lost")):
        if not callable(getattr(agent, method, None)):
            raise SuiteError(f"agent {cell.agent!r} has no {method}(): {why}")
    return Training(agent, env, folder, resolved, state, before=before, resume=resume)


def _save(agent: Any, folder: Path, state: TrainedFolder) -> TrainedFolder:
    """Replaces the agent's files and the report, all at once.

    Returns:
        What the report says, with the hashes of the agent's files.

    Raises:
        SuiteError: The agent wrote a file where the training has its own.
    """
    with errors_name(folder), temporary_folder(folder, TEMPORARY) as place:
        new = place / "agent"
        new.mkdir()
        agent.save(new)
        if ours := {REPORT, RUN} & {path.name for path in new.iterdir()}:
            raise SuiteError(f"the agent's save() wrote '{min(ours)}', which is a file of the training")
        check_saved(new, f"the agent for '{folder}'")
        files = {
            path.relative_to(new).as_posix(): file_sha256(path)
            for path in sorted(new.rglob("*"))
            if path.is_file()
        }
        state = replace(state, files=files)
        (new / REPORT).write_text(_text(state), encoding="utf-8")
        flush(new)
        exchange(new, folder, others_stay=True)
    return state


def _finite(report: TrainingReport) -> TrainingReport:
    """The report without values of its curve that are not finite."""
    rows = [{k: v for k, v in row.items() if math.isfinite(v)} for row in report.curve]
    return replace(report, curve=rows)


def _check_folder(folder: Path, resume: bool) -> TrainedFolder | None:
    """The earlier training in the folder, to continue or to begin anew; None in a new folder."""
    if is_locked(folder / _LOCK):
        raise _in_use(folder)
    return _look_into(folder, resume)


def _in_use(folder: Path) -> SuiteError:
    return SuiteError(f"another process trains into '{folder}': wait until it ends, or name another folder")


def _look_into(folder: Path, resume: bool) -> TrainedFolder | None:
    if not folder.exists() or (folder.is_dir() and _is_new(folder)):
        return None
    if not folder.is_dir():
        raise SuiteError(f"'{folder}' is a file; name a folder")
    if resume:
        return read_report(folder)
    with suppress(SuiteError):
        before = read_report(folder)
        if _left_nothing(folder, before):
            return before
    raise SuiteError(f"'{folder}' exists and is not empty; go on with --resume or name another folder")


def _left_nothing(folder: Path, before: TrainedFolder) -> bool:
    """Whether the training of a folder ended without an agent."""
    saved = before.report is not None or before.files or (folder / "agent.json").exists()
    return before.status in ("failed", "running") and not saved


def _is_new(folder: Path) -> bool:
    """Whether a folder holds nothing, or only what a training leaves that is killed at its very start."""
    return all(path.name == _LOCK or path.name.startswith(TEMPORARY) for path in folder.iterdir())


def _check_same(before: RunSpec, now: RunSpec, folder: Path, resume: bool) -> None:
    """Refuses a request that differs from the one in the folder."""
    for field, old, new in changes(before, now, steps_too=not resume):
        how = "resume with" if resume else "its training left no agent and is begun anew with"
        raise SuiteError(
            f"'{folder}' was begun with {short_name(field)}={old!r}, not {new!r}: {how} the same, or train "
            "into another folder"
        )


def _refuse_links(folder: Path) -> None:
    """Refuses a folder with links: training would write where they lead."""
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            if (path := Path(place, name)).is_symlink():
                raise SuiteError(
                    f"'{path}' is a link, and training writes there: put what it leads to in its place"
                )


def _write(folder: Path, state: TrainedFolder) -> None:
    """Replaces the report as a whole."""
    replace_file(folder / REPORT, _text(state))


def _text(state: TrainedFolder) -> str:
    return json.dumps(state.to_dict(), indent=1, ensure_ascii=False, allow_nan=False, default=float) + "\n"
