"""`llm-envs rewards compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llm_benchmarks.commands.options import AllowCode, Config, Device, Env, EnvSet, Json, Set, code_allowed
from llm_benchmarks.console.input import bad_input


def command(
    designs: Annotated[
        list[str],
        typer.Argument(
            metavar="SPEC...",
            help="Two or more designs: a reward in one line, NAME=SPEC, JSON, or a TOML file with [designs].",
        ),
    ],
    env: Env,
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="Folder of the page, the data and the records.")
    ],
    agent: Annotated[
        str, typer.Option(metavar="NAME", help="The agent that is trained on each design.")
    ] = "token_dqn",
    seeds: Annotated[
        int, typer.Option(metavar="N", min=1, max=1000, help="Trainings of each design, seeds 0 to N-1.")
    ] = 3,
    total_timesteps: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Environment steps of a training; by default the demo's."),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="SPEC",
            help="A further held-out value, also NAME=SPEC; repeatable. "
            "The environment's default reward and metrics are always there.",
        ),
    ] = None,
    config: Config = None,
    set_: Set = None,
    env_set: EnvSet = None,
    store: Annotated[
        Path | None,
        typer.Option("--store", metavar="FOLDER", help="Folder of the records; by default OUT/records."),
    ] = None,
    experiment: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the experiment in the records.")
    ] = "",
    processes: Annotated[
        int, typer.Option("--processes", metavar="N", min=1, help="Trainings at the same time.")
    ] = 1,
    allow_code: AllowCode = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Trains the same agent on each design, and scores every text by all designs and by held-out values.

    Trainings that the store has are not repeated, so an interrupted comparison goes on.
    """
    from llm_benchmarks.console.options import configuration, env_arguments
    from llm_benchmarks.rewards.comparison.designs import read_designs, read_named
    from llm_benchmarks.rewards.comparison.plan import Plan

    with bad_input():
        plan = Plan(
            env=env,
            agent=agent,
            designs=tuple(read_designs(designs)),
            seeds=tuple(range(seeds)),
            total_timesteps="demo" if total_timesteps is None else total_timesteps,
            config=configuration(config, set_ or ()),
            env_kwargs=env_arguments(env_set or (), "metrics"),
            metrics=tuple(read_named(text, "--metric") for text in metric or ()),
            experiment=experiment,
            device=device,
            warm_starts=str((out / "warm-starts").absolute()),
        )
    from llm_benchmarks.commands.compare_rewards import run

    with code_allowed(allow_code):
        raise typer.Exit(
            run(
                plan,
                out,
                store if store is not None else out / "records",
                processes=processes,
                json_output=json,
            )
        )
