"""`llm-envs throughput`."""

from __future__ import annotations

from typing import Annotated

import typer

from llm_benchmarks.commands.options import Device, Json
from llm_benchmarks.console.input import InputError, bad_input


def command(
    json: Json = False,
    seconds: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.01, help="Length of one measurement.")
    ] = 0.5,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Measure this pretrained model with LoRA instead.")
    ] = None,
    device: Device = "auto",
    dense: Annotated[bool, typer.Option(help="Measure dense rewards instead; some minutes.")] = False,
) -> None:
    """Measures speed, as ratios to Gymnasium, SB3 and transformers."""
    if not seconds < float("inf"):
        raise InputError(f"--seconds {seconds} must be a finite number")
    if dense and model is not None:
        raise InputError("--dense measures environments, and --model a model: choose one")
    if dense:
        from llm_benchmarks.throughput.dense import run as run_dense

        raise typer.Exit(run_dense(json_output=json))
    if model is not None:
        from llm_benchmarks.throughput.models import run as run_model

        with bad_input():
            status = run_model(model, device=device, json_output=json)
        raise typer.Exit(status)
    from llm_benchmarks.throughput.environments import run

    raise typer.Exit(run(json_output=json, seconds=seconds))
