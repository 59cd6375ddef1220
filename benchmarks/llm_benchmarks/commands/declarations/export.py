"""`llm-envs export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llm_benchmarks.commands.options import AllowCode, Device, code_allowed
from llm_benchmarks.console.input import bad_input


def command(
    agent: Annotated[
        Path, typer.Option(metavar="FOLDER", help="A trained agent: a folder that `llm-envs train` wrote.")
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="A new or empty folder.")],
    env: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The environment of the training, if you registered its id."),
    ] = None,
    allow_code: AllowCode = None,
    device: Device = "auto",
) -> None:
    """Exports a trained language model for transformers.

    The folder holds a checkpoint that AutoModelForCausalLM reads, and a model card. Adapters are merged into
    the weights.
    """
    from llm_benchmarks.commands.export import run

    with bad_input(), code_allowed(allow_code):
        run(agent, out, env_id=env, device=device)
