"""What training and storing must keep: `learn`, its report, seeds, `save` and `load`."""

from __future__ import annotations

import inspect
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from llm_baselines.agent import TrainingReport
from llm_baselines.registry import AGENTS, load_agent, make_agent
from llm_benchmarks.checking.agents.acting import play, share_alike, starts
from llm_benchmarks.checking.checks import Broken, NotApplicable, Note
from llm_benchmarks.checking.subjects import AgentSubject
from llm_benchmarks.records.checkpoint import check_name, checkpoint_files
from llm_benchmarks.records.values import RecordError

_PICKLE = b"\x80"  # the first byte of a pickle of protocol 2 or above
_ALIKE = 0.9


def learns(subject: AgentSubject) -> str:
    """Trains an agent for a short time and reads its report."""
    agent = subject.trained
    if not subject.trains:
        raise NotApplicable("it is loaded from a folder" if subject.is_folder else "it has no learn()")
    report = getattr(agent, "report", None)
    if not isinstance(report, TrainingReport):
        raise Note("it has no report (llm_baselines.agent.TrainingReport), so records state no cost")
    counted = max(report.environment_steps, report.tokens)
    if subject.total_timesteps and not counted:
        what = f"learn({subject.total_timesteps}) ended, and its report counts 0 steps and 0 tokens"
        if report.parameters or report.seconds:
            raise Note(what)  # it may have learned from texts alone
        raise Broken(what)
    if report.environment_steps > 10 * subject.total_timesteps + 10_000:
        raise Broken(f"learn({subject.total_timesteps}) took {report.environment_steps:,} steps")
    return f"{counted:,} steps"


def command_line_trains(subject: AgentSubject) -> str:
    """Checks that `llm-envs train` can call `learn` and `save`."""
    agent = subject.trained
    if not subject.trains:
        raise NotApplicable("it is not trained here")
    try:
        inspect.signature(agent.learn).bind(1, run_folder=None, resume=False)
    except TypeError as error:
        raise Note(f"suites can train it, and `llm-envs train` cannot: learn() {error}") from None
    except ValueError:  # code in C may have no signature
        return ""
    if not callable(getattr(agent, "save", None)):
        raise Note("suites can train it, and `llm-envs train` cannot: it has no save(folder)")
    return ""


def seed_decides(subject: AgentSubject) -> str:
    """Makes, and trains, two agents with one seed, and compares the texts that they draw."""
    texts = [play(subject, subject.make_trained(), rows=4, deterministic=False) for _ in range(2)]
    share = share_alike(*texts)
    if share < _ALIKE:
        raise Broken(
            f"two agents with seed {subject.seed} write alike in {share:.0%} of {subject.episodes} episodes"
        )
    return ""


def loaded_acts_the_same(subject: AgentSubject) -> str:
    """Saves the agent, loads it, and compares texts and actions."""
    agent = subject.trained
    if not callable(getattr(agent, "save", None)):
        raise NotApplicable("it has no save(folder)")
    with tempfile.TemporaryDirectory(prefix="llm-envs-check-") as place:
        folder = Path(place) / "agent"
        if subject.name not in AGENTS:  # the package's own agents write a new folder at once
            folder.mkdir()
        agent.save(folder)
        _check_files(folder)
        loaded = _loaded(subject, folder)
        observations = starts(subject)
        there = agent.predict(observations, deterministic=True)[0]
        here = loaded.predict(observations, deterministic=True)[0]
        if (np.asarray(there) != np.asarray(here)).mean() > 1 - _ALIKE:
            raise Broken("the loaded agent takes other tokens than the one that was saved")
        share = share_alike(play(subject, agent, rows=4), play(subject, loaded, rows=4))
        if share < _ALIKE:
            raise Broken(f"the loaded agent writes the same in {share:.0%} of {subject.episodes} episodes")
    return ""


def _check_files(folder: Path) -> None:
    files = checkpoint_files(folder)
    if not files:
        raise Broken("save(folder) wrote no file into the folder")
    for name, path in files.items():
        try:
            check_name(name)
        except RecordError as error:
            raise Broken(str(error)) from None
        with path.open("rb") as file:
            if file.read(1) == _PICKLE:
                raise Broken(f"{name} is a pickle, which runs code when it is loaded")


def _loaded(subject: AgentSubject, folder: Path) -> Any:
    env = subject.make_env()
    if subject.name in AGENTS or subject.is_folder:
        return make_agent(str(folder), env, seed=subject.seed, device=subject.device)
    try:
        return load_agent(
            subject.name, folder, env, seed=subject.seed, device=subject.device, config=subject.config
        )
    except ValueError as error:
        raise Broken(str(error)) from None
