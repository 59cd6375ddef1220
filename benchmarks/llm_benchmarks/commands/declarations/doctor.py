"""`llm-envs doctor`."""

from __future__ import annotations

from llm_benchmarks.commands.options import Json


def command(json: Json = False) -> None:
    """Says what is installed, which device is used, and how to get what is missing."""
    from llm_benchmarks.commands.doctor import show

    show(json_output=json)
