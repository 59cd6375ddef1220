"""Training into a folder: an agent others can evaluate, a report, and what is needed to go on.

FOLDER/agent.json, ...     the agent, as its own `save` wrote it
FOLDER/training.json       what was asked for, what it cost, the hashes of the agent's files: see `Training`
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
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import Any

from llm_baselines.agent import TrainingReport
from llm_baselines.registry import AGENTS, applicable_config, check_loads, load_agent, make_agent
from llm_baselines.storage.exchange import (
    TEMPORARY,
    end_exchange,
    errors_name,
    exchange,
    flush,
    standing_in,
)
from llm_baselines.storage.fields import TRAINING, check_fields
from llm_baselines.storage.interruption import deferred_signals, interruptibly
from llm_baselines.storage.locks import Lock, is_locked, try_lock
from llm_baselines.storage.not_finite import NotFinite, check_saved
from llm_baselines.storage.sealed_folder import replace_file
from llm_baselines.storage.temporary import temporary_folder
from llm_benchmarks.records.provenance import utc_now
from llm_benchmarks.run.suite import RESERVED, Cell, SuiteError
from llm_envs.assets.cache import file_sha256
from llm_envs.foreign import UntrustedCode, allowed_code, code_names, read_json, refuse_code, shown

REPORT, RUN = "training.json", "run"
_LOCK = ".lock"
FORMAT = 1
_SAME = ("env", "env_kwargs", "agent", "seed", "reward", "config")


class UnsavedError(OSError):
    """What was trained could not be written; what stood in the folder before is whole."""


class Training:
    """A training that is ready to begin: everything that may be refused has been looked at.

    Attributes:
        agent: The agent.
        facts: What training.json says.
        plan: The plan of a record of it, see resolve.py.
        begins_anew: Whether an earlier training in the folder left no agent, and this one takes its place.
    """

    def __init__(
        self,
        agent: Any,
        env: Any,
        folder: Path,
        facts: dict[str, Any],
        *,
        plan: Mapping[str, Any],
        before: Mapping[str, Any] | None,
        resume: bool,
    ) -> None:
        self.facts = facts
        self.agent = agent
        self.plan = plan
        self.begins_anew = before is not None and not resume
        self._env = env
        self._folder = folder
        self._before = before
        self._resume = resume
        self._lock: Lock | None = None

    def claim(self) -> None:
        """Takes the folder for this process until it has trained, and mends what a killed one left there.

        Raises:
            SuiteError: Another process trains into the folder, or has done so since `prepare` looked; or a
                link in it leads elsewhere.
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

    def run(self, *, callback: Any = None) -> dict[str, Any]:
        """Trains. An interruption saves the agent as it is and passes on; further ones wait for that.

        Args:
            callback: For agents that take one of Stable-Baselines3's.

        Returns:
            The facts in training.json.

        Raises:
            KeyboardInterrupt: Training was interrupted; agent and report have been saved.
            UnsavedError: They could not be written.
            SuiteError: As `claim`.
            NotFinite: What was learned is no numbers; the report says "failed", the last checkpoint stays.
        """
        if self._lock is None:
            self.claim()
        assert self._lock is not None
        try:
            with deferred_signals() as held:
                before = self.facts["report"]  # of the agent that stands in the folder, if any
                _write(self._folder, self.facts)
                self._learn({} if callback is None else {"callback": callback})
                try:
                    _save(self.agent, self._folder, self.facts)
                except NotFinite:
                    self.facts["status"] = "failed"
                    _write(self._folder, self.facts | {"report": before})
                    raise
                except OSError as error:
                    held.forget()  # it ends anyway, and says why
                    raise UnsavedError(
                        f"the agent cannot be saved in '{self._folder}': {error}. What stood there before is "
                        "whole; --resume goes on from the last checkpoint"
                    ) from error
            if self.facts["status"] == "interrupted":
                raise KeyboardInterrupt
        finally:
            self._lock.release()
            self._lock = None
            self._env.close()
        return self.facts

    def _learn(self, options: Mapping[str, Any]) -> None:
        """Trains, and notes in the facts how it ended and what it cost."""
        started = time.perf_counter()
        steps = self.facts["total_timesteps"]
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
            self.facts |= {"status": "failed", "finished_at": utc_now()}
            with suppress(OSError):  # what went wrong may be the disk
                _write(self._folder, self.facts)
            raise
        report = getattr(self.agent, "report", None) or TrainingReport(
            environment_steps=steps, tokens=steps, seconds=time.perf_counter() - started
        )
        self.facts |= {"status": status, "finished_at": utc_now(), "report": _finite(asdict(report))}


def prepare(cell: Cell, folder: Path, *, resume: bool = False, device: str = "auto") -> Training:
    """Makes everything a training needs; nothing is written yet.

    Args:
        cell: Says environment, agent, seed, reward, budget and configuration.
        folder: New or empty, unless resumed. One whose training failed, or was killed, before it had saved
            an agent is as good as empty where the same is asked for again.
        resume: Go on from what stands in the folder, with the same request but for its budget; with nothing
            there, begin.
        device: A torch device, or "auto".

    Raises:
        SuiteError: The folder or the request does not allow it.
        ValueError: Environment, reward or agent cannot be made as asked.
    """
    from llm_benchmarks.run.resolve import make_plan, plan_agent, training_env

    before = _check_folder(folder, resume)
    if before is not None and resume:  # what is not said again stays as it was
        steps = cell.total_timesteps
        steps = before.get("total_timesteps") if steps is None else steps
        refuse_code(before.get("config"), folder / REPORT)  # said again on the command line, it is allowed
        config = {**before.get("config", {}), **cell.config}
        cell = replace(cell, total_timesteps=steps, config=config)
    planned = plan_agent(cell)
    if ":" in cell.agent and not planned.trained and cell.total_timesteps is None:
        raise SuiteError(f"agent {cell.agent!r} has no budget of its own; say how many --total-timesteps")
    if planned.training is not None or not planned.trained:
        raise SuiteError(f"agent {cell.agent!r} does not train; evaluate it as it is")
    plan = make_plan(cell, planned)
    facts: dict[str, Any] = {
        "format": FORMAT,
        "status": "running",
        "env": cell.env_id,
        "env_kwargs": dict(cell.env_kwargs),
        "agent": cell.agent,
        "entry_point": planned.entry_point,
        "config": dict(planned.config),
        "reward": planned.reward,
        "reward_timing": planned.reward_timing,
        "training_reward": plan["reward"]["training"],
        "seed": cell.seed,
        "total_timesteps": planned.total_timesteps,
        "track": planned.track,
        "started_at": utc_now(),
        "finished_at": None,
        "report": before["report"] if before else None,
        "files": before.get("files") if before else None,
    }
    if before is not None:
        _check_same(before, json.loads(json.dumps(facts)), folder, resume)
    env = training_env(cell)
    agent: Any = make_agent(cell.agent, env, seed=cell.seed, device=device, config=planned.options)
    for method, why in (("learn", "it cannot train"), ("save", "what it learns would be lost")):
        if not callable(getattr(agent, method, None)):
            raise SuiteError(f"agent {cell.agent!r} has no {method}(): {why}")
    return Training(agent, env, folder, facts, plan=plan, before=before, resume=resume)


def _save(agent: Any, folder: Path, facts: dict[str, Any]) -> None:
    """Puts an agent's files and the report in place of those before, all at once.

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
        facts["files"] = {
            path.relative_to(new).as_posix(): file_sha256(path)
            for path in sorted(new.rglob("*"))
            if path.is_file()
        }
        (new / REPORT).write_text(_text(facts), encoding="utf-8")
        flush(new)
        exchange(new, folder, others_stay=True)


def check_own_agent(folder: Path, facts: Mapping[str, Any]) -> None:
    """Refuses the folder of an agent of others, unless the person allowed its code and it can be loaded.

    Args:
        folder: Where it was trained into.
        facts: From `read_training`.

    Raises:
        UntrustedCode: The person has not allowed the code that it names.
        SuiteError: The code makes no agent from a folder, or a file was altered.
    """
    name, told = facts["agent"], shown(facts["agent"])
    if not any(name == code for _, code in code_names(name)):
        raise SuiteError(f"'{folder}' was trained by {told!r}, which is no agent of this package and no code")
    if name not in allowed_code():
        raise UntrustedCode(
            f"'{folder}' was trained by {told}, which is not of this package, and code that a folder names "
            f"is not run; if it is yours, or you trust it: --allow-code {told}",
            name,
        )
    refuse_code(facts["config"], folder / REPORT)
    check_loads(name)
    own_files(folder, facts)


def own_files(folder: Path, facts: Mapping[str, Any]) -> dict[str, Path]:
    """The files that an agent of others saved, as a record names them; empty where that was not noted.

    Raises:
        SuiteError: One is missing or was altered, or is none of the folder's.
    """
    files = {}
    for name, digest in (facts.get("files") or {}).items():
        path = folder / name
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or not path.is_file():
            raise SuiteError(f"'{folder / REPORT}' lists {shown(name)}, and the folder has no such file")
        if file_sha256(path) != digest:
            raise SuiteError(f"'{path}' was altered or cut short: its SHA-256 differs")
        files[f"checkpoint/{name}"] = path
    return dict(sorted(files.items()))


def load_trained(folder: Path, facts: Mapping[str, Any], env: Any, *, device: str) -> Any:
    """The agent of a folder that `llm-envs train` wrote.

    Args:
        folder: The folder.
        facts: From `read_training`.
        env: An environment made by gymnasium.make.
        device: "auto" or a torch device.

    Raises:
        ValueError: See `check_own_agent` and `make_agent`.
    """
    if facts["agent"] in AGENTS:
        return make_agent(str(folder), env, seed=facts["seed"], device=device)
    check_own_agent(folder, facts)
    return load_agent(facts["agent"], folder, env, seed=facts["seed"], device=device, config=facts["config"])


def read_training(folder: Path) -> dict[str, Any]:
    """The facts of the training behind a folder, from training.json or the agent's own description.

    Of a training that was not finished, "total_timesteps" are those that were done.

    Raises:
        SuiteError: There are none, or they cannot be read.
        UntrustedCode: They name code where something would be made from it. What the agent was trained on
            and by is only told, and may name any.
    """
    if os.path.lexists(_report(folder)):
        facts = _read(folder)
        refuse_code({"env": facts.get("env"), "env_kwargs": facts.get("env_kwargs")}, folder / REPORT)
        if facts.get("report") is None:
            raise SuiteError(
                f"'{folder}' holds a training that was not finished; train with --resume to go on"
            )
        if facts["status"] != "completed":
            report = facts["report"]
            facts["total_timesteps"] = report["environment_steps"] or report["tokens"]
        return facts
    from llm_baselines.storage.agent_folder import read_agent_folder
    from llm_benchmarks.run.resolve import reward_timing_of, track_of

    described, _ = read_agent_folder(folder)
    name, kwargs = described.get("agent"), dict(described.get("env_kwargs") or {})
    if name not in AGENTS or described.get("seed") is None or described.get("env_id") is None:
        raise SuiteError(f"'{folder}' has no {REPORT}, and its agent.json tells too little without")
    asked = kwargs.get("reward", "default")
    kwargs = {name: value for name, value in kwargs.items() if name not in RESERVED}
    config = dict(described.get("config") or {})
    reward = config["reward"] if config.get("reward") is not None else asked
    return {
        "env": described["env_id"],
        "env_kwargs": kwargs,
        "agent": name,
        "entry_point": AGENTS[name].target,
        "config": config,
        "reward": reward,
        "reward_timing": reward_timing_of(config, kwargs),
        "training_reward": {
            "spec": reward,
            "signature": described.get("reward_signature"),
        },
        "seed": described["seed"],
        "total_timesteps": int(described.get("timesteps") or 0),
        "track": track_of(name, {"model": described.get("model"), **config}),
        "report": described.get("report") or asdict(TrainingReport()),
    }


def _finite(report: dict[str, Any]) -> dict[str, Any]:
    """The report of anybody's agent without the values of its curve that are no numbers."""
    rows = [{k: v for k, v in row.items() if math.isfinite(v)} for row in report["curve"]]
    return {**report, "curve": rows}


def _check_folder(folder: Path, resume: bool) -> dict[str, Any] | None:
    """What an earlier run in the folder asked for, to be gone on with or begun anew; None in a new folder."""
    if is_locked(folder / _LOCK):
        raise _in_use(folder)
    return _look_into(folder, resume)


def _in_use(folder: Path) -> SuiteError:
    return SuiteError(f"another process trains into '{folder}': wait until it ends, or name another folder")


def _look_into(folder: Path, resume: bool) -> dict[str, Any] | None:
    if not folder.exists() or (folder.is_dir() and _is_new(folder)):
        return None
    if not folder.is_dir():
        raise SuiteError(f"'{folder}' is a file; name a folder")
    if resume:
        return _read(folder)
    with suppress(SuiteError):
        before = _read(folder)
        if _left_nothing(folder, before):
            return before
    raise SuiteError(f"'{folder}' exists and is not empty; go on with --resume or name another folder")


def _left_nothing(folder: Path, facts: Mapping[str, Any]) -> bool:
    """Whether the training of a folder ended without an agent; nobody is training there any more."""
    saved = facts.get("report") is not None or facts.get("files") or (folder / "agent.json").exists()
    return facts["status"] in ("failed", "running") and not saved


def _is_new(folder: Path) -> bool:
    """Whether nothing is in a folder but what a training that was killed at its very start left there."""
    return all(path.name == _LOCK or path.name.startswith(TEMPORARY) for path in folder.iterdir())


def _check_same(before: Mapping[str, Any], now: Mapping[str, Any], folder: Path, resume: bool) -> None:
    """Refuses to go on with another request than a folder's, or to begin it anew."""
    names = _SAME if resume else (*_SAME, "total_timesteps")
    old, new = ({name: facts.get(name) for name in names} for facts in (before, now))
    for facts in (old, new):
        facts.update({f"config.{k}": v for k, v in (facts.pop("config") or {}).items()})
    for name in {**old, **new}:
        if old.get(name) != new.get(name):
            how = "resume with" if resume else "its training left no agent and is begun anew with"
            raise SuiteError(
                f"'{folder}' was begun with {name}={old.get(name)!r}, not {new.get(name)!r}: {how} "
                "the same, or train into another folder"
            )


def _read(folder: Path) -> dict[str, Any]:
    path = _report(folder)
    try:
        facts: Any = read_json(path)
        if not isinstance(facts, dict) or facts.get("format") != FORMAT:
            raise ValueError(f"it is not a training report of format {FORMAT}")
        needed = TRAINING.keys() | {"reward", "reward_timing"}
        check_fields(facts, TRAINING, path, needed=sorted(needed))
    except (OSError, ValueError) as error:
        fault = str(error).removeprefix(f"'{path}': ")
        raise SuiteError(f"'{path}' cannot be read: {fault}") from error
    return {**facts, "config": applicable_config(facts["agent"], facts["config"])}


def _refuse_links(folder: Path) -> None:
    """Refuses a folder with links in it: whoever left them there would choose what is written over."""
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            if (path := Path(place, name)).is_symlink():
                raise SuiteError(
                    f"'{path}' is a link, and training writes there: put what it leads to in its place"
                )


def _report(folder: Path) -> Path:
    """Where the report of a training stands; beside the agent's files while they are exchanged."""
    coming = standing_in(folder) / REPORT
    return coming if coming.is_file() else folder / REPORT


def _write(folder: Path, facts: Mapping[str, Any]) -> None:
    """Replaces the report as a whole."""
    replace_file(folder / REPORT, _text(facts))


def _text(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False, default=float) + "\n"
