"""From the name of an engine to the engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llm_benchmarks.run.devices import gpus_here
from llm_benchmarks.run.engines.engine import Engine
from llm_benchmarks.run.engines.process import ProcessEngine
from llm_benchmarks.run.limits import Limits
from llm_benchmarks.run.suite import Run
from llm_envs.checks.suggestions import did_you_mean

ENGINES = ("process", "ray", "submitit")


def make_engine(name: str, run: Run, limits: Limits, settings: Mapping[str, Any], store: Path) -> Engine:
    """Returns an engine that is ready to start cells.

    Args:
        name: One of `ENGINES`.
        run: How the suite's cells are run.
        limits: What a cell may use.
        settings: Options of the engine by name; `process` has none.
        store: Folder of the store.

    Raises:
        ValueError: The name or a setting is unknown or wrong.
        MissingExtra: The library of the engine is not installed.
        EngineError: The engine cannot be used here.
    """
    if name not in ENGINES:
        raise ValueError(
            f"unknown engine {name!r}{did_you_mean(name, ENGINES)} there are {', '.join(ENGINES)}"
        )
    if name == "ray":
        from llm_benchmarks.run.engines.ray_tasks import RayEngine

        return RayEngine(run, limits, settings)
    if name == "submitit":
        from llm_benchmarks.run.engines.submitit_jobs import SubmititEngine

        return SubmititEngine(run, limits, settings, store)
    if settings:
        raise ValueError(f"--engine-set {next(iter(settings))}: the engine 'process' has no options")
    return ProcessEngine(run.processes, gpus_here(run.device))
