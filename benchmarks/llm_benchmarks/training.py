"""Training into a folder: an agent others can evaluate, a report, and what is needed to go on.

FOLDER/agent.json, ...     the agent, as its own `save` wrote it
FOLDER/training.json       what was asked for, and what it cost: see `Training`
FOLDER/run/                the agent's checkpoints and logs
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from llm_baselines.agent import TrainingReport
from llm_baselines.registry import AGENTS, make_agent
from llm_benchmarks.provenance import utc_now
from llm_benchmarks.suite import Cell, SuiteError
from llm_envs.foreign import refuse_code

REPORT, RUN = "training.json", "run"
FORMAT = 1
_SAME = ("env", "env_kwargs", "agent", "seed", "reward", "config")


class Training:
    """A training that is ready to begin: everything that may be refused has been looked at.

    Attributes:
        agent: The agent.
        facts: What training.json says.
    """

    def __init__(self, agent: Any, env: Any, folder: Path, facts: dict[str, Any], *, resume: bool) -> None:
        self.facts = facts
        self.agent = agent
        self._env = env
        self._folder = folder
        self._resume = resume

    def run(self, *, progress_bar: bool = False, callback: Any = None) -> dict[str, Any]:
        """Trains. An interruption saves the agent as it is and passes on.

        Args:
            progress_bar: Show one.
            callback: For agents that take one of Stable-Baselines3's.

        Returns:
            The facts in training.json.

        Raises:
            KeyboardInterrupt: Training was interrupted; agent and report have been saved.
        """
        folder, facts = self._folder, self.facts
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder, facts)
        started = time.perf_counter()
        status = "failed"
        try:
            self.agent.learn(
                facts["total_timesteps"],
                run_folder=folder / RUN,
                resume=self._resume,
                progress_bar=progress_bar,
                **({} if callback is None else {"callback": callback}),
            )
            status = "completed"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        finally:
            facts |= {"status": status, "finished_at": utc_now()}
            if status != "failed":  # else agent and report in the folder stay those from before, if any
                save_agent(self.agent, folder)
                steps = facts["total_timesteps"] if status == "completed" else 0  # it does not tell
                report = getattr(self.agent, "report", None) or TrainingReport(
                    environment_steps=steps, tokens=steps, seconds=time.perf_counter() - started
                )
                facts["report"] = asdict(report)
            _write(folder, facts)
            self._env.close()
        return facts


def prepare(cell: Cell, folder: Path, *, resume: bool = False, device: str = "auto") -> Training:
    """Makes everything a training needs; nothing is written yet.

    Args:
        cell: Says environment, agent, seed, reward, budget and configuration.
        folder: New or empty, unless resumed.
        resume: Go on from what stands in the folder, with the same request but for its budget; with nothing
            there, begin.
        device: A torch device, or "auto".

    Raises:
        SuiteError: The folder or the request does not allow it.
        ValueError: Environment, reward or agent cannot be made as asked.
    """
    from llm_benchmarks.plan import make_plan, plan_agent, training_env

    before = _check_folder(folder, resume)
    if before is not None:  # what is not said again stays as it was
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
    }
    if before is not None:
        _check_same(before, json.loads(json.dumps(facts)), folder)
    env = training_env(cell)
    agent: Any = make_agent(cell.agent, env, seed=cell.seed, device=device, config=planned.options)
    for method, why in (("learn", "it cannot train"), ("save", "what it learns would be lost")):
        if not callable(getattr(agent, method, None)):
            raise SuiteError(f"agent {cell.agent!r} has no {method}(): {why}")
    return Training(agent, env, folder, facts, resume=resume)


def save_agent(agent: Any, folder: Path) -> None:
    """Writes an agent's files into a folder that holds other things too, its manifest last."""
    temporary = Path(tempfile.mkdtemp(prefix=".saving-", dir=folder))
    try:
        (temporary / "agent").mkdir()
        agent.save(temporary / "agent")
        for path in sorted((temporary / "agent").iterdir(), key=lambda p: p.name == "manifest.json"):
            os.replace(path, folder / path.name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_training(folder: Path) -> dict[str, Any]:
    """The facts of the training behind a folder, from training.json or the agent's own description.

    Of a training that was not finished, "total_timesteps" are those that were done.

    Raises:
        SuiteError: There are none, or they cannot be read.
        UntrustedCode: They name code where something would be made from it. What the agent was trained on
            and by is only told, and may name any.
    """
    if (folder / REPORT).is_file():
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
    from llm_baselines.agent_folder import read_agent_folder
    from llm_benchmarks.plan import track_of

    described, _ = read_agent_folder(folder)
    name, kwargs = described.get("agent"), dict(described.get("env_kwargs") or {})
    if name not in AGENTS or described.get("seed") is None or described.get("env_id") is None:
        raise SuiteError(f"'{folder}' has no {REPORT}, and its agent.json tells too little without")
    kwargs.pop("split", None)
    config = dict(described.get("config") or {})
    asked = kwargs.pop("reward", "default")
    reward = config["reward"] if config.get("reward") is not None else asked
    return {
        "env": described["env_id"],
        "env_kwargs": kwargs,
        "agent": name,
        "entry_point": AGENTS[name].target,
        "config": config,
        "reward": reward,
        "reward_timing": config.get("reward_timing") or kwargs.get("reward_timing"),
        "training_reward": {
            "spec": reward,
            "signature": described.get("reward_signature"),
        },
        "seed": described["seed"],
        "total_timesteps": int(described.get("timesteps") or 0),
        "track": track_of(name, {"model": described.get("model"), **config}),
        "report": described.get("report") or asdict(TrainingReport()),
    }


def _check_folder(folder: Path, resume: bool) -> dict[str, Any] | None:
    """What an earlier run in the folder asked for; None in a new folder, resumed or not."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    if not folder.is_dir():
        raise SuiteError(f"'{folder}' is a file; name a folder")
    if not resume:
        raise SuiteError(f"'{folder}' exists and is not empty; go on with --resume or name another folder")
    return _read(folder)


def _check_same(before: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    """Refuses to go on with another request than a folder's."""
    old, new = ({name: facts.get(name) for name in _SAME} for facts in (before, now))
    for facts in (old, new):
        facts.update({f"config.{k}": v for k, v in (facts.pop("config") or {}).items()})
    for name in {**old, **new}:
        if old.get(name) != new.get(name):
            raise SuiteError(
                f"'{folder}' was begun with {name}={old.get(name)!r}, not {new.get(name)!r}: resume with "
                "the same, or train into another folder"
            )


def _read(folder: Path) -> dict[str, Any]:
    path = folder / REPORT
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(facts, dict) or facts.get("format") != FORMAT:
            raise ValueError(f"it is not a training report of format {FORMAT}")
    except (OSError, ValueError) as error:
        raise SuiteError(f"'{path}' cannot be read: {error}") from error
    return facts


def _write(folder: Path, facts: Mapping[str, Any]) -> None:
    """Replaces the report as a whole."""
    text = json.dumps(facts, indent=1, ensure_ascii=False, default=float)
    temporary = folder / f".{REPORT}"
    temporary.write_text(text + "\n", encoding="utf-8")
    os.replace(temporary, folder / REPORT)
