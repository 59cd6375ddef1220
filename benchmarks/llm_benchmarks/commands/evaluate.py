"""`llm-envs evaluate`: evaluates one agent on one environment and writes a record."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

from rich.console import Console

from llm_baselines.registry import AGENTS, factory_of
from llm_benchmarks.console.input import InputError, bad_input, usable_folder
from llm_benchmarks.console.machine_faults import machine_fault
from llm_benchmarks.console.report import complain, say
from llm_benchmarks.console.termination import termination_interrupts
from llm_benchmarks.leaderboard.samples import print_samples, spread
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.cell import run_cell
from llm_benchmarks.run.cells import Cell, SuiteError
from llm_benchmarks.run.resolve import Resolved, resolve_agent, with_environment
from llm_benchmarks.run.threads import limit_threads

_SAMPLES = 3
_LOADED = (
    "evaluate what was trained, --agent FOLDER --allow-code package.module:factory; or name a function that "
    "gives the trained agent, --agent package.module:function, called as function(env, seed, device, "
    "**config) with --set for what it loads from"
)


@termination_interrupts()
def run(cell: Cell, store: Path, *, device: str, json_output: bool, threads: int | None = None) -> int:
    """Evaluates and writes the record; prints the scores and the record's id.

    Returns:
        0, or 1 if the agent failed during the evaluation; the record holds the error.

    Raises:
        KeyboardInterrupt: Ctrl-C, SIGTERM or SIGHUP came; the record has the status "interrupted".
    """
    with bad_input():
        resolved = _check(cell, device)
    limit_threads(threads, resolved.spec.agent)
    usable_folder(store)
    try:
        result = run_cell(cell, RecordStore(store), device=device)
    except OSError as error:
        reason = machine_fault(error) or str(error)
        raise InputError(
            f"--store {str(store)!r}: {reason}; this evaluation was not kept, earlier records are whole"
        ) from error
    record = RecordStore(store).read(result.record)
    if json_output:
        summary = {
            "status": result.status,
            "record": result.record,
            "env": cell.env_id,
            "agent": record.spec.agent.name,
            "results": record.results,
            "error": record.error,
        }
        print(json.dumps(summary, indent=2))
    elif result.status == "completed":
        results = record.results or {}
        console = Console()
        metrics = ", ".join(f"{k} {v:.3f}" for k, v in results["metrics"].items() if v is not None)
        say(
            console,
            f"{cell.env_id} {record.spec.agent.name}: mean reward {results['mean_reward']:.3f} over "
            f"{results['episodes']} episodes" + (f" ({metrics})" if metrics else ""),
        )
        episodes = record.episodes()
        samples = spread(episodes, _SAMPLES)
        say(console, f"{len(samples)} of its {len(episodes)} texts:")
        print_samples(console, samples)
        say(console, f"record {result.record[:12]} in {store}")
    if result.status == "completed" and result.message:
        complain(f"llm-envs: {result.message}")
    if result.status != "completed":
        complain(f"llm-envs: {result.message}; record {result.record[:12]} says more")
    return 0 if result.status == "completed" else 1


def _check(cell: Cell, device: str) -> Resolved:
    """Returns the run, and raises if the evaluation is bound to fail.

    Raises:
        ValueError: The agent must be trained first, or was trained on another id or with the evaluation
            seed. Or the environment, the reward or the trained agent cannot be made.
    """
    is_folder = cell.agent not in AGENTS and Path(cell.agent).is_dir()
    if not is_folder and factory_of(cell.agent).trains:
        if cell.agent in AGENTS:
            raise SuiteError(
                f"agent {cell.agent!r} learns: `llm-envs train --env {cell.env} --agent {cell.agent} "
                "--out FOLDER` first, then evaluate --agent FOLDER"
            )
        raise SuiteError(f"agent {cell.agent!r} learns, and here nothing is trained: {_LOADED}")
    if is_folder and cell.config:
        raise SuiteError(f"'{cell.agent}' has its configuration; drop --config and --set")
    resolved = resolve_agent(cell)
    if resolved.trained is not None:
        if resolved.seed == cell.evaluation.seed:
            raise SuiteError(f"--seed {resolved.seed} is the seed '{cell.agent}' was trained with")
        _check_loads(resolved, device)
    with_environment(resolved)
    return resolved


def _check_loads(resolved: Resolved, device: str) -> None:
    """Loads a trained agent once, so that a damaged folder is an error and not a failed run."""
    env = resolved.training_env()
    try:
        with warnings.catch_warnings():  # they appear when the agent is loaded again to play
            warnings.simplefilter("ignore")
            resolved.make_agent(env, device=device)
    finally:
        env.close()
