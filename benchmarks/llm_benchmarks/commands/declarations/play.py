"""`llm-envs play`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from llm_benchmarks.commands.options import EnvId, EnvSet, Split
from llm_benchmarks.console.input import bad_input
from llm_benchmarks.console.options import env_arguments, reward_spec


def command(
    env: EnvId,
    split: Split = "train",
    example: Annotated[
        int | None, typer.Option(metavar="N", help="Index of the first example; random by default.")
    ] = None,
    reward: Annotated[
        str, typer.Option(metavar="SPEC", help="A reward: a name, module:name, a line, or JSON.")
    ] = "default",
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed for drawing examples.")] = 0,
    env_set: EnvSet = None,
) -> None:
    """Lets you write a text and shows its reward.

    You write line by line or token by token.
    """
    from llm_benchmarks.commands.play import Player

    with bad_input():
        from llm_benchmarks.run.token_environments import check_token_environments

        check_token_environments([env], "play")
        player = Player(
            env,
            example=example,
            seed=seed,
            split=split,
            reward=reward_spec(reward),
            **env_arguments(env_set or (), "env_id", "example", "seed"),
        )
    player.play(sys.stdin, sys.stdout)
