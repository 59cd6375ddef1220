"""`llm-envs check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llm_benchmarks.commands.options import AllowCode, Config, Device, EnvSet, Json, Set, code_allowed
from llm_benchmarks.console.input import bad_input, usable_device
from llm_benchmarks.console.options import configuration, env_arguments


def command(
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="ID|MODULE:NAME|AGENT|FOLDER",
            help="Environment (id, module:Class, module:function) or agent (name, folder, module:factory).",
        ),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FOLDER", help="An agent, where a function could be taken for an environment."
        ),
    ] = None,
    submission: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="A folder of records with their checkpoints that is to be handed in."
        ),
    ] = None,
    env: Annotated[
        str, typer.Option(metavar="ID", help="The environment that an agent is checked on.")
    ] = "TextGen-Tiny-v0",
    env_set: EnvSet = None,
    config: Config = None,
    set_: Set = None,
    total_timesteps: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, help="Steps of each training of an agent; it is trained three times."
        ),
    ] = 500,
    search_tokens: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="Tokens that the search for the best constant text may try."),
    ] = 400_000,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the checks.")] = 0,
    allow_code: AllowCode = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Checks an environment, an agent or a submission of your own against what all of them must keep.

    A line for each check says what was found, and what to do where one fails. Exit status 1: a check fails.
    """
    from llm_benchmarks.commands import check

    with bad_input():
        given = [name for name in (subject, agent, submission) if name is not None]
        if len(given) != 1:
            raise ValueError(
                f"check takes one environment, agent or --submission, got {len(given)}; for example: "
                "llm-envs check TextGen-Tiny-v0"
            )
        usable_device(device)
        arguments = env_arguments(env_set or ())
        options = configuration(config, set_ or ())
    with code_allowed(allow_code):
        if submission is not None:
            raise typer.Exit(check.run_submission(submission, json_output=json))
        name = agent if agent is not None else str(subject)
        if agent is None and check.is_environment(name):
            status = check.run_environment(
                name, arguments, seed=seed, search_tokens=search_tokens, json_output=json
            )
        else:
            status = check.run_agent(
                name,
                env,
                config=options,
                env_kwargs=arguments,
                total_timesteps=total_timesteps,
                seed=seed,
                device=device,
                json_output=json,
            )
    raise typer.Exit(status)
