"""`llm-envs evaluate`."""

from __future__ import annotations

from typing import Annotated

import typer

from llm_benchmarks.commands.options import (
    AllowCode,
    Config,
    Device,
    Env,
    EnvSet,
    Json,
    Set,
    Split,
    Store,
    Threads,
    code_allowed,
)
from llm_benchmarks.console.input import bad_input, usable_device
from llm_benchmarks.console.options import configuration, env_arguments, metric_specs, reward_spec


def command(
    env: Env,
    agent: Annotated[
        str,
        typer.Option(
            metavar="NAME|FOLDER",
            help="Name of an agent, folder of a trained one, or package.module:factory.",
        ),
    ],
    store: Store,
    episodes: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Episodes; by default one for each example.")
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="Evaluation seed; it must differ from the training seed.")
    ] = 1_000_000,
    split: Split = "test",
    reward: Annotated[
        str,
        typer.Option(metavar="SPEC", help="The reward to score with: a name, module:name, a line, or JSON."),
    ] = "default",
    metrics: Annotated[
        list[str] | None,
        typer.Option(metavar="SPEC", help="A further score to record: a name, JSON, or default; repeatable."),
    ] = None,
    config: Config = None,
    set_: Set = None,
    env_set: EnvSet = None,
    num_envs: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=2**16, help="Episodes played at the same time; changes no result."
        ),
    ] = 32,
    sample: Annotated[
        bool, typer.Option("--sample", help="Let the agent sample instead of taking its best token.")
    ] = False,
    note_values: Annotated[
        bool,
        typer.Option(
            "--note-values",
            help="Note Q, V and log-probability of each token, for the page; changes no result.",
        ),
    ] = False,
    allow_code: AllowCode = None,
    device: Device = "auto",
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Evaluates an agent on the test split and writes a record."""
    with bad_input():
        from llm_benchmarks.run.cells import Cell, Evaluation, check_names
        from llm_benchmarks.run.token_environments import check_token_environments

        check_names([env], [agent], "evaluate")
        check_token_environments([env], "evaluate")
        usable_device(device)
        cell = Cell(
            env=env,
            agent=agent,
            config=configuration(config, set_ or ()),
            env_kwargs=env_arguments(env_set or ()),
            evaluation=Evaluation(
                seed=seed,
                split=split,
                reward=reward_spec(reward),
                metrics=metric_specs(metrics or ()),
                episodes=episodes,
                num_envs=num_envs,
                deterministic=not sample,
                note_values=note_values,
            ),
        )
    from llm_benchmarks.commands.evaluate import run

    with code_allowed(allow_code, cell):
        raise typer.Exit(run(cell, store, device=device, threads=threads, json_output=json))
