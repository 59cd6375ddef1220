"""`llm-envs train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llm_benchmarks.commands.options import AllowCode, Config, Device, Env, EnvSet, Set, Threads, code_allowed
from llm_benchmarks.console.input import bad_input, usable_device
from llm_benchmarks.console.options import configuration, env_arguments, reward_spec


def command(
    env: Env,
    agent: Annotated[str, typer.Option(metavar="NAME", help="Name of an agent, or package.module:factory.")],
    out: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="A new folder for the agent; with --resume, the same folder."),
    ],
    total_timesteps: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Environment steps; by default the agent's budget.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Training seed.")] = 0,
    reward: Annotated[
        str,
        typer.Option(
            metavar="SPEC",
            help="The reward to train on: a name, module:name, a line, JSON, or tuned, the reward that was "
            "tuned for this agent and environment.",
        ),
    ] = "default",
    config: Config = None,
    set_: Set = None,
    env_set: EnvSet = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint.")] = False,
    show_q: Annotated[
        bool,
        typer.Option(
            "--show-q", help="Print Q, target and TD error of some tokens before and after (token_dqn)."
        ),
    ] = False,
    show_samples: Annotated[
        bool,
        typer.Option(
            "--show-samples",
            help="Print sampled texts with their reward components while it trains; the option log_samples "
            "of the agent sets how often.",
        ),
    ] = False,
    allow_code: AllowCode = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Trains an agent and saves it in a folder.

    Ctrl-C saves the agent and stops; --resume continues.
    """
    with bad_input():
        from llm_benchmarks.run.cells import Cell, check_names
        from llm_benchmarks.run.token_environments import check_token_environments

        check_names([env], [agent], "train")
        check_token_environments([env], "train")
        usable_device(device)
        cell = Cell(
            env=env,
            agent=agent,
            seed=seed,
            reward=reward_spec(reward, trains=True),
            total_timesteps=total_timesteps,
            config=configuration(config, set_ or ()),
            env_kwargs=env_arguments(env_set or ()),
        )
    from llm_benchmarks.commands.train import run

    with code_allowed(allow_code, cell):
        raise typer.Exit(
            run(
                cell,
                out,
                resume=resume,
                show_q=show_q,
                device=device,
                threads=threads,
                show_samples=show_samples,
            )
        )
