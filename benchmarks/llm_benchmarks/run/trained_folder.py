"""Reads a folder that `llm-envs train` wrote: the report in training.json and the agent beside it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from llm_baselines.agent import TrainingReport
from llm_baselines.registry import AGENTS, check_loads, load_agent, make_agent, track_of
from llm_baselines.spec import RunSpec, TrainingSpec
from llm_baselines.storage.agent_folder import read_agent_folder
from llm_baselines.storage.exchange import standing_in
from llm_baselines.storage.fields import TRAINING, check_fields
from llm_baselines.storage.run_fields import read_run
from llm_baselines.storage.sealed_folder import MANIFEST
from llm_baselines.storage.sealed_folder import read_json as read_table
from llm_baselines.storage.upgrade import FORMAT, upgraded_training
from llm_benchmarks.records.checkpoint import checkpoint_hash
from llm_benchmarks.run.cells import RESERVED, SuiteError
from llm_envs.assets.cache import file_sha256
from llm_envs.foreign import UntrustedCode, allowed_code, code_names, read_json, refuse_code, shown

REPORT, RUN = "training.json", "run"


@dataclass(frozen=True, kw_only=True)
class TrainedFolder:
    """The content of training.json.

    Attributes:
        status: "running", "completed", "interrupted" or "failed".
        spec: The agent and its training, without an evaluation.
        started_at: When the training began.
        finished_at: When it ended; None while it is running.
        report: Its cost and learning curve; None if the training left no agent.
        files: SHA-256 of the agent's files, by path in the folder.
    """

    status: str
    spec: RunSpec
    started_at: str | None = None
    finished_at: str | None = None
    report: TrainingReport | None = None
    files: Mapping[str, str] | None = None

    @property
    def training(self) -> TrainingSpec:
        """The training of the agent."""
        assert self.spec.training is not None  # checked when it is read
        return self.spec.training

    def to_dict(self) -> dict[str, Any]:
        """Returns the content of training.json as JSON values."""
        return {
            "format": FORMAT,
            "status": self.status,
            "spec": self.spec.to_dict(),
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "report": None if self.report is None else asdict(self.report),
            "files": None if self.files is None else dict(self.files),
        }


def read_report(folder: Path) -> TrainedFolder:
    """Reads training.json, whether or not the training was finished.

    Raises:
        SuiteError: The file cannot be read, or a field is invalid.
    """
    path = report_path(folder)
    try:
        content: Any = read_json(path)
        if isinstance(content, dict) and content.get("format") == 1:
            content = upgraded_training(content, path)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ValueError(f"it is not a training report of format 1 or {FORMAT}")
        check_fields(content, TRAINING, path, needed=("status", "report"))
        spec = read_run(content.get("spec"), path)
        if spec.training is None:
            raise ValueError("spec.training: is missing")
    except UntrustedCode:
        raise
    except (OSError, ValueError) as error:
        reason = str(error).removeprefix(f"'{path}': ")
        raise SuiteError(f"'{path}' cannot be read: {reason}") from error
    report = content["report"]
    return TrainedFolder(
        status=content["status"],
        spec=spec,
        started_at=content.get("started_at"),
        finished_at=content.get("finished_at"),
        report=None if report is None else TrainingReport(**report),
        files=content.get("files"),
    )


def read_training(folder: Path) -> TrainedFolder:
    """Reads the training of a folder that holds an agent, from training.json or else from agent.json.

    If the training was not finished, `total_timesteps` is the number of steps that it did.

    Raises:
        SuiteError: The folder has no training, the training left no agent, or a file cannot be read.
        UntrustedCode: The environment in the folder names code, which making it would run. The names of the
            agent and of its rewards may be code, because nothing is made from them here.
    """
    if not os.path.lexists(report_path(folder)):
        return _from_agent(folder)
    trained = read_report(folder)
    environment = trained.spec.environment
    refuse_code({"id": environment.id, "kwargs": dict(environment.kwargs)}, folder / REPORT)
    if trained.report is None:
        raise SuiteError(f"'{folder}' holds a training that was not finished; train with --resume to go on")
    if trained.status != "completed":
        steps = trained.report.environment_steps or trained.report.tokens
        done = replace(trained.training, total_timesteps=steps)
        return replace(trained, spec=replace(trained.spec, training=done))
    return trained


def _from_agent(folder: Path) -> TrainedFolder:
    """Returns the training that agent.json describes, for a folder without training.json."""
    spec, content, _ = read_agent_folder(folder)
    agent, environment = spec.agent, spec.environment
    if agent.name not in AGENTS or spec.training is None or not environment.id:
        raise SuiteError(f"'{folder}' has no {REPORT}, and its agent.json does not describe the training")
    kwargs = {name: value for name, value in environment.kwargs.items() if name not in RESERVED}
    track = track_of(agent.name, agent.config)
    spec = replace(
        spec,
        environment=replace(environment, kwargs=kwargs),
        agent=replace(agent, entry_point=AGENTS[agent.name].target, track=track),
    )
    report = TrainingReport(**(content.get("report") or {}))
    return TrainedFolder(status="completed", spec=spec, report=report)


def check_own_agent(folder: Path, trained: TrainedFolder) -> None:
    """Raises unless the user allowed the code of a trained agent from outside this package, and it loads.

    Args:
        folder: The folder of the trained agent.
        trained: From `read_training`.

    Raises:
        UntrustedCode: The user has not allowed the code that the folder names.
        SuiteError: The code cannot load an agent from a folder, or a file was altered.
    """
    name, shown_name = trained.spec.agent.name, shown(trained.spec.agent.name)
    if not any(name == code for _, code in code_names(name)):
        raise SuiteError(
            f"'{folder}' was trained by {shown_name!r}, which is no agent of this package and no code"
        )
    if name not in allowed_code():
        raise UntrustedCode(
            f"'{folder}' was trained by {shown_name}, which is not of this package, and code that a folder "
            f"names is not run; if it is yours, or you trust it: --allow-code {shown_name}",
            name,
        )
    refuse_code(dict(trained.spec.agent.config), folder / REPORT)
    check_loads(name)
    _own_files(folder, trained)


def load_trained(folder: Path, trained: TrainedFolder, env: Any, *, device: str) -> Any:
    """Loads the agent of a folder that `llm-envs train` wrote.

    Args:
        folder: The folder.
        trained: From `read_training`.
        env: An environment made by gymnasium.make.
        device: "auto" or a torch device.

    Raises:
        ValueError: See `check_own_agent` and `make_agent`.
    """
    agent, seed = trained.spec.agent, trained.training.seed
    if agent.name in AGENTS:
        return make_agent(str(folder), env, seed=seed, device=device)
    check_own_agent(folder, trained)
    return load_agent(agent.name, folder, env, seed=seed, device=device, config=agent.config)


def folder_hash(folder: Path, trained: TrainedFolder) -> str | None:
    """Returns the hash of a trained agent's files; None if the folder does not list them."""
    folder = standing_in(folder)
    if trained.spec.agent.name not in AGENTS:
        files = _own_files(folder, trained)
        return checkpoint_hash(files) if files else None
    listed = folder / MANIFEST
    if not listed.is_file():
        return None
    names = [*read_table(listed, kind="a saved agent"), MANIFEST]
    return checkpoint_hash({f"checkpoint/{name}": folder / name for name in sorted(names)})


def report_path(folder: Path) -> Path:
    """Returns the path of training.json, also while the agent's files are being exchanged."""
    exchanged = standing_in(folder) / REPORT
    return exchanged if exchanged.is_file() else folder / REPORT


def _own_files(folder: Path, trained: TrainedFolder) -> dict[str, Path]:
    """Returns the files of an agent from outside this package, by their names in a record.

    Raises:
        SuiteError: A file is missing or was altered, or its name leaves the folder.
    """
    files = {}
    for name, digest in (trained.files or {}).items():
        path = folder / name
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or not path.is_file():
            raise SuiteError(f"'{folder / REPORT}' lists {shown(name)}, and the folder has no such file")
        if file_sha256(path) != digest:
            raise SuiteError(f"'{path}' was altered or cut short: its SHA-256 differs")
        files[f"checkpoint/{name}"] = path
    return dict(sorted(files.items()))
