"""Trains into a folder, which then holds the agent, a report and the checkpoints for --resume.

FOLDER/agent.json, ...     the agent, as its own `save` wrote it
FOLDER/training.json       the run, its cost, the hashes of the agent's files: see `TrainedFolder`
FOLDER/run/                the agent's checkpoints and logs

A training holds the lock on FOLDER/.lock from its start to its end (see storage/locks.py). One rename
replaces the agent and the report together (see storage/exchange.py).
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
from llm_baselines.registry import AGENTS
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
    """The trained agent could not be written. The folder still has its former content."""


class Training:
    """A training that is ready to start. `prepare` has checked everything it needs.

    Attributes:
        agent: The agent.
        resolved: The run, with the evaluation that a record of it would have.
        state: The content of training.json; it changes during the training.
        begins_anew: True if this training replaces an earlier one that left no agent.
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
            SuiteError: Another process trains into the folder, or has trained into it since `prepare`; or the
                folder contains a symbolic link.
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
        """Trains and saves the agent. After a signal it also saves, and then raises KeyboardInterrupt.

        Signals that come while it saves wait until it has saved.

        Args:
            callback: A Stable-Baselines3 callback, for agents that take one.

        Returns:
            The content of training.json.

        Raises:
            KeyboardInterrupt: Training was interrupted; agent and report have been saved.
            UnsavedError: Agent and report could not be written.
            SuiteError: See `claim`.
            NotFinite: Weights are NaN or infinite. The status is "failed", and the last checkpoint stays.
        """
        if self._lock is None:
            self.claim()
        assert self._lock is not None
        try:
            with deferred_signals() as held:
                before = self.state.report  # the report of the agent in the folder, if any
                _write(self._folder, self.state)
                self._learn({} if callback is None else {"callback": callback})
                try:
                    self.state = _save(self.agent, self._folder, self.state)
                except NotFinite:
                    self.state = replace(self.state, status="failed")
                    _write(self._folder, replace(self.state, report=before))
                    raise
                except OSError as error:
                    held.forget()  # the error ends the command anyway
                    raise UnsavedError(
                        f"the agent cannot be saved in '{self._folder}': {error}. Its former content is "
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
        """Trains, and writes into `state` how the training ended and what it cost."""
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
            status, steps = "interrupted", 0  # the number of steps is unknown without a report
        except BaseException:  # the folder keeps its former agent and report, if any
            self.state = replace(self.state, status="failed", finished_at=utc_now())
            with suppress(OSError):  # the disk may be what failed
                _write(self._folder, self.state)
            raise
        report = getattr(self.agent, "report", None) or TrainingReport(
            environment_steps=steps, tokens=steps, seconds=time.perf_counter() - started
        )
        self.state = replace(self.state, status=status, finished_at=utc_now(), report=_finite(report))


def prepare(cell: Cell, folder: Path, *, resume: bool = False, device: str = "auto") -> Training:
    """Makes everything that a training needs, and writes nothing.

    Args:
        cell: Environment, agent, seed, reward, budget and configuration.
        folder: A new or empty folder, unless `resume`. A folder whose training left no agent counts as empty
            if the cell is the same.
        resume: Continue the training in the folder; only the budget may differ. Starts one in a new folder.
        device: A torch device, or "auto".

    Raises:
        SuiteError: The folder or the request does not allow it.
        ValueError: Environment, reward or agent cannot be made as asked.
    """
    before = _check_folder(folder, resume)
    if before is not None and resume:  # options that are not given again keep their values
        agent_before = before.spec.agent
        steps = before.training.total_timesteps if cell.total_timesteps is None else cell.total_timesteps
        refuse_code(dict(agent_before.config), folder / REPORT)  # code is allowed only on the command line
        config = {**agent_before.config, **agent_before.settings, **cell.config}
        cell = replace(cell, total_timesteps=steps, config=config)
    resolved = resolve_agent(cell)
    if ":" in cell.agent and resolved.training is None and cell.total_timesteps is None:
        raise SuiteError(f"agent {cell.agent!r} has no budget of its own; say how many --total-timesteps")
    if resolved.training is None:
        raise SuiteError(f"agent {cell.agent!r} does not train; evaluate it as it is")
    resolved = with_environment(resolved)
    spec = RunSpec.from_dict(
        resolved.spec.training_only().to_dict()
    )  # with the types that it has after reading training.json
    if before is not None:
        _check_same(before.spec, spec, folder, resume)
    state = TrainedFolder(
        status="running",
        spec=spec,
        started_at=utc_now(),
        report=before.report if before else None,
        files=before.files if before else None,
    )
    if cell.agent in AGENTS:  # its checkpoints then hold what a resumed training is asked for
        resolved = replace(resolved, options={**spec.agent.config, **spec.agent.settings})
    env = resolved.training_env()
    agent = resolved.make_agent(env, device=device)
    for method, why in (("learn", "it cannot train"), ("save", "what it learns would be lost")):
        if not callable(getattr(agent, method, None)):
            raise SuiteError(f"agent {cell.agent!r} has no {method}(): {why}")
    return Training(agent, env, folder, resolved, state, before=before, resume=resume)


def _save(agent: Any, folder: Path, state: TrainedFolder) -> TrainedFolder:
    """Replaces the agent's files and the report in one step.

    Returns:
        The state, with the hashes of the agent's files.

    Raises:
        SuiteError: The agent wrote a file with the name of one of the training's files.
    """
    with errors_name(folder), temporary_folder(folder, TEMPORARY) as place:
        new = place / "agent"
        new.mkdir()
        agent.save(new)
        if reserved := {REPORT, RUN} & {path.name for path in new.iterdir()}:
            raise SuiteError(f"the agent's save() wrote '{min(reserved)}', which is a file of the training")
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
    """Returns the report without the values of its curve that are not finite."""
    rows = [{k: v for k, v in row.items() if math.isfinite(v)} for row in report.curve]
    return replace(report, curve=rows)


def _check_folder(folder: Path, resume: bool) -> TrainedFolder | None:
    """Returns the earlier training in the folder, to resume or to start again; None for a new folder."""
    if is_locked(folder / _LOCK):
        raise _in_use(folder)
    return _look_into(folder, resume)


def _in_use(folder: Path) -> SuiteError:
    return SuiteError(f"another process trains into '{folder}': wait until it ends, or name another folder")


def _look_into(folder: Path, resume: bool) -> TrainedFolder | None:
    """As `_check_folder`, without a look at the lock."""
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
    """True if the training of a folder ended without an agent."""
    saved = before.report is not None or before.files or (folder / "agent.json").exists()
    return before.status in ("failed", "running") and not saved


def _is_new(folder: Path) -> bool:
    """True if a folder is empty, or holds only the lock and temporary files of a training that was killed."""
    return all(path.name == _LOCK or path.name.startswith(TEMPORARY) for path in folder.iterdir())


def _check_same(before: RunSpec, now: RunSpec, folder: Path, resume: bool) -> None:
    """Raises if the run differs from the one in the folder."""
    for field, old, new in changes(before, now, steps_too=not resume):
        how = "resume with" if resume else "its training left no agent and starts again with"
        raise SuiteError(
            f"'{folder}' was begun with {short_name(field)}={old!r}, not {new!r}: {how} the same, or train "
            "into another folder"
        )


def _refuse_links(folder: Path) -> None:
    """Raises if a folder contains a symbolic link, because training would write to its target."""
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            if (path := Path(place, name)).is_symlink():
                raise SuiteError(
                    f"'{path}' is a link, and training writes there: put what it leads to in its place"
                )


def _write(folder: Path, state: TrainedFolder) -> None:
    """Replaces training.json in one step."""
    replace_file(folder / REPORT, _text(state))


def _text(state: TrainedFolder) -> str:
    return json.dumps(state.to_dict(), indent=1, ensure_ascii=False, allow_nan=False, default=float) + "\n"
